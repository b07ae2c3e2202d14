// Which iptables program changes the tables that hold a rule: on a host with both kinds the plain name may be the other one's.

import type { Rule } from '../../model/ruleset.js';
import type { RuleBook } from './rule-book.js';

/**
 * Name of the program for a command to paste.
 * @param rule the rule the command is to stand beside; NULL: none, the plain name
 */
export function iptablesProgram(rules: RuleBook, rule: Rule | null, isSix: boolean): string {
  const plain = isSix ? 'ip6tables' : 'iptables';
  const holds = (backend: string) =>
    rules.rulesets.some(
      (ruleset) =>
        ruleset.backend === backend &&
        ruleset.chains.some(
          (chain) =>
            rule === null || (chain.family === rule.family && chain.table === rule.table && chain.name === rule.chain),
        ),
    );
  const hasBoth = ['legacy', 'nft'].every((backend) => rules.rulesets.some((ruleset) => ruleset.backend === backend));
  if (!hasBoth || rule === null || !holds('legacy')) return plain;
  const owner = rules.rulesets.find((ruleset) => ruleset.chains.some((chain) => chain.rules.includes(rule)));
  const isLegacy = owner === undefined ? !holds('nft') : owner.backend === 'legacy';
  return isLegacy ? `${plain}-legacy` : plain;
}
