// Makes a change: the intent is journaled, its end is arranged, the acts are done and read back, the result is journaled.
// What fails half-way is taken back at once, and both are said.

import { HostError } from '../host/host.js';
import { type Act, type Change, type ChangePlace, changeId } from '../model/change.js';
import { FailedError, PartlyChangedError, RefusedError } from '../text/errors.js';
import { kindOf } from './acts/index.js';
import type { NetnsPath } from './change-host.js';
import { arrangeEnd, cancelEnd } from './ending.js';
import { isHeld, type Plan } from './plan.js';
import { type ChangeSession, liveChanges } from './session.js';
import { firstFreeNumber } from './strays.js';
import { undoActs } from './undo-acts.js';

export interface ApplyRequest {
  readonly plan: Plan;
  readonly place: ChangePlace;
  readonly netns: NetnsPath;
  /** The words that asked for it. */
  readonly command: string;
  /** Hears of each act when it is made and journaled, before the next one: what it throws takes everything back. */
  readonly onMade?: (act: Act) => Promise<void>;
}

/** The change as it would be journaled. */
export function draftChange(session: ChangeSession, { plan, place, command }: ApplyRequest, number: number): Change {
  const identity = session.host.identity();
  const madeAtUs = session.nowUs();
  return {
    schema: 'ctwhy.change/1',
    number,
    kind: plan.kind,
    what: plan.what,
    command,
    madeAtUs,
    endsAtUs: plan.forMs === null ? null : madeAtUs + plan.forMs * 1000,
    isStanding: plan.isStanding,
    hostName: identity.name,
    bootId: identity.bootId,
    place,
    uid: identity.uid,
    state: 'intended',
    acts: plan.acts(number),
    ending: null,
    stays: plan.stays,
    ...plan.marks,
    result: null,
  };
}

/**
 * Makes a change. The caller holds the lock (whileAlone).
 * @returns the change as it is on
 * @throws PartlyChangedError when the kernel or a tool refused in the middle; what had been done is taken back or journaled
 * @throws RefusedError when the intent cannot be journaled, or nothing could be begun
 */
export async function applyChange(session: ChangeSession, request: ApplyRequest): Promise<Change> {
  const { journal } = session;
  let change: Change;
  const atLeast = await firstFreeNumber(session);
  try {
    change = journal.create((number) => draftChange(session, request, number), atLeast);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    throw new RefusedError(`nothing was changed: the journal cannot be written (${error.message})`, { cause: error });
  }
  const done: Act[] = [];
  try {
    change = { ...change, ending: await arrangeEnd(session, change) };
    journal.save(change);
    for (const act of change.acts) {
      const made = await makeAct(session, act, request.netns);
      done.push(made);
      change = { ...change, acts: change.acts.map((one) => (one === act ? made : one)) };
      // What was learnt (a handle, a listing) is what undoing recognises its own by.
      if (made !== act) journal.save(change);
      await request.onMade?.(made);
    }
    change = { ...change, state: 'on' };
    journal.save(change);
    return change;
  } catch (error) {
    throw await takeBack(session, { change, done, netns: request.netns, error });
  }
}

async function makeAct(session: ChangeSession, act: Act, netns: NetnsPath): Promise<Act> {
  const kind = kindOf(act);
  if (isHeld(act)) return act;
  const made = await kind.apply(act, session.host, netns);
  if (kind.stays === true) return made;
  const standing = await kind.look(made, session.host, netns);
  if (standing.is !== 'after')
    throw new HostError('failed', kind.says(act), `${kind.says(act)}: read back, it is ${standing.found}`);
  return made;
}

/** After a refusal in the middle: everything back, and one error that says what was tried, what happened and how things stand. */
async function takeBack(
  session: ChangeSession,
  failed: { change: Change; done: readonly Act[]; netns: NetnsPath; error: unknown },
): Promise<Error> {
  const { change, netns, error } = failed;
  const because = error instanceof Error ? error.message : String(error);
  const live = liveChanges(session).filter((one) => one.number !== change.number);
  const { left } = await undoActs(session, { change, netns, others: live });
  await cancelEnd(session, change);
  const isClean = left.length === 0;
  const ended: Change = {
    ...change,
    state: isClean ? 'ended' : 'on',
    result: isClean ? { endedAtUs: session.nowUs(), how: 'failed', left: [], note: because } : null,
  };
  try {
    session.journal.save(ended);
  } catch (problem) {
    return new PartlyChangedError(
      `${change.what}: ${because}. ${isClean ? 'What had been done was taken back' : `Still there: ${left.map((one) => one.what).join(', ')}`}; the journal could not be written (${(problem as Error).message}): run ctwhy undo ${changeId(change)} later`,
      { cause: error },
    );
  }
  if (isClean && failed.done.length === 0)
    return error instanceof HostError && error.kind === 'busy'
      ? new RefusedError(`${change.what}: ${because}. Nothing was changed`, { cause: error })
      : error instanceof HostError
        ? new PartlyChangedError(`${change.what}: ${because}. Nothing was changed`, { cause: error })
        : new FailedError(`${change.what}: ${because}. Nothing was changed`, { cause: error });
  return new PartlyChangedError(
    isClean
      ? `${change.what}: ${because}. What had been done was taken back (${change.acts
          .slice(0, failed.done.length)
          .map((act) => kindOf(act).says(act))
          .join('; ')})`
      : `${change.what}: ${because}. Still there: ${left.map((one) => `${one.what} (${one.why})`).join('; ')}. Take it back with: ctwhy undo ${changeId(change)}`,
    { cause: error },
  );
}
