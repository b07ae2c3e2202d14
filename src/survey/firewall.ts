// Which packet filters hold rules in this namespace: iptables-legacy, nf_tables, or both. Only what is loaded is asked.

import type { ReadHost } from '../host/host.js';

export interface FirewallFacts {
  /** Legacy tables that exist, by family. */
  readonly legacyTables: Readonly<Record<4 | 6, readonly string[]>>;
  /** nft is installed and the kernel knows nf_tables (loaded, or built in). */
  readonly hasNft: boolean;
  /** nft is installed; the module may still have to be loaded. */
  readonly canNft: boolean;
  /** The nft ruleset as text; '' without nf_tables or without rights. */
  readonly nftRuleset: string;
  /** iptables-save of the legacy tables that exist, both families. */
  readonly legacyRulesets: readonly string[];
}

/** Reads the rules of the namespace we are in. Needs root to see them. */
export async function readFirewall(host: ReadHost): Promise<FirewallFacts> {
  const names = (path: string) => (host.readOrNull(path) ?? '').split('\n').filter((name) => name !== '');
  const legacyTables = { 4: names('/proc/net/ip_tables_names'), 6: names('/proc/net/ip6_tables_names') };
  const canNft = host.find('nft') !== null;
  const isLoaded = host.look('/sys/module/nf_tables') !== null || host.look('/proc/modules') === null;
  const nft = canNft && isLoaded ? await host.run('nft', ['list', 'ruleset']).catch(() => null) : null;
  const legacyRulesets: string[] = [];
  for (const [family, prefix] of [
    [4, 'iptables'],
    [6, 'ip6tables'],
  ] as const) {
    if (legacyTables[family].length === 0) continue;
    const program = [`${prefix}-legacy-save`, `${prefix}-save`].find((name) => host.find(name) !== null);
    if (program === undefined) continue;
    const saved = await host.run(program, []).catch(() => null);
    if (saved?.exitStatus === 0) legacyRulesets.push(saved.stdout);
  }
  return {
    legacyTables,
    hasNft: nft?.exitStatus === 0,
    canNft,
    nftRuleset: nft?.exitStatus === 0 ? nft.stdout : '',
    legacyRulesets,
  };
}

/** Words of rules that need conntrack: as long as one stands, the kernel tracks (since 4.10; before, a loaded module was enough). */
const NFT_TRACKS =
  /\bct (state|original|reply|status|mark|zone|label|expiration|helper|id|count|timeout|bytes|packets|direction|set)\b|\bmasquerade\b|\bsnat\b|\bdnat\b|\bredirect\b|type nat hook|\bflow (add|offload)\b|\bsynproxy\b/;
const LEGACY_TRACKS =
  /-m (conntrack|state|connmark|connlimit|connbytes|connlabel|helper|cluster)\b|-j (CT|CONNMARK|CONNSECMARK|MASQUERADE|SNAT|DNAT|REDIRECT|NETMAP|SYNPROXY)\b|^\*nat$/m;

/**
 * Whether conntrack sees the packets of this namespace: NULL where neither rules nor entries could be read.
 * net/netfilter/nf_conntrack_proto.c: nf_ct_netns_get() registers the hooks for the first rule that needs them, v4.10 .. v6.18.
 */
export function isTracking(host: ReadHost, facts: FirewallFacts): boolean {
  const count = Number(host.readOrNull('/proc/sys/net/netfilter/nf_conntrack_count')?.trim() ?? 0);
  if (count > 0) return true;
  const own = /table inet ctwhy_\d+ \{[\s\S]*?\n\}\n?/g;
  return (
    NFT_TRACKS.test(facts.nftRuleset.replaceAll(own, '')) ||
    facts.legacyRulesets.some((rules) => LEGACY_TRACKS.test(rules))
  );
}
