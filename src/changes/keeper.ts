// Watches one change while it is on: ends it when its time is over, and switches it off when it floods the log.

import type { Change, EndedHow } from '../model/change.js';
import { type ChangeSession, whileAlone } from './session.js';
import { undoChange } from './undo.js';
import { ownLines } from './watched-lines.js';

/** Above this many lines of the kernel log a second everything that prints is switched off. */
export const BREAKER_LINES_PER_S = 1000;
const STEP_MS = 500;

export interface KeeperWorld {
  readonly sleep: (ms: number) => Promise<void>;
  readonly monotonicMs: () => number;
  /** Lines that count against the change (watched-lines.ts) since the last call; NULL where the kernel log cannot be read. */
  readonly newLines: () => number | null;
  /** Packets of the change's namespace so far; NULL when it cannot be told. */
  readonly packetsSoFar: () => Promise<number | null>;
  readonly signal: AbortSignal;
}

/**
 * Runs until the change is ended, by itself or by somebody else.
 * @returns how it ended; NULL when it was ended by somebody else, or is not there
 */
export async function keepChange(session: ChangeSession, number: number, world: KeeperWorld): Promise<EndedHow | null> {
  let sinceMs = world.monotonicMs();
  let suspect: { readonly packets: number | null } | null = null;
  const startedMs = sinceMs;
  const startedAtUs = session.nowUs();
  // A clock that is set back must not make a change last longer.
  const isOver = (endsAtUs: number) =>
    session.nowUs() >= endsAtUs || world.monotonicMs() - startedMs >= (endsAtUs - startedAtUs) / 1000;
  while (!world.signal.aborted) {
    const change = session.journal.read().changes.find((one) => one.number === number);
    if (change === undefined || change.state === 'ended') return null;
    if (change.endsAtUs !== null && isOver(change.endsAtUs)) return end(session, change, 'time ran out', null);
    await world.sleep(STEP_MS);
    const nowMs = world.monotonicMs();
    const lines = world.newLines();
    const elapsedMs = Math.max(1, nowMs - sinceMs);
    sinceMs = nowMs;
    if (lines === null || (lines * 1000) / elapsedMs <= BREAKER_LINES_PER_S) {
      suspect = null;
      continue;
    }
    // The lines may be another namespace's: whoever has too few packets to have caused them is left alone.
    const packets = await world.packetsSoFar();
    const before = suspect;
    suspect = { packets };
    if (before === null && packets !== null) continue;
    const passed = packets === null || before?.packets == null ? null : packets - before.packets;
    const perSecond = (ownLines(change, lines, passed) * 1000) / elapsedMs;
    if (perSecond > BREAKER_LINES_PER_S)
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
