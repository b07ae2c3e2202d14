// The store a command answers from: the one of the host, or a temporary one filled from the files of -r.

import { type CommandInput, optionValues } from '../cli/command.js';
import type { Db } from '../store/open-store.js';
import type { World } from '../world.js';
import { openExistingStore } from './store-location.js';

/**
 * Runs a piece of work on the evidence and closes (or removes) the store afterwards, however the work ends.
 * @throws what opening, reading the files or the work throws
 */
export async function withEvidence<T>(input: CommandInput, world: World, work: (db: Db) => Promise<T>): Promise<T> {
  const files = optionValues(input, 'read');
  if (files.length > 0) {
    const { openTemporaryEvidence } = await import('./temporary-evidence.js');
    const evidence = await openTemporaryEvidence(input, world, files);
    try {
      return await work(evidence.db);
    } finally {
      evidence.close();
    }
  }
  const db = openExistingStore(input, world);
  try {
    return await work(db);
  } finally {
    db.close();
  }
}
