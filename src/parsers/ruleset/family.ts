// Whether rules printed without a head are IPv4 or IPv6, by what only one of them can hold.

import type { RuleFamily } from '../../model/ruleset.js';
import type { ChainDraft } from './ruleset-builder.js';

const V6_FIELDS = new Set(['icmpv6-type', 'hl', 'icmpv6-code']);

/** 'ip6' when any rule has an IPv6 address or match; else 'ip'. */
export function familyOfChains(chains: readonly ChainDraft[]): RuleFamily {
  for (const chain of chains) {
    for (const rule of chain.rules) {
      if (rule.targetOptions.some((option) => /icmp6-|\[[0-9a-f]*:[0-9a-f:]*\]/.test(option))) return 'ip6';
      for (const condition of rule.conditions) {
        if (condition.field === 'icmp-type') return 'ip';
        const isAddress = condition.field === 'src' || condition.field === 'dst';
        if (isAddress && condition.values.some((value) => /^[0-9a-f]*:[0-9a-f]*:/.test(value))) return 'ip6';
        if (isAddress && condition.values.some((value) => /^\d+\.\d+\.\d+/.test(value))) return 'ip';
      }
    }
  }
  return chains.some((chain) => chain.rules.some((rule) => rule.conditions.some((one) => V6_FIELDS.has(one.field))))
    ? 'ip6'
    : 'ip';
}
