// Which rule of today would translate a connection that its entry leaves alone?

import { emptyPacket } from '../../../model/packet.js';
import type { EntryWithEnds } from '../../../store/stale-suspects.js';
import type { HostContext } from '../../explain/case.js';
import type { RuleHit } from '../../explain/rule-book.js';
import { matchRule } from '../../ruleset/match-rule.js';
import { NO_FACTS } from '../../ruleset/packet-facts.js';

type Ends = Pick<EntryWithEnds, 'proto' | 'src' | 'sport' | 'dst' | 'dport'>;

/** A rule for everything says nothing of this destination. */
const NAMES_DESTINATION = ['dst', 'dport'];

/**
 * A rule that translates the first packet of a connection, names its destination, and that no rule of the same chain comes before.
 * @param isLocal whether this host itself sends it: PREROUTING never sees that, OUTPUT nothing else; NULL: not known
 * @param inIf by which its packets came; NULL: not known
 * @returns NULL: none that surely matches
 */
export function translatingRule(
  { rules }: HostContext,
  ends: Ends,
  isLocal: boolean | null,
  inIf: string | null = null,
): RuleHit | null {
  const packet = {
    ...emptyPacket(),
    family: ends.src.includes(':') ? ('ip6' as const) : ('ip' as const),
    proto: ends.proto,
    src: ends.src,
    sport: ends.sport,
    dst: ends.dst,
    dport: ends.dport,
    inIf,
  };
  const found = rules.find((rule, chain) => {
    if (rule.verdict !== 'NAT' || !rule.conditions.some(({ field }) => NAMES_DESTINATION.includes(field))) return false;
    // Chains of users are reached by conditions of their own, which are not known here.
    if (chain.hook === null) return false;
    if (chain.hook === (isLocal === true ? 'PREROUTING' : isLocal === false ? 'OUTPUT' : '')) return false;
    const facts = { ...NO_FACTS, ctstate: 'NEW' as const, inIf, hook: chain.hook, priority: chain.priority };
    const matches = (one: typeof rule) => matchRule(one, packet, facts).result;
    if (matches(rule) !== 'match') return false;
    return !chain.rules.some(
      (other) => other.number < rule.number && other.verdict !== null && matches(other) !== 'no-match',
    );
  });
  return found[0] ?? null;
}
