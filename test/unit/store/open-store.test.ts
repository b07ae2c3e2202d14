// Stores that are missing, broken, foreign, newer, or out of reach: one sentence each, and the right exit code.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import { migrate, readMigrations } from '../../../src/store/migrate.js';
import { openDatabase } from '../../../src/store/open-database.js';
import { openStoreForReading, openStoreForWriting, removeStore } from '../../../src/store/open-store.js';
import { REPOSITORY, runCommand } from '../../helpers/run-command.js';

const migrationsFolder = join(REPOSITORY, 'migrations');
let folder: string;
let good: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stores-'));
  good = join(folder, 'good.db');
  await runCommand(['ingest', '--db', good, join(REPOSITORY, 'fixtures/hosts/finwait-deleted/kern.log')]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ask = (db: string) => runCommand(['query', 'SELECT count(*) AS n FROM packets', '--db', db]);

describe('a store that cannot be read', () => {
  it('missing: says how to get one, and makes none', async () => {
    const path = join(folder, 'none.db');
    const { stderr, code } = await ask(path);
    expect(stderr).toContain(`there is no evidence yet: no store at ${path}`);
    expect(code).toBe(1);
    expect(readdirSync(folder)).not.toContain('none.db');
  });

  it('an empty file counts as missing', async () => {
    const path = join(folder, 'empty.db');
    writeFileSync(path, '');
    expect((await ask(path)).stderr).toContain('there is no evidence yet');
  });

  it.each([
    [
      'not SQLite',
      () => writeFileSync(join(folder, 'text.db'), 'kernel: some log\n'.repeat(500)),
      'text.db',
      'it is not a SQLite database',
    ],
    ['a folder', () => mkdirSync(join(folder, 'folder.db')), 'folder.db', 'it is a folder; name a file, such as'],
    [
      'of another program',
      () => {
        const other = openDatabase(join(folder, 'other.db'));
        other.exec('CREATE TABLE t (a)');
        other.close();
      },
      'other.db',
      'not a store of ctwhy',
    ],
    [
      'from a newer ctwhy',
      () => {
        copyFileSync(good, join(folder, 'newer.db'));
        const newer = openDatabase(join(folder, 'newer.db'));
        newer.pragma('user_version = 999');
        newer.close();
      },
      'newer.db',
      'was written by a newer ctwhy (schema 999',
    ],
    [
      'damaged in the middle',
      () => {
        copyFileSync(good, join(folder, 'broken.db'));
        writeSync(openSync(join(folder, 'broken.db'), 'r+'), Buffer.alloc(60_000, 0xa5), 0, 60_000, 4096);
      },
      'broken.db',
      'it is damaged',
    ],
    [
      'cut short',
      () => writeFileSync(join(folder, 'cut.db'), readFileSync(good).subarray(0, 40_000)),
      'cut.db',
      'it is damaged',
    ],
  ])('%s', async (_, make, name, says) => {
    make();
    const { stdout, stderr, code } = await ask(join(folder, name));
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/\n {4}at |fault of ctwhy/);
    expect([stdout, code]).toEqual(['', 6]);
    expect((await runCommand(['status', '--db', join(folder, name)])).code).toBe(0);
  });

  it('brings one of an older ctwhy to its schema before it reads it', () => {
    const migrations = readMigrations(realHost(), migrationsFolder);
    const path = join(folder, 'older.db');
    const older = openDatabase(path);
    migrate(older, path, migrations.slice(0, 9), 1);
    older.close();
    const db = openStoreForReading(realHost(), { path, migrationsFolder }, 2)!;
    expect(db.pragma('user_version', { simple: true })).toBe(migrations.length);
    expect(() => db.exec('DELETE FROM hosts')).toThrow('readonly');
    db.close();
  });

  it.each([
    ['a folder', () => folder, 'it is a folder; name a file, such as'],
    ['the kernel’s', () => '/proc/x', 'file system of the kernel'],
    ['below the kernel’s', () => '/proc/x/y.db', 'file system of the kernel'],
    ['below a file', () => join(good, 'x.db'), 'its folder is missing, is no folder'],
    ['a device', () => '/dev/null', 'it is a device or a pipe'],
    [
      'no SQLite',
      () => {
        writeFileSync(join(folder, 'words.db'), 'words '.repeat(900));
        return join(folder, 'words.db');
      },
      'it is not a SQLite database',
    ],
  ])('cannot be made: %s', async (_, place, says) => {
    const log = join(REPOSITORY, 'fixtures/hosts/finwait-deleted/kern.log');
    const { stdout, stderr, code } = await runCommand(['ingest', '--db', place(), log]);
    expect(stderr).toContain(`the store ${place()}: `);
    expect(stderr).toContain(says);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect([stdout, code]).toEqual(['', 6]);
  });

  it('is not written to when it is not ours', async () => {
    for (const name of ['text.db', 'other.db', 'newer.db']) {
      const { stderr, code } = await runCommand(['ingest', '--db', join(folder, name), join(REPOSITORY, 'README.md')]);
      expect(stderr).toContain(join(folder, name));
      expect(code).toBe(6);
    }
  });
});

