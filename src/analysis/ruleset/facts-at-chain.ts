// What is known of a packet where one chain sees it: the facts it came with, and what the rules before have made of it.

import type { PacketFacts } from './packet-facts.js';
import type { PacketState } from './rule-effects.js';

export interface ChainSeen {
  readonly hook: string;
  readonly priority: number | null;
  /** From this host to itself: over lo, first out and then in. */
  readonly isLoop: boolean;
  readonly isFirstOfEntry: boolean;
}

export function factsAt(facts: PacketFacts, state: PacketState, at: ChainSeen): PacketFacts {
  const made = facts.ctstatus ?? (facts.ctstate === 'NEW' && at.isFirstOfEntry ? [] : null);
  return {
    ...facts,
    hook: at.hook,
    priority: at.priority,
    mark: state.mark,
    ctmark: state.ctmark,
    isUntracked: state.isUntracked,
    given: state.given,
    ...interfacesAt(facts, state, at),
    ctstatus: made === null ? null : [...new Set([...made, ...state.translated])],
  };
}

function interfacesAt(
  facts: PacketFacts,
  { packet }: PacketState,
  { isLoop, hook }: ChainSeen,
): Pick<PacketFacts, 'inIf' | 'outIf'> {
  if (!isLoop) return { inIf: facts.inIf ?? packet.inIf, outIf: facts.outIf };
  return hook === 'OUTPUT' || hook === 'POSTROUTING' ? { inIf: '', outIf: 'lo' } : { inIf: 'lo', outIf: '' };
}
