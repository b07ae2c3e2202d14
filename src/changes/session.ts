// What changing and undoing need at hand: the machine, the journal, the lock, the time, and how to start this program again.

import type { WriteHost } from '../host/write-host.js';
import type { Change } from '../model/change.js';
import { type ChangerLock, takeChangerLock } from '../store/changer-lock.js';
import { RefusedError } from '../text/errors.js';
import { isLasting } from './acts/index.js';
import type { Journal } from './journal.js';

export interface ChangeSession {
  readonly host: WriteHost;
  readonly journal: Journal;
  readonly nowUs: () => number;
  /** Program and leading arguments that start ctwhy again: node, script. */
  readonly self: readonly string[];
  /** What a program of ours started on its own must know: CTWHY_CHANGES where it is set. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Longer than an undo waits for the lock of iptables while it holds this one. */
const LOCK_WAIT_MS = 45_000;

/** Does work while no other ctwhy changes the host. @throws RefusedError when another one does */
export async function whileAlone<T>(session: ChangeSession, work: () => Promise<T>): Promise<T> {
  const lock = take(session);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

function take({ host, journal }: ChangeSession): ChangerLock {
  try {
    host.makeFolder(journal.folder);
  } catch (error) {
    throw new RefusedError(`the journal of changes cannot be kept: ${(error as Error).message}`, { cause: error });
  }
  return takeChangerLock(`${journal.folder}/lock`, LOCK_WAIT_MS);
}

/** Changes that are not ended and were not ended by a reboot, oldest first. */
export function liveChanges(session: ChangeSession): readonly Change[] {
  const { bootId } = session.host.identity();
  return session.journal
    .read()
    .changes.filter((change) => change.state !== 'ended' && (change.bootId === bootId || isLasting(change)));
}
