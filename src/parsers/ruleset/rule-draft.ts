// A rule as read from one place, before it is known which number it has in its chain.

import type { Rule } from '../../model/ruleset.js';

/** All that a rule's own text tells. */
export type RuleDraft = Omit<Rule, 'family' | 'table' | 'chain' | 'number' | 'userNumber' | 'isOurs'>;

/** A rule without conditions and without effect; the starting point of every reader. */
export const EMPTY_DRAFT: RuleDraft = {
  handle: null,
  text: '',
  conditions: [],
  target: null,
  targetOptions: [],
  verdict: null,
  jump: null,
  isGoto: false,
  verdictMap: null,
  logPrefix: null,
  conditionsBeforeLog: null,
  comment: null,
  packets: null,
  bytes: null,
  line: 0,
};

/** What makes two rules the same to `iptables -D`: conditions and effect, not comment order, counters or spelling. */
export function ruleIdentity(rule: RuleDraft): string {
  const conditions = rule.conditions.map((one) => [one.field, one.isNegated, one.values]);
  return JSON.stringify([conditions, rule.target, rule.isGoto, rule.targetOptions, rule.comment]);
}
