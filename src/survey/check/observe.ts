// Two readings of a host some seconds apart: sockets that are neither open nor closed, rules with counters, the tracker's statistics; and
// whether such a socket has an entry.

import type { ReadHost } from '../../host/host.js';
import type { EvidenceRecord } from '../../model/record.js';
import type { Rule, Ruleset } from '../../model/ruleset.js';
import type { Socket } from '../../model/socket.js';
import type { Form } from '../../parsers/form.js';
import { conntrackStatisticsForm } from '../../parsers/forms/conntrack-statistics.js';
import { iptablesSaveForm } from '../../parsers/forms/ruleset-iptables-save.js';
import { nftForm } from '../../parsers/forms/ruleset-nft.js';
import { ssForm } from '../../parsers/forms/ss.js';
import { canonicalAddress } from '../../text/address.js';
import { isMet } from '../bundle/needs.js';
import { BUNDLE_PARTS } from '../bundle/parts.js';
import { isTracking, readFirewall } from '../firewall.js';
import { readText } from '../read-text.js';

/** So many sockets are looked up; each asks the kernel once or twice. */
const MOST_LOOKUPS = 50;

export interface WatchedSocket {
  readonly socket: Socket;
  readonly local: string;
  readonly peer: string;
  /** The entry's line; NULL: none; undefined: not asked, or it could not be. */
  readonly entry: string | null | undefined;
}

export interface MovedRule {
  readonly rule: Rule;
  readonly hook: string | null;
  /** The program that printed it. */
  readonly source: string;
  /** Packets between the readings; NULL: the rule has no counter, or was made meanwhile. */
  readonly packets: number | null;
}

export interface Unseen {
  readonly what: string;
  readonly why: string;
}

export interface Observation {
  readonly startedAtUs: number;
  readonly endedAtUs: number;
  /** In the same state at both readings. */
  readonly stuck: readonly WatchedSocket[];
  /** Other than open, listening or waiting, at the end. */
  readonly socketCount: number;
  readonly rules: readonly MovedRule[];
  /** Growth by name, over all CPUs; NULL where the kernel does not tell. */
  readonly statistics: Readonly<Record<string, number>> | null;
  readonly count: number | null;
  readonly max: number | null;
  /** Whether packets of this namespace are tracked; NULL where the rules could not be read. */
  readonly isTracking: boolean | null;
  readonly unseen: readonly Unseen[];
}

