// The work of ctwhy trace add.

import { type Backend, planTrace } from '../../changes/plan-trace.js';
import { parseRate, type Rate } from '../../changes/rules/nft-table-script.js';
import { type CommandInput, optionValue, optionValues } from '../../cli/command.js';
import type { ExitCode } from '../../cli/exit-codes.js';
import type { CtEntry } from '../../model/conntrack.js';
import type { PacketFilter } from '../../model/packet-filter.js';
import { type FirewallFacts, isTracking, readFirewall } from '../../survey/firewall.js';
import { loggerModule } from '../../survey/logger-module.js';
import { readLogging } from '../../survey/logging.js';
import { readEntries } from '../../survey/matching-entries.js';
import { UnsupportedError, UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';
import { type ChangeRequest, forMs, makeChange } from '../make-change.js';
import {
  filterRefusals,
  filterText,
  matchingEntries,
  packetFilter,
  START_TRACKING,
  withStartOfTracking,
} from '../packet-filter-words.js';

const DEFAULT_MS = 5 * 60_000;
const DEFAULT_RATE: Rate = { count: 20, per: 'second' };
/** More tuples of entries than this are not written into rules: the ones behind conntrack hold them anyway. */
const MAX_ENTRY_TUPLES = 32;
const STATES = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'];

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const filter = packetFilter(input, world);
  const ctstate = optionValue(input, 'ctstate')?.toUpperCase() ?? null;
  if (ctstate !== null && !STATES.includes(ctstate))
    throw new UsageError(`--ctstate takes one of ${STATES.join(', ')}, not '${ctstate}'`);
  const rate = rateOption(input);
  const lastsMs = forMs(input, DEFAULT_MS)!;
  return await makeChange(input, world, async (context): Promise<ChangeRequest> => {
    const firewall = await readFirewall(world.host);
    const backend = chooseBackend(input, firewall);
    const bytecode = await compileBpf(optionValue(input, 'bpf'), backend, world);
    const entries = await readEntries(world.host);
    const tracks = isTracking(world.host, firewall);
    const mayStart = optionValues(input, 'allow').includes(START_TRACKING.word);
    const plan = await planTrace(
      context,
      { logging: await readLogging(world.host), firewall },
      {
        filter,
        filterText: filterText(filter),
        ctstate,
        bytecode,
        rate,
        forMs: lastsMs,
        backend,
        hasTracking: tracks || mayStart,
        entries: otherSides(filter, entries ?? []),
      },
      (family) => loggerModule(world.host, family),
    );
    const startsTracking = !tracks && mayStart && backend === 'nft';
    return {
      plan: startsTracking ? withStartOfTracking(plan) : plan,
      refusals: await filterRefusals(filter, world, entries),
    };
  });
}

/** @throws UsageError */
export function rateOption(input: CommandInput): Rate {
  const text = optionValue(input, 'limit');
  if (text === null) return DEFAULT_RATE;
  const rate = parseRate(text);
  if (rate === null) throw new UsageError(`--limit: '${text}' is no rate; give 1/s, 20/s, 5/min, 100/hour`);
  return rate;
}

/** @throws UnsupportedError when neither is here */
export function chooseBackend(input: CommandInput, { canNft, hasNft }: FirewallFacts): Backend {
  const wanted = optionValue(input, 'backend') as Backend | null;
  if (wanted === 'legacy' || (wanted === null && !canNft)) return 'legacy';
  if (!canNft)
    throw new UnsupportedError('nft is not installed here (package nftables); use --backend legacy, or install it');
  if (wanted === null && !hasNft) return 'nft';
  return 'nft';
}

/** The tuples by which the same connections go on the other side of NAT. */
export function otherSides(filter: PacketFilter, entries: readonly CtEntry[]): readonly PacketFilter[] {
  return matchingEntries(filter, entries)
    .filter(
      ({ orig, reply }) =>
        reply !== null && (reply.src !== orig.dst || reply.dst !== orig.src || reply.dport !== orig.sport),
    )
    .slice(0, MAX_ENTRY_TUPLES)
    .flatMap(({ orig, reply }) => [orig, reply!])
    .map((tuple): PacketFilter => {
      const port = (number: number | null) => (number === null ? null : [{ from: number, to: number }]);
      return {
        family: tuple.src.includes(':') ? 6 : 4,
        protos: [tuple.proto],
        src: [tuple.src],
        dst: [tuple.dst],
        sport: port(tuple.sport),
        dport: port(tuple.dport),
        icmpType: null,
        inIf: null,
        outIf: null,
        flags: filter.flags,
        mark: filter.mark,
        zone: null,
      };
    });
}

/** A tcpdump expression as the bytecode that -m bpf takes: '4,48 0 0 9,…', for packets that begin with the IP header. */
async function compileBpf(expression: string | null, backend: Backend, world: World): Promise<string | null> {
  if (expression === null) return null;
  if (backend === 'nft')
    throw new UsageError('--bpf needs the iptables backend (nft has no such expression): add --backend legacy');
  if (world.host.find('tcpdump') === null)
    throw new UnsupportedError('--bpf needs tcpdump to compile the expression; it is not installed here');
  const compiled = await world.host.run('tcpdump', ['-y', 'RAW', '-ddd', '--', expression]);
  if (compiled.exitStatus !== 0)
    throw new UsageError(
      `--bpf: '${expression}' is no expression of tcpdump: ${compiled.stderr.trim().split('\n').at(-1)}`,
    );
  return compiled.stdout.trim().split('\n').join(',');
}
