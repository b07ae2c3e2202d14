// Ends changes: finds the namespace they were made in, takes their acts back, cancels what would have ended them, and journals the end.

import type { Change, ChangeResult, EndedHow, Leftover } from '../model/change.js';
import { isLasting } from './acts/index.js';
import { pathToNetns } from './change-host.js';
import { cancelEnd } from './ending.js';
import { type ChangeSession, liveChanges } from './session.js';
import { undoActs } from './undo-acts.js';

export interface UndoOutcome {
  readonly change: Change;
  /** In words, what was put back, gone already, and kept for another change. */
  readonly done: readonly string[];
  readonly gone: readonly string[];
  readonly kept: readonly string[];
  readonly left: readonly Leftover[];
}

export interface UndoOptions {
  readonly how?: EndedHow;
  readonly note?: string | null;
  readonly evenIfChanged?: boolean;
}

/**
 * Ends one change. The caller holds the lock. Asking twice does no harm: what is gone is gone.
 * @throws HostError when the end cannot be journaled
 */
export async function undoChange(
  session: ChangeSession,
  change: Change,
  { how = 'undone', note = null, evenIfChanged = false }: UndoOptions = {},
): Promise<UndoOutcome> {
  const end = (result: Omit<ChangeResult, 'endedAtUs'>): Change => {
    const ended: Change = { ...change, state: 'ended', result: { endedAtUs: session.nowUs(), ...result } };
    session.journal.save(ended);
    return ended;
  };
  /** What the host refused stays journaled, so that asking again finds it. */
  const settle = (left: readonly Leftover[]): Change => {
    if (left.every(({ isRetryable }) => !isRetryable)) return end({ how, left, note });
    session.journal.save(change);
    return change;
  };
  const nothing = { done: [], gone: [], kept: [], left: [] };
  const lasts = isLasting(change);
  if (change.bootId !== session.host.identity().bootId && !lasts) {
    await cancelEnd(session, change);
    return { ...nothing, change: end({ how: 'rebooted', left: [], note: 'the host was started anew since' }) };
  }
  const netns = lasts ? undefined : pathToNetns(session.host, change.place.netnsInode);
  const others = liveChanges(session).filter((other) => other.number !== change.number);
  if (netns === null) {
    // Settings of the first namespace outlive the one the change was made for.
    const global = {
      ...change,
      acts: change.acts.filter((act) => act.is === 'callsite' || (act.is === 'sysctl' && act.inFirstNetns)),
    };
    const undone = await undoActs(session, { change: global, netns: undefined, others, evenIfChanged });
    await cancelEnd(session, change);
    const { left } = undone;
    return {
      ...undone,
      change: end({ how: 'namespace gone', left, note: 'its network namespace is gone, and what was in it' }),
    };
  }
  const undone = await undoActs(session, { change, netns, others, evenIfChanged });
  const settled = settle(undone.left);
  if (settled.state === 'ended') await cancelEnd(session, change);
  return { ...undone, change: settled };
}
