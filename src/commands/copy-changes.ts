// Keeps the store's copy of the journal fresh. A store that is missing, damaged or full never stands in the way of a change or its undoing.

import type { CommandInput } from '../cli/command.js';
import type { World } from '../world.js';
import { changeSession } from './change-session.js';
import { storeLocation } from './store-location.js';

/** Copies the journal into the store of this host, where there is one. Never throws. */
export async function copyChanges(input: CommandInput, world: World): Promise<void> {
  try {
    const location = storeLocation(input, world);
    if (world.host.look(location.path) === null) return;
    const [{ openStoreForWriting }, { writeChanges }] = await Promise.all([
      import('../store/open-store.js'),
      import('../store/change-writer.js'),
    ]);
    const db = openStoreForWriting(world.host, location, world.clock.nowUs());
    try {
      writeChanges(db, null, changeSession(world).journal.read().changes);
    } finally {
      db.close();
    }
  } catch {
    // The journal is what counts; the next command brings the copy up to date.
  }
}
