// What the rules of a host say, read off its rulesets: whose they are, which trace, which send flows past conntrack.

import type { ChangeFact, HostFacts } from '../../model/host-setup.js';
import type { Rule } from '../../model/ruleset.js';

/** Rules that are not ours; NULL where rules could not be read. */
export function userRules({ rulesets }: HostFacts): readonly Rule[] | null {
  return (
    rulesets?.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules)).filter(({ isOurs }) => !isOurs) ?? null
  );
}

/** Changes of ours of a kind that are on. */
export function changesOfKind({ own }: HostFacts, kind: string): readonly ChangeFact[] {
  return own?.changes.filter((change) => change.kind === kind && change.standing === 'on') ?? [];
}

/** TRACE rules and nftrace marks that somebody else set and perhaps forgot: each prints a line for every rule that a packet meets. */
export function foreignTraceRules(facts: HostFacts): readonly Rule[] {
  return (
    userRules(facts)?.filter(({ target, text }) => target === 'TRACE' || /\bmeta nftrace set 1\b/.test(text)) ?? []
  );
}

/** Rules that hand flows to an offload: 'flow add @ft' of nft, '-j FLOWOFFLOAD' of OpenWrt. */
export function offloadRules(facts: HostFacts): readonly Rule[] {
  return (
    userRules(facts)?.filter(({ target, text }) => target === 'FLOWOFFLOAD' || /\bflow (?:add|offload) @/.test(text)) ??
    []
  );
}

/** Which packet filters hold rules here: what TRACE prints, and where, depends on it. */
export function backendsWithRules({ rulesets }: HostFacts): ReadonlySet<'legacy' | 'nft'> {
  const found = new Set<'legacy' | 'nft'>();
  for (const { backend, form, chains } of rulesets ?? []) {
    if (!chains.some(({ rules }) => rules.some(({ isOurs }) => !isOurs))) continue;
    if (backend === 'legacy') found.add('legacy');
    else if (backend === 'nft' || form.startsWith('nft')) found.add('nft');
  }
  return found;
}

/** 'filter OUTPUT rule 2' */
export function ruleName({ family, table, chain, userNumber }: Rule): string {
  return `${family === 'ip' ? '' : `${family} `}${table} ${chain} rule ${userNumber}`;
}
