// The one place where SQLite opens a file.

import Database, { type Database as Db, type Options } from 'better-sqlite3';
import { holdObjectsOf } from './held-objects.js';

/** @throws what better-sqlite3 throws */
export function openDatabase(path: string, options: Options = {}): Db {
  const db = new Database(path, options);
  holdObjectsOf(db);
  return db;
}
