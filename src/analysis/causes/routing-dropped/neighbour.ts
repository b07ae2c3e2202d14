// The next hop does not answer: a packet that passed POSTROUTING waits for its neighbour's link address and is thrown away.

import type { HostFactRow } from '../../../store/evidence-reader.js';
import { type Argument, open, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { firstPacket } from '../../explain/flow-facts.js';
import { routeTo } from './route-lookup.js';

function statesOf(fact: HostFactRow): readonly string[] {
  const state = fact.data['state'];
  return Array.isArray(state) ? state.map(String) : typeof state === 'string' ? [state] : [];
}

/** NULL: the next hop is not known, or its neighbour entry is not a failed one. */
export function neighbourUnresolved(subject: Case): Argument | null {
  const dst = (firstPacket(subject).tuples.at(-1) ?? subject.flow).dst;
  const way = routeTo(subject, dst);
  const hop = way?.gateway ?? dst;
  const failed = subject.host.facts.findLast(
    (fact) =>
      fact.kind === 'neigh' &&
      fact.data['dst'] === hop &&
      statesOf(fact).some((state) => state === 'FAILED' || state === 'INCOMPLETE'),
  );
  if (failed === undefined) return null;
  return {
    id: 'neighbour-unresolved',
    steps: [
      shown(`nobody answers for the next hop ${hop}: ${statesOf(failed).join(' ')}`, [
        subject.cite.hostFact(failed, null),
      ]),
      way === null
        ? open(`which way leads to ${dst}`, false, ASK.routing)
        : shown(`${dst} is reached by ${hop} on ${way.dev ?? 'a device not told'}`, [way.evidence], false),
    ],
    lookAlikes: [],
  };
}
