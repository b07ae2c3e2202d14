// The journal of changes of this host. Loads no SQLite: the status screen looks at it.

import { DEFAULT_JOURNAL_FOLDER, type Journal, openJournal } from '../changes/journal.js';
import { UsageError } from '../text/errors.js';
import type { World } from '../world.js';

/** @throws UsageError for a journal folder that is no absolute path */
export function hostJournal(world: World): Journal {
  const folder = world.environment['CTWHY_CHANGES'];
  if (folder !== undefined && !folder.startsWith('/'))
    throw new UsageError(`CTWHY_CHANGES must be an absolute path, not '${folder}'`);
  return openJournal(world.writeHost, folder ?? DEFAULT_JOURNAL_FOLDER);
}
