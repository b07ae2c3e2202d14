// The rules of this namespace as data, read by what loads nothing: nft where nf_tables is there, the save programs where legacy tables are.

import type { ReadHost } from '../host/host.js';
import type { Ruleset } from '../model/ruleset.js';
import { iptablesSaveForm } from '../parsers/forms/ruleset-iptables-save.js';
import { nftForm } from '../parsers/forms/ruleset-nft.js';
import type { FirewallFacts } from './firewall.js';
import { readText } from './read-text.js';

export interface RulesetFacts {
  /** NULL: no rules could be read. */
  readonly rulesets: readonly Ruleset[] | null;
  /** Why some or all could not; NULL: all could. */
  readonly problem: string | null;
}

export async function readRulesets(host: ReadHost, firewall: FirewallFacts): Promise<RulesetFacts> {
  if (host.identity().uid !== 0) return { rulesets: null, problem: 'rules are shown to root only' };
  const found = [
    ...rulesetsOf(readText(nftForm, firewall.nftRuleset, 'nft list ruleset')),
    ...firewall.legacyRulesets.flatMap((text) =>
      rulesetsOf(readText(iptablesSaveForm, text, 'iptables-legacy-save')).map(
        (one): Ruleset => ({ ...one, backend: 'legacy' }),
      ),
    ),
  ];
  const isNftThere = host.look('/sys/module/nf_tables') !== null;
  if (firewall.canNft)
    return firewall.hasNft || !isNftThere
      ? { rulesets: found, problem: null }
      : { rulesets: found.length === 0 ? null : found, problem: 'nft could not read its rules (no CAP_NET_ADMIN?)' };
  // A host with iptables-nft and without nft: its own save program shows them, where its matches are loaded already.
  const programs = ['iptables-nft-save', 'ip6tables-nft-save'].filter((name) => host.find(name) !== null);
  if (!isNftThere) return { rulesets: found, problem: null };
  if (programs.length === 0 || host.look('/sys/module/nft_compat') === null)
    return { rulesets: found, problem: 'rules of nf_tables: nft is not installed' };
  for (const program of programs) {
    const saved = await host.run(program, []).catch(() => null);
    if (saved?.exitStatus === 0) found.push(...rulesetsOf(readText(iptablesSaveForm, saved.stdout, program)));
  }
  return { rulesets: found, problem: 'rules of nft other than those of iptables: nft is not installed' };
}

function rulesetsOf(records: ReturnType<typeof readText>): readonly Ruleset[] {
  return records.flatMap((record): readonly Ruleset[] => (record.kind === 'ruleset' ? [record.ruleset] : []));
}
