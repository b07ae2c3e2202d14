// Watches one change while it is on: ends it when its time is over, and switches it off when it floods the log.

import type { Change, EndedHow } from '../model/change.js';
import { type ChangeSession, whileAlone } from './session.js';
import { undoChange } from './undo.js';

/** Above this many lines of the kernel log a second everything that prints is switched off. */
export const BREAKER_LINES_PER_S = 1000;
const STEP_MS = 500;

export interface KeeperWorld {
  readonly sleep: (ms: number) => Promise<void>;
  readonly monotonicMs: () => number;
  /** Lines of packets that the kernel log got since the last call; NULL where it cannot be read. */
  readonly newLines: () => number | null;
  readonly signal: AbortSignal;
}

/** What can fill the kernel log; nft traces go to whoever listens. */
function printsLines(change: Change): boolean {
  return change.kind !== 'snapshot-schedule';
}

/**
 * Runs until the change is ended, by itself or by somebody else.
 * @returns how it ended; NULL when it was ended by somebody else, or is not there
 */
export async function keepChange(session: ChangeSession, number: number, world: KeeperWorld): Promise<EndedHow | null> {
  let sinceMs = world.monotonicMs();
  while (!world.signal.aborted) {
    const change = session.journal.read().changes.find((one) => one.number === number);
    if (change === undefined || change.state === 'ended') return null;
    if (change.endsAtUs !== null && session.nowUs() >= change.endsAtUs)
      return end(session, change, 'time ran out', null);
    await world.sleep(STEP_MS);
    const nowMs = world.monotonicMs();
    const lines = world.newLines();
    const perSecond = lines === null ? 0 : (lines * 1000) / Math.max(1, nowMs - sinceMs);
    sinceMs = nowMs;
    if (perSecond > BREAKER_LINES_PER_S && printsLines(change))
      return end(session, change, 'breaker', `${Math.round(perSecond).toLocaleString('en')} lines/s in the kernel log`);
  }
  return null;
}

async function end(session: ChangeSession, change: Change, how: EndedHow, note: string | null): Promise<EndedHow> {
  await whileAlone(session, async () => {
    const now = session.journal.read().changes.find((one) => one.number === change.number);
    if (now !== undefined && now.state !== 'ended') await undoChange(session, now, { how, note });
  });
  return how;
}
