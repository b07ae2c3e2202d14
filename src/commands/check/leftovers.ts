// What was switched on and forgotten: changes of ctwhy that are overdue or that no journal knows, and tracing by others.

import { liveChanges } from '../../changes/session.js';
import { findStrays } from '../../changes/strays.js';
import { changeId } from '../../model/change.js';
import type { CheckFinding } from '../../survey/check/find.js';
import type { MovedRule, Unseen } from '../../survey/check/observe.js';
import type { World } from '../../world.js';
import { changeSession } from '../change-session.js';

/** A change is late when its keeper should have ended it so long ago. */
const GRACE_US = 2_000_000;

export interface Leftovers {
  readonly findings: readonly CheckFinding[];
  readonly unseen: readonly Unseen[];
}

/** Reads the journal and the rules; changes nothing. */
export async function leftovers(world: World, rules: readonly MovedRule[]): Promise<Leftovers> {
  const findings = tracesOfOthers(rules);
  try {
    const session = changeSession(world);
    const late = liveChanges(session).filter(
      ({ endsAtUs }) => endsAtUs !== null && endsAtUs + GRACE_US < world.clock.nowUs(),
    );
    const strays = await findStrays(session);
    return {
      findings: [
        ...late.map((change) =>
          leftover(`${changeId(change)} should have ended and is still on`, change.what, 'journal of changes', {
            command: `undo ${changeId(change)}`,
            isForeign: false,
          }),
        ),
        ...strays.map(({ what, undoing }) =>
          leftover(`a rule of ctwhy that no journal knows: ${what}`, what, 'rules', {
            command: undoing,
            isForeign: true,
          }),
        ),
        ...findings,
      ],
      unseen: [],
    };
  } catch (error) {
    const why = world.host.identity().uid === 0 ? (error as Error).message : 'needs root';
    return { findings, unseen: [{ what: 'leftovers of ctwhy', why }] };
  }
}

/** Each traced packet costs a line of the kernel log for every rule it meets. */
function tracesOfOthers(rules: readonly MovedRule[]): readonly CheckFinding[] {
  return rules
    .filter(({ rule }) => !rule.isOurs && (rule.target === 'TRACE' || /\bmeta nftrace set 1\b/.test(rule.text)))
    .map(({ rule, source }) =>
      leftover(`a trace is on: ${rule.table} ${rule.chain} rule ${rule.userNumber}`, rule.text, source, null),
    );
}

function leftover(title: string, says: string, source: string, next: CheckFinding['next']): CheckFinding {
  return {
    class: 'leftover',
    confidence: 'certain',
    isTrouble: true,
    title,
    summary: 'Nothing takes it back by itself.',
    evidence: [{ label: 'found', says, source }],
    next,
  };
}
