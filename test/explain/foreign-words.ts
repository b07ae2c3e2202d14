// What of a printed command belongs to another host: programs for a kind of tables that the evidence does not have.

import type { Db } from '../../src/store/open-store.js';
import { readLatestRulesets } from '../../src/store/rules-of-host.js';

/** Kinds of tables a store knows of: 'iptables-save legacy', 'nft nft'. */
export function kindsOfTables(db: Db): readonly string[] {
  const hosts = db.prepare('SELECT id FROM hosts').pluck().all() as number[];
  return hosts.flatMap((id) => readLatestRulesets(db, id).map(({ ruleset }) => `${ruleset.form} ${ruleset.backend}`));
}

const IPTABLES = /(?<![\w-])ip6?tables(?:-(legacy|nft))?(?:-save|-restore)?(?=\s)/g;
const NFT = /(?<![\w-])nft (?:-\w+ )*(?:add|insert|delete|list|-f)/;

/** Words of a command that the host has no tables for, or that may be of either kind where it has both; empty: all is well. */
export function foreignWords(command: string, kinds: readonly string[]): readonly string[] {
  // Without any rules nothing tells the kind.
  if (kinds.length === 0) return [];
  const has = (form: string, backend: string) =>
    kinds.some((kind) => kind.startsWith(form) && kind.endsWith(` ${backend}`));
  const isBoth = has('iptables', 'legacy') && has('', 'nft');
  const isIptables = kinds.some((kind) => kind.startsWith('iptables'));
  const wrong = [...command.matchAll(IPTABLES)]
    .filter(([, backend]) => (backend === undefined ? isBoth || !isIptables : !has('iptables', backend)))
    .map(([word]) => word);
  return NFT.test(command) && !has('nft', 'nft') && !has('nft-json', 'nft') ? [...wrong, 'nft'] : wrong;
}
