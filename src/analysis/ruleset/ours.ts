// What of a ruleset is ctwhy's own: tables and rules that it installs while it looks. They decide nothing about a packet, and are not the user's.

import type { Ruleset } from '../../model/ruleset.js';

/** Tables of our own are called so, in every family. */
export function isOwnTable(table: string | null): boolean {
  return table !== null && /^ctwhy_\d+$/.test(table);
}

/** The ruleset as its owner wrote it; itself where nothing of ours is in it. */
export function withoutOurs(ruleset: Ruleset): Ruleset {
  const isClean = ruleset.chains.every(({ table, rules }) => !isOwnTable(table) && !rules.some(({ isOurs }) => isOurs));
  if (isClean) return ruleset;
  const chains = ruleset.chains
    .filter(({ table }) => !isOwnTable(table))
    .map((chain) => ({ ...chain, rules: chain.rules.filter(({ isOurs }) => !isOurs) }));
  return { ...ruleset, chains };
}
