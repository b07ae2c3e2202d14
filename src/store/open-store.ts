// Opens a store for writing or reading, and says in one sentence why when it cannot.

import { copyFileSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database, { type Database as Db } from 'better-sqlite3';
import type { ReadHost } from '../host/host.js';
import { StoreError, type UnsupportedError } from '../text/errors.js';
import { checkVersion, migrate, readMigrations, schemaVersion } from './migrate.js';
import { loadFault } from './native-module.js';
import { openDatabase } from './open-database.js';

export type { Db };

export interface StoreLocation {
  readonly path: string;
  /** Folder of the numbered migrations. */
  readonly migrationsFolder: string;
  /** Called when a store cannot be opened where it is: where to copy it for reading. The caller removes the copy. */
  readonly copyTo?: () => string;
}

/** What SQLite said, as what to do about it. */
export function storeError(attempt: string, path: string, error: unknown): StoreError | UnsupportedError {
  if (error instanceof StoreError) return error;
  const unloaded = loadFault(error);
  if (unloaded !== null) return unloaded;
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
            : code.startsWith('SQLITE_CANTOPEN') || code === 'ENOENT' || code === 'ENOTDIR' || code === 'EEXIST'
              ? 'it cannot be opened (its folder is missing, is no folder, or may not be written); name another file with --db'
              : code.startsWith('SQLITE_IOERR')
                ? 'the disk reports an error or the file is cut; keep a copy, then name another file with --db'
                : code === 'EROFS'
                  ? 'its file system is read-only; name another file with --db'
                  : code.startsWith('SQLITE_FULL') || code === 'ENOSPC'
                    ? 'the disk is full; nothing was kept of this step'
                    : (error as Error).message;
  return new StoreError(`cannot ${attempt} the store ${path}: ${because}`, { cause: error });
}

function tune(db: Db): void {
  db.pragma('foreign_keys = ON');
  // Memory stays flat: a sort (of an index, of a GROUP BY) takes as much again and goes on in a file.
  db.pragma('cache_size = -8000'); // 8 MB
  db.pragma('temp_store = FILE');
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

/** The same for work that awaits. */
export async function onStoreAsync<T>(attempt: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Database.SqliteError) throw storeError(attempt, path, error);
    throw error;
  }
}

/** What cannot be a store is said before SQLite stumbles over it. @throws StoreError */
function checkPlace(host: ReadHost, attempt: string, path: string): void {
  const because = isFolder(path)
    ? `it is a folder; name a file, such as ${path.replace(/\/+$/, '')}/ctwhy.db`
    : isOfKernel(host, path)
      ? 'it lies in a file system of the kernel, which keeps no files; name a file on a disk with --db'
      : isNoFile(path)
        ? 'it is a device or a pipe; name another file with --db'
        : null;
  if (because !== null) throw new StoreError(`cannot ${attempt} the store ${path}: ${because}`);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isNoFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === false;
}

function isOfKernel(host: ReadHost, path: string): boolean {
  const absolute = resolve(path);
  return /^\/(proc|sys)(\/|$)/.test(absolute) || (existsSync(absolute) && host.isKernelFileSystem(absolute));
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
    checkPlace(host, 'open', path);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    db = openDatabase(path);
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
 * Opens an existing store for reading only; NULL when there is none (nothing is created). One of an older ctwhy is brought to this
 * program's schema first, or its copy is where it may not be written.
 * @param nowUs remembered with each migration
 * @throws StoreError when there is one that cannot be read, or it is newer than this program
 */
export function openStoreForReading(host: ReadHost, location: StoreLocation, nowUs: number): Db | null {
  const { path, migrationsFolder, copyTo } = location;
  const migrations = readMigrations(host, migrationsFolder);
  let db: Db | undefined;
  try {
    if (host.look(path) === null) return null;
    checkPlace(host, 'read', path);
    const inPlace = openWhereItIs(path);
    db = inPlace ?? openCopy(path, copyTo);
    tune(db);
    const version = schemaVersion(db, path);
    checkVersion(version, path, migrations);
    if (version === 0) {
      db.close();
      return null;
    }
    if (version === migrations.length) return db;
    if (inPlace === null) {
      db.pragma('query_only = OFF');
      migrate(db, path, migrations, nowUs);
      db.pragma('query_only = ON');
      return db;
    }
    db.close();
  } catch (error) {
    db?.close();
    throw storeError('read', path, error);
  }
  openStoreForWriting(host, location, nowUs).close();
  return openStoreForReading(host, location, nowUs);
}

/**
 * A store in WAL mode needs its -shm file beside it: in a folder one may not write (a mailed copy, root's store read by another
 * user) it cannot be opened, not even for reading. NULL then; SQLite says so with the first look, not when opening.
 */
function openWhereItIs(path: string): Db | null {
  const db = openDatabase(path, { readonly: true, fileMustExist: true });
  try {
    db.pragma('user_version');
    return db;
  } catch (error) {
    db.close();
    const code = (error as { code?: string }).code ?? '';
    if (/^SQLITE_(READONLY|CANTOPEN)/.test(code)) return null;
    throw error;
  }
}

/** The store as a copy that is ours. @throws when it changes under the copying, or cannot be read */
function openCopy(path: string, copyTo: StoreLocation['copyTo']): Db {
  if (copyTo === undefined)
    throw Object.assign(new Error('no place for a copy'), { code: 'SQLITE_READONLY_DIRECTORY' });
  const copyPath = copyTo();
  const files = ['', '-wal'].filter((suffix) => existsSync(path + suffix));
  const stamp = () =>
    files.map((suffix) => `${statSync(path + suffix).mtimeMs} ${statSync(path + suffix).size}`).join(' ');
  for (let attempt = 0; attempt < 3; attempt++) {
    const before = stamp();
    for (const suffix of files) copyFileSync(path + suffix, copyPath + suffix);
    if (stamp() !== before) continue;
    const db = openDatabase(copyPath, { fileMustExist: true });
    db.pragma('query_only = ON');
    return db;
  }
  throw Object.assign(new Error('it is being written to'), { code: 'SQLITE_BUSY' });
}

/** Removes a store made for one command (-r), its journal files too. */
export function removeStore(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${suffix}`, { force: true });
}
