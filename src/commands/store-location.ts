// Which store a command means, and opening it for reading with the sentence people need when it is not there.

import { type CommandInput, optionValue } from '../cli/command.js';
import { defaultStorePath } from '../store/default-path.js';
import { type Db, openStoreForReading, removeStore, type StoreLocation } from '../store/open-store.js';
import { FailedError, UsageError } from '../text/errors.js';
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

/** @throws FailedError when there is no store yet, StoreError when it cannot be used */
export function openExistingStore(input: CommandInput, world: World): Db {
  const location = storeLocation(input, world);
  const copyTo = () => {
    const path = `${world.temporaryFolder}/ctwhy-${world.temporaryName()}.db`;
    world.onExit(() => removeStore(path));
    return path;
  };
  const db = openStoreForReading(world.host, { ...location, copyTo });
  if (db !== null) return db;
  throw new FailedError(
    `there is no evidence yet: no store at ${location.path}\n` +
      `  read files into it:   ${world.programName} ingest kern.log conntrack.txt iptables-save.txt\n` +
      `  or answer from files: add -r case.tar to the command`,
  );
}
