// Keeps the store's copy of the journal fresh. A store that is missing, damaged or full never stands in the way of a change or its undoing.

import type { CommandInput } from '../cli/command.js';
import type { Db } from '../store/open-store.js';
import type { World } from '../world.js';
import { hostJournal } from './host-journal.js';
import { storeLocation } from './store-location.js';

/** Copies the journal into the store of this host, where there is one. Never throws. */
export async function copyChanges(input: CommandInput, world: World): Promise<void> {
  try {
    const location = storeLocation(input, world);
    if (world.host.look(location.path) === null) return;
    const { openStoreForWriting } = await import('../store/open-store.js');
    const db = openStoreForWriting(world.host, location, world.clock.nowUs());
    try {
      await copyChangesInto(db, world);
    } finally {
      db.close();
    }
  } catch {
    // The journal is what counts; the next command brings the copy up to date.
  }
}

/**
 * Copies the journal of this host beside evidence that may be its own: what ctwhy brought about is told by it. Never throws: whoever may
 * not read the journal has an answer without it.
 */
export async function copyChangesInto(db: Db, world: World): Promise<void> {
  try {
    const { changes } = hostJournal(world).read();
    if (changes.length === 0) return;
    const { writeChanges } = await import('../store/change-writer.js');
    writeChanges(db, null, changes);
  } catch {
    // Told without.
  }
}