export interface ObserveDeps {
  readonly host: ReadHost;
  readonly nowUs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Watches for a while. Never throws for what cannot be read: that is in `unseen`. */
export async function observe(deps: ObserveDeps, watchMs: number): Promise<Observation> {
  const { host, nowUs } = deps;
  const [rulesBefore, socketsBefore] = [await readRules(host), await readSockets(host)];
  const startedAtUs = nowUs();
  const statisticsBefore = readStatistics(host);
  await deps.sleep(watchMs);
  const statisticsAfter = readStatistics(host);
  const [sockets, rules] = [await readSockets(host), await readRules(host)];
  const known = new Set(socketsBefore.sockets.map(socketKey));
  const stuck: WatchedSocket[] = [];
  const unseen = [...sockets.unseen, ...rules.unseen];
  const hasTracked = isTracking(host, await readFirewall(host));
  const isTracked = hasTracked || rules.unseen.length === 0 ? hasTracked : null;
  for (const socket of sockets.sockets.filter((one) => known.has(socketKey(one)))) {
    const local = canonicalAddress(socket.local.split('%')[0]!);
    const peer = canonicalAddress(socket.peer!.split('%')[0]!);
    const asked =
      isTracked !== false && stuck.length < MOST_LOOKUPS ? await lookUp(host, { ...socket, local, peer }) : undefined;
    if (asked !== undefined && asked !== null && 'why' in asked) {
      if (!unseen.some(({ what }) => what === asked.what)) unseen.push(asked);
      stuck.push({ socket, local, peer, entry: undefined });
    } else stuck.push({ socket, local, peer, entry: asked === undefined || asked === null ? asked : asked.line });
  }
  const number = (name: string) => {
    const text = host.readOrNull(`/proc/sys/net/netfilter/${name}`)?.trim();
    return text === undefined ? null : Number(text);
  };
  return {
    startedAtUs,
    endedAtUs: nowUs(),
    stuck,
    socketCount: sockets.sockets.length,
    rules: rules.rules.map((after) => ({ ...after, packets: moved(rulesBefore.rules, after) })),
    statistics: growth(statisticsBefore, statisticsAfter),
    count: number('nf_conntrack_count'),
    max: number('nf_conntrack_max'),
    isTracking: isTracked,
    unseen,
  };
}

const socketKey = ({ state, local, lport, peer, pport }: Socket) => `${state} ${local} ${lport} ${peer} ${pport}`;

/** Runs a program and reads what it prints; the reason where that fails. */
async function readProgram(
  host: ReadHost,
  what: string,
  [program, ...args]: readonly [string, ...string[]],
  form: Form,
): Promise<readonly EvidenceRecord[] | Unseen> {
  if (host.find(program) === null) return { what, why: `${program} is not installed` };
  const command = [program, ...args].join(' ');
  const ran = await host.run(program, args, { timeoutMs: 30_000 }).catch(() => null);
  if (ran?.exitStatus === 0) return readText(form, ran.stdout, command);
  const said = ran?.stderr.trim().split('\n')[0] ?? '';
  return { what, why: /permitted|denied|must be root/i.test(said) ? 'needs root' : `${command}: ${said || 'failed'}` };
}

const isUnseen = (found: readonly EvidenceRecord[] | Unseen): found is Unseen => 'why' in found;

async function readSockets(host: ReadHost): Promise<{ sockets: readonly Socket[]; unseen: readonly Unseen[] }> {
  const words = 'ss -tanoei exclude established exclude time-wait exclude listening'.split(' ');
  const found = await readProgram(host, 'sockets', words as [string, ...string[]], ssForm);
  if (isUnseen(found)) return { sockets: [], unseen: [found] };
  const sockets = found.flatMap((record) => (record.kind === 'socket' ? [record.socket] : []));
  const isHalfOpen = ({ state, peer, lport, pport }: Socket) =>
    !['LISTEN', 'UNCONN', 'ESTAB', 'TIME-WAIT'].includes(state) && peer !== null && lport !== null && pport !== null;
  return { sockets: sockets.filter(isHalfOpen), unseen: [] };
}

type ReadRule = Omit<MovedRule, 'packets'>;

/** Rules of every backend that is loaded; rules of iptables-nft are read from iptables, not twice. */
async function readRules(host: ReadHost): Promise<{ rules: readonly ReadRule[]; unseen: readonly Unseen[] }> {
  const rules: ReadRule[] = [];
  const unseen: Unseen[] = [];
  const seen = new Set<string>();
  for (const part of BUNDLE_PARTS.filter(({ stem }) => /tables|^nft$/.test(stem))) {
    const met = isMet(host, part.need);
    if (met === 'no') continue;
    const command = part.commands.find(([program]) => host.find(program) !== null) ?? part.commands[0]!;
    const form = part.stem === 'nft' ? nftForm : iptablesSaveForm;
    const found =
      met === 'denied'
        ? { what: `rules of ${command[0]}`, why: 'needs root' }
        : await readProgram(host, `rules of ${command[0]}`, command, form);
    if (isUnseen(found)) {
      unseen.push(found);
      continue;
    }
    const rulesets = found.flatMap((record): readonly Ruleset[] => (record.kind === 'ruleset' ? [record.ruleset] : []));
    for (const chain of rulesets.flatMap(({ chains }) => chains)) {
      const table = `${chain.family} ${chain.table}`;
      if (part.stem.endsWith('nft-save')) seen.add(table);
      if (part.stem === 'nft' && seen.has(table)) continue;
      for (const rule of chain.rules) rules.push({ rule, hook: chain.hook, source: command.join(' ') });
    }
  }
  return { rules, unseen };
}

function moved(before: readonly ReadRule[], { rule, source }: ReadRule): number | null {
  const same = before.find(
    (one) =>
      one.source === source &&
      one.rule.family === rule.family &&
      one.rule.table === rule.table &&
      one.rule.chain === rule.chain &&
      one.rule.text === rule.text &&
      (rule.handle === null ? one.rule.number === rule.number : one.rule.handle === rule.handle),
  );
  const was = same?.rule.packets ?? null;
  return was === null || rule.packets === null || rule.packets < was ? null : rule.packets - was;
}

/** Sums over the CPUs. */
function readStatistics(host: ReadHost): Readonly<Record<string, number>> | null {
  const text = host.readOrNull('/proc/net/stat/nf_conntrack');
  if (text === null) return null;
  const sums: Record<string, number> = {};
  for (const record of readText(conntrackStatisticsForm, text, 'cat /proc/net/stat/nf_conntrack'))
    if (record.kind === 'ct-statistics')
      for (const [name, value] of Object.entries(record.statistics.values)) sums[name] = (sums[name] ?? 0) + value;
  return sums;
}

function growth(
  before: Readonly<Record<string, number>> | null,
  after: Readonly<Record<string, number>> | null,
): Readonly<Record<string, number>> | null {
  if (before === null || after === null) return null;
  // Counters of 32 bits may wrap.
  return Object.fromEntries(Object.entries(after).map(([name, value]) => [name, (value - (before[name] ?? 0)) >>> 0]));
}

/** The entry of a connection, whichever side began it: the kernel finds it by either of its tuples. NULL: there is none. */
async function lookUp(
  host: ReadHost,
  { local, lport, peer, pport }: { local: string; lport: number | null; peer: string; pport: number | null },
): Promise<{ readonly line: string } | null | Unseen> {
  const what = 'entries of sockets';
  if (host.find('conntrack') === null) return { what, why: 'conntrack is not installed' };
  const ends: readonly (readonly [string, number | null])[] = [
    [local, lport],
    [peer, pport],
  ];
  for (const [from, to] of [ends, [...ends].reverse()]) {
    const args = ['-G', '-p', 'tcp', '-s', from![0], '--sport', `${from![1]}`];
    const asked = await host
      .run('conntrack', [...args, '-d', to![0], '--dport', `${to![1]}`, '-o', 'id'], { timeoutMs: 10_000 })
      .catch(() => null);
    const said = asked?.stderr.trim().split('\n').at(-1) ?? 'failed';
    if (asked?.exitStatus === 0) {
      // Found by its reply tuple, conntrack holds it back from printing (src/conntrack.c: nfct_filter(), 1.4.7): it is there all the same.
      const line = asked.stdout.split('\n')[0]!.trim();
      return { line: line === '' ? 'there, by its reply direction' : line };
    }
    if (!/doesn't exist|No such file/i.test(said))
      return { what, why: /permitted|denied/i.test(said) ? 'needs root' : said };
  }
  return null;
}
