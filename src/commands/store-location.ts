// Which store a command means. Loads no SQLite: the status screen asks it before it knows of a store.

import { type CommandInput, optionValue } from '../cli/command.js';
import { defaultStorePath } from '../store/default-path.js';
import type { StoreLocation } from '../store/open-store.js';
import { UsageError } from '../text/errors.js';
import type { World } from '../world.js';

/** --db, then CTWHY_DB, then the default of this user. @throws UsageError for an empty name */
export function storeLocation(input: CommandInput, world: World): StoreLocation {
  const named = optionValue(input, 'db') ?? world.environment['CTWHY_DB'];
  if (named === '') throw new UsageError('the name of the store is empty (--db or CTWHY_DB)');
  return {
    path: named ?? defaultStorePath(world.host.identity().uid, world.environment),
    migrationsFolder: `${world.packageRoot}migrations`,
  };
}
