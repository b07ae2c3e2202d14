// Which rule is 'filter OUTPUT 2' here, and in whose hands: iptables-legacy, iptables-nft, or nft itself? And what does it match, apart from
// what it does?

import type { ReadHost } from '../host/host.js';
import type { Rule, Ruleset } from '../model/ruleset.js';
import { iptablesSaveForm } from '../parsers/forms/ruleset-iptables-save.js';
import { nftForm } from '../parsers/forms/ruleset-nft.js';
import { splitSaveWords } from '../parsers/ruleset/words.js';
import { FailedError, UsageError } from '../text/errors.js';
import { readFirewall } from './firewall.js';
import { readText } from './read-text.js';

export interface FoundRule {
  /** 'filter OUTPUT rule 2'. */
  readonly name: string;
  readonly text: string;
  readonly backend: 'iptables' | 'nft';
  /** The iptables program that holds it; NULL for nft. */
  readonly program: string | null;
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** Position in the chain as it is now, from 1, with rules of ours. */
  readonly position: number;
  readonly handle: number | null;
  /** iptables: the words that match. */
  readonly words: readonly string[];
  /** nft: the expressions that match. */
  readonly match: string;
}

const SPELLING = /^(?:(ip|ip6|inet|bridge|arp|netdev)\s+)?(\S+)\s+(\S+)\s+(?:handle\s+)?(\d+)$/;
const PROGRAMS = [
  { program: 'iptables-legacy', family: 4, tables: '/proc/net/ip_tables_names' },
  { program: 'ip6tables-legacy', family: 6, tables: '/proc/net/ip6_tables_names' },
  { program: 'iptables-nft', family: 4, tables: null },
  { program: 'ip6tables-nft', family: 6, tables: null },
] as const;

/**
 * The rule that '[FAMILY] TABLE CHAIN NUMBER' or 'FAMILY TABLE CHAIN handle N' names. Numbers are the user's: rules of ours do not count.
 * @param family 4 or 6 where iptables holds the table; NULL: IPv4 first
 * @throws UsageError for other words, FailedError when there is no such rule, or several tables of that name have one
 */
export async function findRule(
  host: ReadHost,
  text: string,
  { family, backend }: { readonly family: 4 | 6 | null; readonly backend: 'nft' | 'legacy' | null },
): Promise<FoundRule> {
  const [, nftFamily, table, chain, digits] = SPELLING.exec(text.trim()) ?? [];
  if (table === undefined || chain === undefined)
    throw new UsageError(
      `--at: '${text}' names no rule; give 'TABLE CHAIN NUMBER' (filter OUTPUT 2) or 'FAMILY TABLE CHAIN handle N' (inet fw input handle 7)`,
    );
  const wanted = { table, chain, number: Number(digits), isHandle: /\shandle\s/.test(text) };
  const found: FoundRule[] = [];
  if (nftFamily === undefined && !wanted.isHandle)
    for (const one of PROGRAMS) {
      if (family !== null ? one.family !== family : one.family !== 4) continue;
      if (backend !== null && one.program.includes('legacy') !== (backend === 'legacy')) continue;
      found.push(...(await inIptables(host, one, wanted)));
    }
  const isIptablesNft = found.some(({ program }) => program?.endsWith('-nft'));
  if (backend !== 'legacy' && !isIptablesNft) found.push(...(await inNft(host, nftFamily ?? null, wanted)));
  const [first, second] = found;
  if (first === undefined)
    throw new FailedError(
      `there is no rule ${wanted.number} in ${table} ${chain} here (seen without rules of ctwhy); look with: iptables -S ${chain} -t ${table}, nft -a list ruleset`,
    );
  if (second !== undefined)
    throw new FailedError(
      `'${text}' names several rules: ${found.map((one) => `${one.program ?? `nft ${one.family}`}: ${one.text}`).join('; ')}; add --backend legacy or nft, -4 or -6, or the family of the nft table`,
    );
  return first;
}

interface Wanted {
  readonly table: string;
  readonly chain: string;
  readonly number: number;
  readonly isHandle: boolean;
}

async function inIptables(
  host: ReadHost,
  one: (typeof PROGRAMS)[number],
  wanted: Wanted,
): Promise<readonly FoundRule[]> {
  const program = `${one.program}-save`;
  if (host.find(program) === null) return [];
  // Asking a legacy program for a table that is not there would make it.
  if (one.tables !== null && !(host.readOrNull(one.tables) ?? '').split('\n').includes(wanted.table)) return [];
  const saved = await host.run(program, ['-t', wanted.table]).catch(() => null);
  if (saved?.exitStatus !== 0) return [];
  const rules = rulesOf(readText(iptablesSaveForm, saved.stdout, program), wanted);
  return rules
    .filter((rule) => !rule.isOurs && rule.userNumber === wanted.number)
    .map((rule) => ({
      name: `${wanted.table} ${wanted.chain} rule ${wanted.number}`,
      text: rule.text,
      backend: 'iptables' as const,
      program: one.program,
      family: one.family === 4 ? 'ip' : 'ip6',
      table: wanted.table,
      chain: wanted.chain,
      position: rule.number,
      handle: null,
      words: matchWords(rule.text),
      match: '',
    }));
}

/** The words of a saved rule between '-A CHAIN' and the target. */
function matchWords(text: string): readonly string[] {
  const split = splitSaveWords(text);
  const words = split.ok ? split.words : [];
  const end = words.findIndex((word) => !word.isQuoted && ['-j', '-g', '--jump', '--goto'].includes(word.text));
  return words.slice(2, end < 0 ? words.length : end).map((word) => word.text);
}

async function inNft(host: ReadHost, family: string | null, wanted: Wanted): Promise<readonly FoundRule[]> {
  const facts = await readFirewall(host);
  if (!facts.hasNft) return [];
  const listed = await host.run('nft', ['-a', 'list', 'ruleset']).catch(() => null);
  if (listed?.exitStatus !== 0) return [];
  const rules = rulesOf(readText(nftForm, listed.stdout, 'nft -a list ruleset'), wanted);
  return rules
    .filter((rule) => family === null || rule.family === family)
    .filter((rule) =>
      wanted.isHandle ? rule.handle === wanted.number : !rule.isOurs && rule.userNumber === wanted.number,
    )
    .filter((rule) => rule.handle !== null)
    .map((rule) => ({
      name: `${rule.family} ${wanted.table} ${wanted.chain} rule ${rule.userNumber}`,
      text: rule.text,
      backend: 'nft' as const,
      program: null,
      family: rule.family,
      table: wanted.table,
      chain: wanted.chain,
      position: rule.number,
      handle: rule.handle,
      words: [],
      match: rule.conditions
        .filter((condition) => condition.field !== 'comment' && condition.field !== 'limit')
        .map((condition) => condition.text)
        .join(' '),
    }));
}

function rulesOf(records: ReturnType<typeof readText>, { table, chain }: Wanted): readonly Rule[] {
  return records
    .flatMap((record): readonly Ruleset[] => (record.kind === 'ruleset' ? [record.ruleset] : []))
    .flatMap((ruleset) => ruleset.chains)
    .filter((one) => one.table === table && one.name === chain)
    .flatMap((one) => one.rules);
}
