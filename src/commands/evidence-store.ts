// The store a command answers from: the one of the host, or a temporary one filled from the files of -r.

import { type CommandInput, optionValue, optionValues } from '../cli/command.js';
import { EXIT, type ExitCode } from '../cli/exit-codes.js';
import { type Db, onStoreAsync, openStoreForReading, removeStore } from '../store/open-store.js';
import { FailedError } from '../text/errors.js';
import type { World } from '../world.js';
import { type ChosenNamespace, chooseNamespace } from './choose-namespace.js';
import { storeLocation } from './store-location.js';

/**
 * Runs a piece of work on the evidence and closes (or removes) the store afterwards, however the work ends. An answer from files of
 * which one could not be read is given, and ends with 1.
 * @throws what opening, reading the files or the work throws
 */
export async function withEvidence(
  input: CommandInput,
  world: World,
  work: (db: Db) => Promise<ExitCode>,
): Promise<ExitCode> {
  const files = optionValues(input, 'read');
  if (files.length > 0) {
    const { openTemporaryEvidence } = await import('./temporary-evidence.js');
    const evidence = await openTemporaryEvidence(input, world, files);
    try {
      const code = await work(evidence.db);
      return code === EXIT.done && !evidence.isWhole ? EXIT.failed : code;
    } finally {
      evidence.close();
    }
  }
  const db = openExistingStore(input, world);
  try {
    return await onStoreAsync('read', storeLocation(input, world).path, () => work(db));
  } finally {
    db.close();
  }
}

/**
 * The same on the evidence of one network namespace of each host.
 * @param inode of the namespace, where it is not for the command line to say
 */
export async function withEvidenceOfOne(
  input: CommandInput,
  world: World,
  work: (db: Db, netns: ChosenNamespace) => Promise<ExitCode>,
  inode: number | null = null,
): Promise<ExitCode> {
  return await withEvidence(input, world, (db) => work(db, chooseNamespace(db, input, world, inode)));
}

/** On the evidence of one network namespace where one was asked for, otherwise on all there is: where rows tell theirs. */
export async function withEvidenceAsked(
  input: CommandInput,
  world: World,
  work: (db: Db) => Promise<ExitCode>,
): Promise<ExitCode> {
  const open = optionValue(input, 'netns') === null ? withEvidence : withEvidenceOfOne;
  return await open(input, world, work);
}

/** @throws FailedError when there is no store yet, StoreError when it cannot be used */
function openExistingStore(input: CommandInput, world: World): Db {
  const location = storeLocation(input, world);
  const copies: (() => void)[] = [];
  const copyTo = () => {
    const path = `${world.temporaryFolder}/ctwhy-${world.temporaryName()}.db`;
    const withdraw = world.onExit(() => removeStore(path));
    copies.push(() => {
      removeStore(path);
      withdraw();
    });
    return path;
  };
  const db = openStoreForReading(world.host, { ...location, copyTo }, world.clock.nowUs());
  // Open, a copy needs its name no longer: a signal may end the process in the middle of a query.
  for (const letGo of copies) letGo();
  if (db !== null) return db;
  throw new FailedError(
    `there is no evidence yet: no store at ${location.path}\n` +
      `  read files into it:   ${world.programName} ingest kern.log conntrack.txt iptables-save.txt\n` +
      `  or answer from files: add -r case.tar to the command`,
  );
}