// Root may read and write everything: only another user shows what rights do.
const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)('rights (needs root to become another user)', () => {
  const asNobody = (path: string, work: string) =>
    spawnSync(
      process.execPath,
      [
        '-e',
        `process.setgroups([]); process.setgid(65534); process.setuid(65534); const D = require('better-sqlite3'); const fs = require('node:fs'); const path = ${JSON.stringify(path)}; ${work}`,
      ],
      { cwd: REPOSITORY, encoding: 'utf8' },
    );

  it("somebody else's store in a folder one may not write: SQLite refuses, a copy is read", () => {
    const place = mkdtempSync(join(tmpdir(), 'theirs-'));
    try {
      const path = join(place, 'store.db');
      // WAL mode with rows that are still in the -wal file.
      const writer = openDatabase(path);
      writer.pragma('journal_mode = WAL');
      // Of an older ctwhy: the copy is brought up to date.
      migrate(writer, path, readMigrations(realHost(), migrationsFolder).slice(0, 9), 0);
      writer.exec("INSERT INTO hosts (name) VALUES ('gw')");
      for (const name of ['store.db', 'store.db-wal']) cpSync(join(place, name), join(place, `copy-${name}`));
      writer.close();
      const copy = join(place, 'copy-store.db');
      chmodSync(place, 0o555);
      const direct = asNobody(
        copy,
        "try { new D(path, { readonly: true }).pragma('user_version'); console.log('opened'); } catch (error) { console.log(error.code); }",
      );
      expect(direct.stdout.trim()).toMatch(/^SQLITE_(READONLY|CANTOPEN)/);

      const script = `
        import { openStoreForReading } from ${JSON.stringify(join(REPOSITORY, 'src/store/open-store.ts'))};
        import { realHost } from ${JSON.stringify(join(REPOSITORY, 'src/host/real-host.ts'))};
        process.setgroups([]); process.setgid(65534); process.setuid(65534);
        const to = ${JSON.stringify(join(tmpdir(), `copied-${process.pid}.db`))};
        const db = openStoreForReading(realHost(), { path: ${JSON.stringify(copy)}, migrationsFolder: ${JSON.stringify(migrationsFolder)}, copyTo: () => to }, 2);
        console.log(db.prepare('SELECT name FROM hosts').pluck().get());
        try { db.exec("INSERT INTO hosts (name) VALUES ('x')"); console.log('written'); } catch (error) { console.log(error.code); }
        db.close();`;
      const file = join(folder, 'as-nobody.mts');
      writeFileSync(file, script);
      const read = execFileSync(process.execPath, ['--import', 'tsx', file], { cwd: REPOSITORY, encoding: 'utf8' });
      expect(read.trim().split('\n')).toEqual(['gw', 'SQLITE_READONLY']);
      removeStore(join(tmpdir(), `copied-${process.pid}.db`));
    } finally {
      chmodSync(place, 0o755);
      rmSync(place, { recursive: true, force: true });
    }
  });
});

describe('a store', () => {
  it('is NULL for reading where there is none', () => {
    expect(openStoreForReading(realHost(), { path: join(folder, 'no.db'), migrationsFolder }, 2)).toBeNull();
  });

  it('leaves no file of its own when removed', () => {
    const path = join(folder, 'gone/store.db');
    openStoreForWriting(realHost(), { path, migrationsFolder }, 0).close();
    removeStore(path);
    expect(readdirSync(join(folder, 'gone'))).toEqual([]);
  });
});
