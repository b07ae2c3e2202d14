// Every table and column of a store has a sentence, and every sentence a column.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realHost } from '../../src/host/real-host.js';
import { type Db, openStoreForWriting } from '../../src/store/open-store.js';
import { CONTRACT_NAMES, schemaRows, schemaWords } from '../../src/store/schema-words.js';

interface RealColumn {
  readonly name: string;
  readonly type: string;
}

let folder: string;
let db: Db;
let real: Map<string, { readonly kind: string; readonly columns: readonly RealColumn[] }>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'schema-'));
  const migrationsFolder = new URL('../../migrations', import.meta.url).pathname;
  db = openStoreForWriting(realHost(), { path: join(folder, 'store.db'), migrationsFolder }, 0);
  const tables = db
    .prepare("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'")
    .all() as { name: string; type: string }[];
  real = new Map(
    tables.map(({ name, type }) => [
      name,
      { kind: type, columns: db.prepare('SELECT name, type FROM pragma_table_info(?)').all(name) as RealColumn[] },
    ]),
  );
});
afterAll(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the schema in words', () => {
  it('knows every table and view, and no other', () => {
    expect(
      schemaWords()
        .map(({ name, kind }) => `${kind} ${name}`)
        .sort(),
    ).toEqual([...real].map(([name, { kind }]) => `${kind} ${name}`).sort());
  });

  it('has every name of the contract, first and in its order', () => {
    expect(CONTRACT_NAMES.length).toBe(25);
    expect(
      schemaWords()
        .slice(0, CONTRACT_NAMES.length)
        .map(({ name }) => name),
    ).toEqual([...CONTRACT_NAMES]);
  });

  it('names the columns of each table in their order', () => {
    for (const table of schemaWords())
      expect([table.name, ...table.columns.map(([name]) => name)]).toEqual([
        table.name,
        ...(real.get(table.name)?.columns ?? []).map(({ name }) => name),
      ]);
  });

  it('gives the types that SQLite has', () => {
    const wrong = schemaWords().flatMap((table) =>
      table.columns
        .map(([name, type], at) => ({
          name: `${table.name}.${name}`,
          type,
          real: real.get(table.name)?.columns[at]?.type,
        }))
        // An expression of a view has no type, and ANY is called BLOB there.
        .filter(
          (column) =>
            column.real !== '' && column.real !== column.type && !(column.type === 'ANY' && column.real === 'BLOB'),
        ),
    );
    expect(wrong).toEqual([]);
  });

  it('has no empty, unfinished or endless sentence', () => {
    const odd = schemaRows().filter(
      ([, , , says]) => says!.length < 3 || says!.length > 200 || /\s\s|TODO|\n/.test(says!),
    );
    expect(odd).toEqual([]);
  });

  it('says what NULL means wherever a column of a table may be NULL', () => {
    const silent = schemaWords()
      .filter(({ kind }) => kind === 'table')
      .flatMap((table) => {
        const nullable = db
          .prepare('SELECT name FROM pragma_table_info(?) WHERE "notnull" = 0 AND pk = 0')
          .pluck()
          .all(table.name) as string[];
        return table.columns
          .filter(([name, , says]) => nullable.includes(name) && !/NULL/.test(says))
          .map(([name]) => `${table.name}.${name}`);
      })
      // Who read what is NULL only in rows that no source brought.
      .filter((name) => !/\.(source_id|line)$/.test(name));
    expect(silent).toEqual([]);
  });

  it('says the unit of every time', () => {
    const silent = schemaWords().flatMap((table) =>
      table.columns
        .filter(
          ([name, , says]) => /_(us|ms|s)$/.test(name) && !/second|epoch|taken|boot|true time|right within/.test(says),
        )
        .map(([name]) => `${table.name}.${name}`),
    );
    expect(silent).toEqual([]);
  });
});
