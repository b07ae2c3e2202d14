// What ctwhy itself has on here or left behind: the journal's changes read back, rules of ours without a journal, rules of ours saved into /etc.

import { standingOf } from '../../changes/standing.js';
import { findStrays } from '../../changes/strays.js';
import { changeId } from '../../model/change.js';
import type { ChangeFact, OwnFacts, StrayFact } from '../../model/host-setup.js';
import { savedRulesOfOurs } from '../../survey/saved-rules.js';
import type { World } from '../../world.js';
import { changeSession } from '../change-session.js';

export interface OwnReading {
  /** NULL: the journal may not be read. */
  readonly facts: OwnFacts | null;
  readonly problem: { readonly what: string; readonly why: string } | null;
}

/** Never throws: a journal that cannot be read is told, not an end of the check. */
export async function readOwn(world: World): Promise<OwnReading> {
  const isRoot = world.host.identity().uid === 0;
  try {
    const session = changeSession(world);
    const { changes, unreadable } = session.journal.read();
    const found: ChangeFact[] = [];
    for (const change of changes.filter(({ state }) => state !== 'ended')) {
      const { word, isLate, isOrphan } = await standingOf(session, change);
      found.push({ id: changeId(change), what: change.what, kind: change.kind, standing: word, isLate, isOrphan });
    }
    const strays: readonly StrayFact[] = isRoot ? await findStrays(session) : [];
    const [broken] = unreadable;
    return {
      facts: { changes: found, strays, savedIn: savedRulesOfOurs(world.host) },
      problem:
        broken !== undefined
          ? { what: `a change in the journal (${broken.path})`, why: broken.why }
          : isRoot
            ? null
            : { what: 'rules of ctwhy without a journal', why: 'needs root' },
    };
  } catch (error) {
    return {
      facts: null,
      problem: { what: "ctwhy's own changes", why: isRoot ? (error as Error).message : 'needs root' },
    };
  }
}
