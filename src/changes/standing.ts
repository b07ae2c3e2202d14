// How a change stands now: each act read back, the whole in one word.

import type { Act, Change } from '../model/change.js';
import type { Standing } from './acts/act-kind.js';
import { isLasting, kindOf, sharedName } from './acts/index.js';
import { pathToNetns } from './change-host.js';
import { hasEnder } from './ending.js';
import { type ChangeSession, liveChanges } from './session.js';

export type StandingWord = 'on' | 'CHANGED' | 'GONE' | 'ended' | 'UNKNOWN';

export interface ActStanding {
  readonly act: Act;
  readonly standing: Standing | null;
  /** Why it could not be found out. */
  readonly problem: string | null;
}

export interface ChangeStanding {
  readonly change: Change;
  readonly word: StandingWord;
  readonly isLate: boolean;
  /** Its time is not over, and what should end it is gone. */
  readonly isOrphan: boolean;
  readonly acts: readonly ActStanding[];
}

/** Another change of ours needed more of the same setting since: it is as ctwhy made it. */
function isOfOurs(act: Act, change: Change, { is, found }: Standing, live: readonly Change[]): boolean {
  const name = sharedName(act, change.place.netnsInode);
  if (is !== 'other' || name === null) return false;
  return live.some((other) =>
    other.acts.some(
      (one) =>
        'after' in one && sharedName(one, other.place.netnsInode) === name && found.replace(/^=/, '') === one.after,
    ),
  );
}

/** Reads a change back. Never throws: what cannot be found out is told. */
export async function standingOf(session: ChangeSession, change: Change): Promise<ChangeStanding> {
  const live = liveChanges(session);
  const isLate = change.state !== 'ended' && change.endsAtUs !== null && session.nowUs() > change.endsAtUs + 2_000_000;
  if (change.state === 'ended') return { change, word: 'ended', isLate, isOrphan: false, acts: [] };
  const lasts = isLasting(change);
  const netns = lasts ? undefined : pathToNetns(session.host, change.place.netnsInode);
  if ((change.bootId !== session.host.identity().bootId && !lasts) || netns === null)
    return { change, word: 'GONE', isLate, isOrphan: false, acts: [] };
  const isOrphan = !isLate && change.endsAtUs !== null && !(await hasEnder(session, change));
  const acts: ActStanding[] = [];
  for (const act of change.acts) {
    try {
      const standing = await kindOf(act).look(act, session.host, netns);
      acts.push({
        act,
        standing: isOfOurs(act, change, standing, live) ? { ...standing, is: 'after' } : standing,
        problem: null,
      });
    } catch (error) {
      acts.push({ act, standing: null, problem: (error as Error).message });
    }
  }
  const telling = acts.filter(({ act }) => kindOf(act).stays !== true);
  const has = (is: Standing['is']) => telling.some(({ standing }) => standing?.is === is);
  const word = telling.some(({ standing }) => standing === null)
    ? 'UNKNOWN'
    : has('other')
      ? 'CHANGED'
      : has('before')
        ? has('after')
          ? 'CHANGED'
          : 'GONE'
        : 'on';
  return { change, word, isLate, isOrphan, acts };
}
