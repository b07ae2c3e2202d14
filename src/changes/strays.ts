// Rules of ours that no journal knows: saved into /etc while a change was on and loaded again after a reboot, or left when the journal was
// lost. They are known by their table's name or their comment, and nothing else is ever taken for one.

import { changeComment } from '../model/change.js';
import { WAIT_TO_UNDO } from './acts/iptables-rule.js';
import { mustRun } from './change-host.js';
import { type ChangeSession, liveChanges } from './session.js';

export interface Stray {
  readonly what: string;
  /** The change it says it belongs to. */
  readonly number: number;
  /** The command that removes it. */
  readonly undoing: string;
  readonly remove: { readonly program: string; readonly args: readonly string[] };
}

const NFT_TABLE = /^table (inet|bridge) (ctwhy_(\d+))\b/;
/** Whoever counts further than this is not us; journals keep six digits. */
const HIGHEST_TAKEN = 900_000;
const PROGRAMS = ['iptables-legacy', 'ip6tables-legacy', 'iptables-nft', 'ip6tables-nft'];

/** Strays of the network namespace we are in. Reads only what is loaded: asking loads nothing. */
export async function findStrays(session: ChangeSession): Promise<readonly Stray[]> {
  const { host } = session;
  const here = host.identity().netnsInode;
  const known = new Set(
    liveChanges(session)
      .filter((change) => change.place.netnsInode === here)
      .map((change) => change.number),
  );
  const strays: Stray[] = [];
  if (host.find('nft') !== null && isNftLoaded(session)) {
    const tables = await host.run('nft', ['list', 'tables']);
    for (const line of tables.stdout.split('\n')) {
      const [, family, table, number] = NFT_TABLE.exec(line) ?? [];
      if (table === undefined || known.has(Number(number))) continue;
      const args = ['delete', 'table', family!, table];
      strays.push({
        what: `nft table ${family} ${table}`,
        number: Number(number),
        undoing: `nft ${args.join(' ')}`,
        remove: { program: 'nft', args },
      });
    }
    const rules = await host.run('nft', ['-a', 'list', 'ruleset']);
    strays.push(...strayNftRules(rules.stdout, known));
  }
  for (const program of PROGRAMS) strays.push(...(await strayIptablesRules(session, program, known)));
  return strays;
}

/** Asking nft loads its module where it is not; a kernel without /proc/modules has everything built in. */
function isNftLoaded({ host }: ChangeSession): boolean {
  return host.look('/sys/module/nf_tables') !== null || host.look('/proc/modules') === null;
}

/**
 * Without nft_compat no rule has a match or target of xtables, and nft shows all there is; iptables-nft-save would load it only to ask for
 * revisions (net/netfilter/nfnetlink.c: nfnetlink_rcv_msg() requests the subsystem's module, v6.1).
 */
function isCompatLoaded({ host }: ChangeSession): boolean {
  return host.look('/sys/module/nft_compat') !== null || host.look('/proc/modules') === null;
}

function strayNftRules(ruleset: string, known: ReadonlySet<number>): readonly Stray[] {
  const strays: Stray[] = [];
  let table = '';
  let chain = '';
  for (const line of ruleset.split('\n')) {
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    chain = /^\tchain (\S+) \{/.exec(line)?.[1] ?? chain;
    const number = /comment "ctwhy:C(\d+)"/.exec(line)?.[1];
    const handle = /# handle (\d+)\s*$/.exec(line)?.[1];
    if (number === undefined || handle === undefined || known.has(Number(number)) || / ctwhy_\d+$/.test(table))
      continue;
    // A rule that iptables-nft put there is removed by iptables-nft below.
    if (
      /^ip6? (filter|nat|mangle|raw|security)$/.test(table) &&
      /xt |counter packets .*(log|meta nftrace)/.test(line) &&
      line.includes('xt ')
    )
      continue;
    const args = ['delete', 'rule', ...table.split(' '), chain, 'handle', handle];
    strays.push({
      number: Number(number),
      what: `nft rule in ${table} ${chain} (${changeComment(Number(number))})`,
      undoing: `nft ${args.join(' ')}`,
      remove: { program: 'nft', args },
    });
  }
  return strays;
}

async function strayIptablesRules(
  session: ChangeSession,
  program: string,
  known: ReadonlySet<number>,
): Promise<readonly Stray[]> {
  const { host } = session;
  if (host.find(`${program}-save`) === null) return [];
  const isLegacy = program.includes('legacy');
  const names = host.readOrNull(program.startsWith('ip6') ? '/proc/net/ip6_tables_names' : '/proc/net/ip_tables_names');
  if (isLegacy && (names ?? '').trim() === '') return [];
  if (!isLegacy && !isCompatLoaded(session)) return [];
  const saved = await host.run(`${program}-save`, []);
  const strays: Stray[] = [];
  let table = '';
  for (const line of saved.stdout.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    const number = /--comment "?ctwhy:C(\d+)"?/.exec(line)?.[1];
    if (!line.startsWith('-A ') || number === undefined || known.has(Number(number))) continue;
    const words = [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
      ([, quoted, bare]) => bare ?? quoted!.replaceAll(/\\(.)/g, '$1'),
    );
    const args = [...WAIT_TO_UNDO, '-t', table, '-D', ...words.slice(1)];
    strays.push({
      number: Number(number),
      what: `${program} rule in ${table} ${words[1]} (${changeComment(Number(number))})`,
      undoing: `${program} ${WAIT_TO_UNDO.join(' ')} -t ${table} -D ${line.slice(3)}`,
      remove: { program, args },
    });
  }
  return strays;
}

/** The number from which on no rule in this network namespace bears it already: a plan that was pasted, or a ruleset loaded again, may. */
export async function firstFreeNumber(session: ChangeSession): Promise<number> {
  const taken = (await findStrays(session)).map(({ number }) => number).filter((number) => number < HIGHEST_TAKEN);
  return Math.max(session.journal.nextNumber(), ...taken.map((number) => number + 1));
}

/** @throws HostError */
export async function removeStray(session: ChangeSession, stray: Stray): Promise<void> {
  await mustRun(session.host, undefined, stray.remove.program, stray.remove.args);
}
