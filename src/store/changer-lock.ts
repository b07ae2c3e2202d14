// One process at a time changes the host. The lock is SQLite's on an empty file: the kernel frees it when its holder dies, however it dies.

import type { Database } from 'better-sqlite3';
import { RefusedError } from '../text/errors.js';
import { loadFault } from './native-module.js';
import { openDatabase } from './open-database.js';

export interface ChangerLock {
  release(): void;
}

/**
 * Takes the lock, waiting for another holder.
 * @param path an empty file of its own, made where it is missing; nothing is ever written to it
 * @throws RefusedError when another process holds it for longer than waitMs, or the file cannot be opened
 */
export function takeChangerLock(path: string, waitMs: number): ChangerLock {
  let db: Database | undefined;
  try {
    db = openDatabase(path, { timeout: waitMs });
    db.pragma('journal_mode = MEMORY'); // a journal file would need room on the disk: undoing must work on a full one
    db.exec('BEGIN IMMEDIATE');
    const held = db;
    return {
      release() {
        if (held.inTransaction) held.exec('ROLLBACK');
        held.close();
      },
    };
  } catch (error) {
    db?.close();
    const unloaded = loadFault(error);
    if (unloaded !== null) throw unloaded;
    const code = (error as { code?: string }).code ?? '';
    const because = code.startsWith('SQLITE_BUSY')
      ? `another ctwhy is changing this host (it held ${path} for ${Math.round(waitMs / 1000)} s); try again in a moment`
      : `the lock ${path} cannot be taken: ${(error as Error).message}`;
    throw new RefusedError(because, { cause: error });
  }
}
