// Which rules keep conntrack's hooks registered? Those that ask it something or have it translate; without any it looks at nothing
// (net/netfilter/nf_conntrack_proto.c: nf_ct_netns_get(), since 4.10).

import type { Rule, Ruleset } from '../../model/ruleset.js';

const TARGETS = /^(MASQUERADE|SNAT|DNAT|REDIRECT|NETMAP|CT|CONNMARK|CONNSECMARK|SYNPROXY|CLUSTERIP)$/i;
const WORDS =
  /\b(conntrack|connmark|connbytes|connlimit|connlabel|helper|state)\b.*--|(^|\s)ct (state|status|mark|helper|zone|label|direction|count|original|reply|timeout|expiration|bytes|packets)\b|\b(masquerade|snat|dnat|redirect|synproxy|flow add|flow offload)\b/i;

export function needsConntrack(rule: Rule): boolean {
  return (
    rule.conditions.some((condition) => condition.field.startsWith('ct')) ||
    rule.verdict === 'NAT' ||
    TARGETS.test(rule.target ?? '') ||
    WORDS.test(rule.text)
  );
}

/** The first rule that needs it; NULL: none does. */
export function firstThatNeedsConntrack(ruleset: Ruleset): Rule | null {
  return ruleset.chains.flatMap((chain) => chain.rules).find(needsConntrack) ?? null;
}
