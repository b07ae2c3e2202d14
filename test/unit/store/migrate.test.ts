// Migrations: forward only, each whole or not at all, and never over a store with another history.

import { describe, expect, it } from 'vitest';
import type { ReadHost } from '../../../src/host/host.js';
import { APPLICATION_ID, type Migration, migrate, readMigrations, schemaVersion } from '../../../src/store/migrate.js';
import { openDatabase } from '../../../src/store/open-database.js';

const step = (number: number, sql: string): Migration => ({ number, name: `000${number}-x.sql`, sql, checksum: sql });
const ONE = step(1, 'CREATE TABLE a (x)');
const TWO = step(2, 'ALTER TABLE a ADD COLUMN y');
const BROKEN = step(2, 'CREATE TABLE b (x); INSERT INTO a VALUES (1); SELECT nosuch()');

function folderOf(files: Readonly<Record<string, string>>): ReadHost {
  return {
    list: () => Object.keys(files).sort(),
    read: (path: string) => files[path.slice('m/'.length)]!,
  } as unknown as ReadHost;
}

describe('migrate', () => {
  it('applies what is missing, once', () => {
    const db = openDatabase(':memory:');
    migrate(db, 'x', [ONE], 7);
    expect(schemaVersion(db, 'x')).toBe(1);
    migrate(db, 'x', [ONE, TWO], 8);
    migrate(db, 'x', [ONE, TWO], 9);
    expect(db.prepare('SELECT number, applied_at_us FROM migrations').raw().all()).toEqual([
      [1, 7],
      [2, 8],
    ]);
    expect(db.pragma('application_id', { simple: true })).toBe(APPLICATION_ID);
  });

  it('leaves the store at the last whole version when one fails', () => {
    const db = openDatabase(':memory:');
    expect(() => migrate(db, 'x', [ONE, BROKEN], 0)).toThrow();
    expect(schemaVersion(db, 'x')).toBe(1);
    expect(db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all()).toEqual([
      'migrations',
      'a',
    ]);
    expect(db.prepare('SELECT count(*) FROM a').pluck().get()).toBe(0);
  });

  it('refuses a store from a newer program, with another history, or of another program', () => {
    const db = openDatabase(':memory:');
    migrate(db, 'x', [ONE, TWO], 0);
    expect(() => migrate(db, 'x', [ONE], 0)).toThrow(/newer ctwhy \(schema 2, this one knows 1\)/);
    expect(() => migrate(db, 'x', [{ ...ONE, checksum: 'other' }, TWO], 0)).toThrow(/another text of 0001-x\.sql/);
    const other = openDatabase(':memory:');
    other.exec('CREATE TABLE t (a)');
    expect(() => migrate(other, 'x', [ONE], 0)).toThrow(/not a store of ctwhy/);
  });
});

describe('readMigrations', () => {
  it('reads numbered files in order and nothing else', () => {
    const files = { '0002-b.sql': 'B', '0001-a.sql': 'A', 'README.md': '' };
    expect(readMigrations(folderOf(files), 'm').map(({ number, sql }) => [number, sql])).toEqual([
      [1, 'A'],
      [2, 'B'],
    ]);
  });

  it('says of a gap or an empty folder that the installation is broken', () => {
    expect(() => readMigrations(folderOf({ '0001-a.sql': '', '0003-c.sql': '' }), 'm')).toThrow(/not numbered/);
    expect(() => readMigrations(folderOf({}), 'm')).toThrow(/no migrations/);
  });
});
