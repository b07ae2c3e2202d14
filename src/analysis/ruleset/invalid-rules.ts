// Rules that single out INVALID among packets of a hook: in its base chains, and in chains they jump to.

import type { Chain, Rule, Ruleset } from '../../model/ruleset.js';

/** Chains that packets of a hook can come to, behind conntrack: raw asks too early. */
export function chainsFrom(rulesets: readonly Ruleset[], hook: string): readonly Chain[] {
  return rulesets.flatMap((ruleset) => {
    const found = new Set<Chain>();
    const visit = (chain: Chain) => {
      if (found.has(chain)) return;
      found.add(chain);
      for (const rule of chain.rules) {
        const names = [rule.jump, ...(rule.verdictMap?.entries.map((entry) => entry.jump) ?? [])];
        for (const name of names) {
          const next = ruleset.chains.find(
            (one) => one.name === name && one.table === chain.table && one.family === chain.family,
          );
          if (next !== undefined) visit(next);
        }
      }
    };
    for (const chain of ruleset.chains) if (chain.hook === hook && (chain.priority ?? 0) > -200) visit(chain);
    return [...found];
  });
}

/** 'drop': it ends INVALID there; 'log': it is watched. */
export function invalidRules(
  rulesets: readonly Ruleset[],
  hook: string,
): readonly { readonly rule: Rule; readonly does: 'drop' | 'log' }[] {
  return chainsFrom(rulesets, hook)
    .flatMap((chain) => chain.rules)
    .filter((rule) =>
      rule.conditions.some(
        (one) =>
          one.field === 'ctstate' &&
          !one.isNegated &&
          one.values.length === 1 &&
          one.values[0]!.toUpperCase() === 'INVALID',
      ),
    )
    .flatMap((rule): { rule: Rule; does: 'drop' | 'log' }[] => {
      if (rule.verdict === 'DROP' || rule.verdict === 'REJECT') return [{ rule, does: 'drop' }];
      return rule.logPrefix === null ? [] : [{ rule, does: 'log' }];
    });
}
