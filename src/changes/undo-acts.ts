// Takes the acts of one change back, newest first. What somebody else changed since is left and named; what other changes of ours
// still need is handed on to them.

import { type Act, type CallsiteAct, type Change, changeId, type Leftover, type SysctlAct } from '../model/change.js';
import { kindOf, sharedName } from './acts/index.js';
import type { NetnsPath } from './change-host.js';
import type { ChangeSession } from './session.js';

export interface UndoneActs {
  /** What was put back, in words. */
  readonly done: readonly string[];
  /** What is there still because another hand changed it, or the kernel refused. */
  readonly left: readonly Leftover[];
  /** What was gone already. */
  readonly gone: readonly string[];
  /** What other changes of ours keep. */
  readonly kept: readonly string[];
}

interface UndoRequest {
  readonly change: Change;
  readonly netns: NetnsPath;
  /** Other live changes. */
  readonly others: readonly Change[];
  /** Take back also what was changed by another hand (`--allow changed`). */
  readonly evenIfChanged?: boolean;
}

/** Never throws for what the host says: what cannot be taken back is in `left`. */
export async function undoActs(session: ChangeSession, request: UndoRequest): Promise<UndoneActs> {
  const result = { done: [] as string[], left: [] as Leftover[], gone: [] as string[], kept: [] as string[] };
  for (const act of [...request.change.acts].reverse()) {
    const kind = kindOf(act);
    if (kind.stays === true) continue;
    try {
      const keeper = handOn(session, act, request);
      if (keeper !== null) {
        result.kept.push(`${kind.says(act).replace(/ \S+ -> /, ' ')}: ${changeId(keeper)} needs it`);
        continue;
      }
      const standing = await kind.look(act, session.host, request.netns);
      if (standing.is === 'before') result.gone.push(kind.says(act));
      else if (standing.is === 'other' && request.evenIfChanged !== true)
        result.left.push({
          what: kind.says(act),
          why: `somebody else changed it since: ${standing.found}`,
          isRetryable: false,
        });
      else {
        await kind.revert(act, session.host, request.netns);
        const now = await kind.look(act, session.host, request.netns);
        if (now.is === 'before') result.done.push(kind.saysBack(act));
        else
          result.left.push({
            what: kind.says(act),
            why: `taken back, but read back it is ${now.found}`,
            isRetryable: true,
          });
      }
    } catch (error) {
      result.left.push({ what: kind.says(act), why: (error as Error).message, isRetryable: true });
    }
  }
  return result;
}

/**
 * Leaves a shared setting to another change that needs it. The other one must know the value it will find, and the value to go back to:
 * it is journaled there before this change lets go.
 * @returns the change that keeps it; NULL when this was the last one
 */
function handOn(session: ChangeSession, act: Act, { change, others }: UndoRequest): Change | null {
  const name = sharedName(act, change.place.netnsInode);
  if (name === null) return null;
  const sharing = others.filter((other) => other.acts.some((one) => sharedName(one, other.place.netnsInode) === name));
  const keeper = sharing.at(-1);
  if (keeper === undefined) return null;
  if (keeper.number > change.number) return keeper;
  // Ours is the newer value, and it stays: settings are never narrowed while somebody needs them.
  const { after } = act as SysctlAct | CallsiteAct;
  // Read anew: another act of this change may have been handed to the same keeper a moment ago.
  const now = session.journal.read().changes.find((one) => one.number === keeper.number) ?? keeper;
  session.journal.save({
    ...now,
    acts: now.acts.map((one) => (sharedName(one, keeper.place.netnsInode) === name ? ({ ...one, after } as Act) : one)),
  });
  return keeper;
}
