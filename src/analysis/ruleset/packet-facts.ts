// What a rule may ask about a packet and the packet's own dump does not tell: the tracker's answer, where in the kernel it is, named sets.

import type { Condition, NamedSet } from '../../model/ruleset.js';
import type { Tuple } from '../../model/tuple.js';

export type CtState = 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'UNTRACKED';

/** NULL everywhere: not known. */
export interface PacketFacts {
  /** The tracker's answer once it has looked; before it has, every packet tests as INVALID (see stateSeen()). */
  readonly ctstate: CtState | null;
  readonly ctdir: 'ORIGINAL' | 'REPLY' | null;
  /** All bits that are set, as iptables names them: SEEN_REPLY, ASSURED, CONFIRMED, EXPECTED, SNAT, DNAT, DYING. */
  readonly ctstatus: readonly string[] | null;
  readonly orig: Tuple | null;
  readonly reply: Tuple | null;
  readonly ctmark: number | null;
  readonly ctzone: number | null;
  /** '' for an entry without helper. */
  readonly cthelper: string | null;
  /** A NOTRACK rule was met before. */
  readonly isUntracked: boolean;
  /** PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING, INGRESS, EGRESS. */
  readonly hook: string | null;
  /** Priority of the base chain. */
  readonly priority: number | null;
  /** Interfaces where the packet's dump does not tell them; '' for none. */
  readonly inIf: string | null;
  readonly outIf: string | null;
  readonly mark: number | null;
  readonly sets: readonly NamedSet[];
  /** Addresses of this host; NULL when no file tells. */
  readonly localAddresses: readonly string[] | null;
  /** Conditions the packet is known to meet where its own fields tell no single value: 'from 192.0.2.0/24', 'not port 22'. */
  readonly given: readonly Condition[];
}

export const NO_FACTS: PacketFacts = {
  ctstate: null,
  ctdir: null,
  ctstatus: null,
  orig: null,
  reply: null,
  ctmark: null,
  ctzone: null,
  cthelper: null,
  isUntracked: false,
  hook: null,
  priority: null,
  inIf: null,
  outIf: null,
  mark: null,
  sets: [],
  localAddresses: null,
  given: [],
};

/** include/uapi/linux/netfilter_ipv4.h: NF_IP_PRI_CONNTRACK. */
export const CONNTRACK_PRIORITY = -200;

/** Whether the packet meets this chain before the tracker has looked at it; it looks in PREROUTING and OUTPUT only. */
export function isBeforeConntrack(hook: string | null, priority: number | null): boolean {
  if (hook === 'INGRESS') return true;
  return priority !== null && priority <= CONNTRACK_PRIORITY && (hook === 'PREROUTING' || hook === 'OUTPUT');
}

/**
 * The state a rule sees. A packet that the tracker has not looked at carries no entry and tests as INVALID, except one that comes back
 * over lo with the entry it got when it was sent (net/netfilter/nf_conntrack_core.c: nf_conntrack_in(), v6.1).
 */
export function stateSeen(facts: PacketFacts): CtState | null {
  if (facts.isUntracked) return 'UNTRACKED';
  if (isBeforeConntrack(facts.hook, facts.priority) && !(facts.hook === 'PREROUTING' && facts.inIf === 'lo'))
    return 'INVALID';
  return facts.ctstate;
}

/** Whether the packet carries an entry where the rule sees it; NULL when not known. */
export function hasEntry(facts: PacketFacts): boolean | null {
  const state = stateSeen(facts);
  return state === null ? null : state !== 'INVALID' && state !== 'UNTRACKED';
}
