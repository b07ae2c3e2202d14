// Walks a seen packet through stored rulesets, for the fate of packets that were not traced.

import type { Chain, Rule, Ruleset } from '../../model/ruleset.js';
import type { SeenPacket } from './case.js';
import type { LogRule } from './rule-book.js';

export interface StoredEnd {
  readonly verdict: 'ACCEPT' | 'DROP' | 'REJECT' | null;
  readonly chain: Chain | null;
  readonly rule: Rule | null;
  readonly isPolicy: boolean;
  readonly unknown: readonly string[];
}

export function walkStored(_rulesets: readonly Ruleset[], _packet: SeenPacket, _logRule: LogRule | null): StoredEnd {
  return { verdict: null, chain: null, rule: null, isPolicy: false, unknown: ['not evaluated'] };
}
