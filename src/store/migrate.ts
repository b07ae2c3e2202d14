// Brings a store to this program's schema: numbered SQL files, forward only, each in one transaction, each remembered with its checksum.

import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import type { ReadHost } from '../host/host.js';
import { StoreError } from '../text/errors.js';

/** 'ctwy' in ASCII: tells our stores from other SQLite files. */
export const APPLICATION_ID = 0x63747779;

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** The migrations of a folder in order. @throws StoreError when numbers are missing or repeated (a broken installation). */
export function readMigrations(host: ReadHost, folder: string): readonly Migration[] {
  const migrations = host
    .list(folder)
    .filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name))
    .map((name) => {
      const sql = host.read(`${folder}/${name}`);
      return { number: Number(name.slice(0, 4)), name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    });
  migrations.forEach((migration, index) => {
    if (migration.number !== index + 1)
      throw new StoreError(
        `the migrations in ${folder} are not numbered 1, 2, 3 …: ${migration.name}; install ctwhy again`,
      );
  });
  if (migrations.length === 0) throw new StoreError(`no migrations in ${folder}; install ctwhy again`);
  return migrations;
}

/** Number of the last migration a store has seen; 0 for an empty file. @throws StoreError for a database that is not ours */
export function schemaVersion(db: Database, path: string): number {
  const application = db.pragma('application_id', { simple: true });
  if (application === 0) {
    const tables = db.prepare("SELECT count(*) AS n FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").get() as {
      n: number;
    };
    if (tables.n === 0) return 0;
  }
  if (application !== APPLICATION_ID)
    throw new StoreError(`${path} is a SQLite database, but not a store of ctwhy; name another file with --db`);
  return db.pragma('user_version', { simple: true }) as number;
}

/**
 * Applies what is missing. Each migration and its note are one transaction; a killed process leaves the store at a whole version.
 * @throws StoreError for a store from a newer ctwhy, or one whose history differs from this program's files
 */
export function migrate(db: Database, path: string, migrations: readonly Migration[], nowUs: number): void {
  const version = schemaVersion(db, path);
  checkVersion(version, path, migrations);
  if (version > 0) checkHistory(db, path, version, migrations);
  for (const migration of migrations.slice(version)) {
    db.transaction(() => {
      // Another process may have migrated between our look and this lock.
      if ((db.pragma('user_version', { simple: true }) as number) >= migration.number) return;
      if (migration.number === 1) {
        db.pragma(`application_id = ${APPLICATION_ID}`);
        db.exec(
          'CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at_us INTEGER NOT NULL) STRICT',
        );
      }
      db.exec(migration.sql);
      db.prepare('INSERT INTO migrations VALUES (?, ?, ?, ?)').run(
        migration.number,
        migration.name,
        migration.checksum,
        nowUs,
      );
      db.pragma(`user_version = ${migration.number}`);
    }).immediate();
  }
}

/** @throws StoreError for a store from a newer ctwhy */
export function checkVersion(version: number, path: string, migrations: readonly Migration[]): void {
  if (version > migrations.length) {
    throw new StoreError(
      `${path} was written by a newer ctwhy (schema ${version}, this one knows ${migrations.length}); use that version, or another file with --db`,
    );
  }
}

function checkHistory(db: Database, path: string, version: number, migrations: readonly Migration[]): void {
  const applied = db.prepare('SELECT number, name, checksum FROM migrations ORDER BY number').all() as {
    number: number;
    name: string;
    checksum: string;
  }[];
  const strange = migrations
    .slice(0, version)
    .find((migration) => applied[migration.number - 1]?.checksum !== migration.checksum);
  if (strange !== undefined) {
    throw new StoreError(
      `${path} was made with another text of ${strange.name} (a development version?); export what you need with that version, or use another file with --db`,
    );
  }
}
