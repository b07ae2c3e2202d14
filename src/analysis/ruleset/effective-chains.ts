// Which tables are really there when several readings of the same rules lie side by side, and in what order a packet meets their chains.

import type { Chain, RuleFamily, Ruleset } from '../../model/ruleset.js';

export interface PlacedChain {
  readonly ruleset: Ruleset;
  readonly chain: Chain;
}

/** Readings of one table from the most to the least exact. */
const EXACTNESS: readonly Ruleset['form'][] = [
  'iptables-save',
  'iptables -S',
  'nft',
  'nft-json',
  'iptables -L',
  'iptables commands',
  'ipset',
];

interface TableReading {
  readonly ruleset: Ruleset;
  readonly family: RuleFamily;
  readonly table: string;
  readonly chains: readonly Chain[];
}

function isIptablesForm(ruleset: Ruleset): boolean {
  return ruleset.form !== 'nft' && ruleset.form !== 'nft-json' && ruleset.form !== 'ipset';
}

/**
 * One reading of each table. A table that iptables-nft made is in `nft list ruleset` as well: the iptables reading is kept, since nft cannot
 * put all of it into words, with the handles of the other. A legacy table of the same name is another table.
 */
export function effectiveChains(rulesets: readonly Ruleset[]): PlacedChain[] {
  const readings = rulesets
    .flatMap(tablesOf)
    .sort((a, b) => EXACTNESS.indexOf(a.ruleset.form) - EXACTNESS.indexOf(b.ruleset.form));
  const kept: TableReading[] = [];
  for (const reading of readings) {
    const same = kept.findIndex((one) => isSameTable(one, reading));
    const before = kept[same];
    if (!before) kept.push(reading);
    else if (!isIptablesForm(reading.ruleset) && isIptablesForm(before.ruleset))
      kept[same] = withHandles(before, reading);
    else if (before.ruleset.isPartial && !reading.ruleset.isPartial && before.ruleset.form !== 'iptables-save')
      kept[same] = reading;
  }
  return kept.flatMap((reading) => reading.chains.map((chain) => ({ ruleset: reading.ruleset, chain })));
}

function tablesOf(ruleset: Ruleset): TableReading[] {
  const keys = [...new Set(ruleset.chains.map((chain) => `${chain.family}\t${chain.table}`))];
  return keys.map((key) => {
    const chains = ruleset.chains.filter((chain) => `${chain.family}\t${chain.table}` === key);
    return { ruleset, family: chains[0]?.family ?? 'ip', table: chains[0]?.table ?? '', chains };
  });
}

function isSameTable(a: TableReading, b: TableReading): boolean {
  if (a.family !== b.family || a.table !== b.table) return false;
  if (isIptablesForm(a.ruleset) !== isIptablesForm(b.ruleset)) {
    const iptables = isIptablesForm(a.ruleset) ? a : b;
    const nft = iptables === a ? b : a;
    if (iptables.ruleset.backend === 'legacy') return false;
    // Without a head that tells the backend, equal chains with equally many rules tell it.
    return iptables.ruleset.backend === 'nft' || haveEqualShape(iptables, nft);
  }
  return a.ruleset.backend === b.ruleset.backend || a.ruleset.backend === 'unknown' || b.ruleset.backend === 'unknown';
}

function haveEqualShape(a: TableReading, b: TableReading): boolean {
  const lengths = new Map(b.chains.map((chain) => [chain.name, chain.rules.length]));
  return a.chains.every((chain) => (lengths.get(chain.name) ?? 0) === chain.rules.length);
}

function withHandles(iptables: TableReading, nft: TableReading): TableReading {
  const byName = new Map(nft.chains.map((chain) => [chain.name, chain]));
  const chains = iptables.chains.map((chain) => {
    const other = byName.get(chain.name);
    if (!other || other.rules.length !== chain.rules.length) return chain;
    return {
      ...chain,
      rules: chain.rules.map((rule, index) => ({ ...rule, handle: other.rules[index]?.handle ?? rule.handle })),
    };
  });
  return { ...iptables, chains };
}

/** Families whose chains a packet of this family meets. */
export function familiesOf(family: 'ip' | 'ip6' | 'arp' | 'other' | null): readonly RuleFamily[] {
  if (family === 'ip6') return ['ip6', 'inet', 'netdev'];
  return family === 'arp' ? ['arp', 'netdev'] : ['ip', 'inet', 'netdev'];
}

/**
 * Base chains of one hook in the order a packet meets them. Chains of equal priority are met in the order in which they were registered, the
 * last one first (net/netfilter/core.c: nf_hook_entries_grow(), v6.1), which no file tells: legacy comes first here.
 */
export function chainsOfHook(
  placed: readonly PlacedChain[],
  hook: string,
  families: readonly RuleFamily[],
  inIf: string | null,
): PlacedChain[] {
  return placed
    .filter(
      ({ chain }) =>
        chain.hook === hook &&
        families.includes(chain.family) &&
        (chain.devices.length === 0 || inIf === null || chain.devices.includes(inIf)),
    )
    .sort(
      (a, b) =>
        (a.chain.priority ?? 0) - (b.chain.priority ?? 0) ||
        Number(b.ruleset.backend === 'legacy') - Number(a.ruleset.backend === 'legacy'),
    );
}
