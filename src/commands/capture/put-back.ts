// The end of what a capture switched on, by us or by somebody before us.

import { whileAlone } from '../../changes/session.js';
import { type UndoOutcome, undoChange } from '../../changes/undo.js';
import type { Change } from '../../model/change.js';
import type { World } from '../../world.js';
import { changeSession } from '../change-session.js';

export interface PutBack {
  /** What was left by another hand, or refused. */
  readonly left: UndoOutcome['left'];
  readonly done: UndoOutcome['done'];
  readonly kept: UndoOutcome['kept'];
  /** Why the change had ended before us: the breaker, ctwhy undo; NULL: it had not. */
  readonly endedBefore: string | null;
}

/** @throws RefusedError when another ctwhy holds the lock too long, HostError when the end cannot be journaled */
export async function putBack(world: World, change: Change): Promise<PutBack> {
  const session = changeSession(world);
  return await whileAlone(session, async () => {
    const now = session.journal.read().changes.find((one) => one.number === change.number);
    if (now === undefined || now.state === 'ended') {
      const result = now?.result ?? null;
      const why = result === null ? 'gone from the journal' : [result.how, result.note].filter(Boolean).join(': ');
      return { left: result?.left ?? [], done: [], kept: [], endedBefore: why };
    }
    const { left, done, kept } = await undoChange(session, now);
    return { left, done, kept, endedBefore: null };
  });
}

/** Whether the change has been ended by another: the breaker, or ctwhy undo elsewhere. */
export function isEnded(world: World, change: Change): boolean {
  const { changes } = changeSession(world).journal.read();
  return changes.find((one) => one.number === change.number)?.state === 'ended';
}
