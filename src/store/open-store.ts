// Opens a store for writing or reading, and says in one sentence why when it cannot.

import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database, { type Database as Db } from 'better-sqlite3';
import type { ReadHost } from '../host/host.js';
import { StoreError } from '../text/errors.js';
import { checkVersion, migrate, readMigrations, schemaVersion } from './migrate.js';

export type { Db };

export interface StoreLocation {
  readonly path: string;
  /** Folder of the numbered migrations. */
  readonly migrationsFolder: string;
}

/** What SQLite said, as what to do about it. */
export function storeError(attempt: string, path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const code = (error as { code?: string }).code ?? '';
  const because =
    code === 'SQLITE_NOTADB'
      ? 'it is not a SQLite database; name another file with --db'
      : code.startsWith('SQLITE_CORRUPT')
        ? 'it is damaged; keep a copy, then name another file with --db and ingest again'
        : code.startsWith('SQLITE_BUSY')
          ? 'another process is writing to it; try again in a moment'
          : code.startsWith('SQLITE_READONLY') || code === 'EACCES' || code === 'EPERM'
            ? 'it may not be written by this user; use sudo, or another file with --db'
            : code.startsWith('SQLITE_CANTOPEN') || code === 'ENOENT' || code === 'ENOTDIR'
              ? 'it cannot be opened (missing folder, or no permission); name another file with --db'
              : code.startsWith('SQLITE_FULL') || code === 'ENOSPC'
                ? 'the disk is full; nothing was kept of this step'
                : (error as Error).message;
  return new StoreError(`cannot ${attempt} the store ${path}: ${because}`, { cause: error });
}

function tune(db: Db): void {
  db.pragma('foreign_keys = ON');
  db.pragma('cache_size = -32000'); // 32 MB
  db.pragma('temp_store = MEMORY');
  db.pragma('busy_timeout = 5000');
}

/** Runs a piece of work on an open store, turning SQLite's errors into ours. */
export function onStore<T>(attempt: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Database.SqliteError) throw storeError(attempt, path, error);
    throw error;
  }
}

/**
 * Opens a store for writing: creates it (folders too, 0700) and brings it to this program's schema.
 * @param nowUs remembered with each migration
 * @throws StoreError
 */
export function openStoreForWriting(host: ReadHost, { path, migrationsFolder }: StoreLocation, nowUs: number): Db {
  const migrations = readMigrations(host, migrationsFolder);
  let db: Db | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    db = new Database(path);
    schemaVersion(db, path); // before anything is written to a file that is not ours
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    tune(db);
    migrate(db, path, migrations, nowUs);
    return db;
  } catch (error) {
    db?.close();
    throw storeError('open', path, error);
  }
}

/**
 * Opens an existing store for reading only; NULL when there is none (nothing is created).
 * @throws StoreError when there is one that cannot be read, or it is older or newer than this program
 */
export function openStoreForReading(host: ReadHost, { path, migrationsFolder }: StoreLocation): Db | null {
  if (host.look(path) === null) return null;
  const migrations = readMigrations(host, migrationsFolder);
  let db: Db | undefined;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true });
    tune(db);
    const version = schemaVersion(db, path);
    checkVersion(version, path, migrations);
    if (version === 0) {
      db.close();
      return null;
    }
    if (version < migrations.length) {
      throw new StoreError(
        `${path} was written by an older ctwhy (schema ${version}, this one needs ${migrations.length}); bring it up to date with: ctwhy ingest --db ${path}`,
      );
    }
    return db;
  } catch (error) {
    db?.close();
    throw storeError('read', path, error);
  }
}

/** Removes a store made for one command (-r), its journal files too. */
export function removeStore(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${suffix}`, { force: true });
}
