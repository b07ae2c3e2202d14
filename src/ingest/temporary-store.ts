// A store for one command (-r FILE…): filled from files, answered from, removed. Nothing of it is mixed into the host's store.

import { type Db, openStoreForWriting, removeStore } from '../store/open-store.js';
import { ingest } from './ingest.js';
import type { IngestDeps, IngestOptions } from './options.js';
import type { IngestReport } from './report.js';

export interface TemporaryStore {
  readonly db: Db;
  readonly report: IngestReport;
  /** Closes and removes it. Safe to call twice. */
  close(): void;
}

export interface TemporaryStorePlace {
  /** A path nobody else uses: a fresh name in the temporary folder. */
  readonly path: string;
  readonly migrationsFolder: string;
}

/** @throws StoreError when the temporary folder cannot be written; what is wrong with a source is in the report */
export async function openTemporaryStore(
  deps: IngestDeps,
  place: TemporaryStorePlace,
  inputs: readonly string[],
  options: IngestOptions = {},
): Promise<TemporaryStore> {
  const db = openStoreForWriting(deps.host, place, deps.clock.nowUs());
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    db.close();
    removeStore(place.path);
  };
  try {
    // It is thrown away: nothing needs to survive a crash.
    db.pragma('synchronous = OFF');
    const report = await ingest(deps, db, inputs, options);
    return { db, report, close };
  } catch (error) {
    close();
    throw error;
  }
}
