// The filter of trace and tag, read from the command line and told back in one line; and what stands against it.

import type { Plan } from '../changes/plan.js';
import { BROAD_SHARE, covers, type Ends, effectiveShare } from '../changes/rules/effective-filter.js';
import { type CommandInput, hasSwitch, optionValue } from '../cli/command.js';
import { parseFilter } from '../cli/flow-argument.js';
import type { CtEntry } from '../model/conntrack.js';
import type { PacketFilter } from '../model/packet-filter.js';
import { protectedFlows } from '../survey/protected-flows.js';
import { UsageError } from '../text/errors.js';
import { protocolName } from '../text/protocols.js';
import type { World } from '../world.js';
import type { Refusal } from './make-change.js';

/** More connections than this that match now are too many to print about. */
const MANY_ENTRIES = 500;

/** @throws UsageError */
export function packetFilter(input: CommandInput, world: World): PacketFilter {
  const { ctstate: _state, ...values } = input.values; // the caller's: it may name several
  const filter = parseFilter({ ...input, values }, { nowUs: world.clock.nowUs(), zone: 'UTC' });
  if (filter.finding !== null)
    throw new UsageError('--flow: here it takes ADDR:PORT or a pasted line, not the number of a finding');
  const needsTcp = filter.flags !== null && filter.flags.length > 0;
  if (needsTcp && filter.protos !== null && !filter.protos.includes(6))
    throw new UsageError('--tcp-flags needs -p tcp');
  for (const name of ['in-interface', 'out-interface']) {
    const device = optionValue(input, name);
    if (device !== null && !/^[A-Za-z0-9_.:@-]{1,15}\+?$/.test(device))
      throw new UsageError(`--${name}: '${device}' is no name of an interface`);
  }
  return {
    family: filter.family,
    protos: needsTcp ? [6] : filter.icmpType !== null && filter.protos === null ? [1, 58] : filter.protos,
    src: filter.src,
    dst: filter.dst,
    sport: filter.sport,
    dport: filter.dport,
    icmpType: filter.icmpType,
    inIf: filter.inIf,
    outIf: filter.outIf,
    flags: filter.flags,
    mark: filter.mark,
    zone: filter.zone,
  };
}

/** 'tcp dport 25 src 192.0.2.42'. */
export function filterText(filter: PacketFilter): string {
  const ports = (name: string, ranges: PacketFilter['sport']) =>
    ranges === null
      ? []
      : [`${name} ${ranges.map(({ from, to }) => (from === to ? from : `${from}-${to}`)).join(',')}`];
  const words = [
    ...(filter.family === null ? [] : [`IPv${filter.family}`]),
    ...(filter.protos === null ? [] : [filter.protos.map((proto) => protocolName(proto)).join(',')]),
    ...(filter.src === null ? [] : [`src ${filter.src.join(',')}`]),
    ...(filter.dst === null ? [] : [`dst ${filter.dst.join(',')}`]),
    ...ports('sport', filter.sport),
    ...ports('dport', filter.dport),
    ...(filter.icmpType === null ? [] : [`type ${filter.icmpType}`]),
    ...(filter.flags === null ? [] : [filter.flags.join(',')]),
    ...(filter.inIf === null ? [] : [`in ${filter.inIf}`]),
    ...(filter.outIf === null ? [] : [`out ${filter.outIf}`]),
    ...(filter.mark === null ? [] : [`mark ${filter.mark}`]),
    ...(filter.zone === null ? [] : [`zone ${filter.zone}`]),
  ];
  return words.length === 0 ? 'everything' : words.join(' ');
}

function endsOf({ orig }: CtEntry): Ends {
  return { proto: orig.proto, src: orig.src, sport: orig.sport, dst: orig.dst, dport: orig.dport };
}

/** Entries that the filter holds, on either side of NAT. */
export function matchingEntries(filter: PacketFilter, entries: readonly CtEntry[]): readonly CtEntry[] {
  return entries.filter((entry) => {
    const reply = entry.reply;
    return (
      covers(filter, endsOf(entry)) ||
      (reply !== null &&
        covers(filter, { proto: reply.proto, src: reply.src, sport: reply.sport, dst: reply.dst, dport: reply.dport }))
    );
  });
}

/** What stands against printing about these packets: too many, or the wrong ones. */
export async function filterRefusals(
  filter: PacketFilter,
  world: World,
  entries: readonly CtEntry[] | null,
): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = [];
  const share = effectiveShare(filter);
  const matching = entries === null ? 0 : matchingEntries(filter, entries).length;
  if (share > BROAD_SHARE)
    refusals.push({
      word: 'broad',
      what:
        share > 0.9
          ? 'this filter holds every packet, whatever it names.'
          : `this filter holds ${percent(share)} of all packets there could be.`,
      why: 'A line for each packet floods the log and slows the host. Name an address or a port.',
      cheaper: 'tag add --ctstate INVALID --dport PORT',
    });
  else if (matching > MANY_ENTRIES)
    refusals.push({
      word: 'broad',
      what: `this filter holds ${matching.toLocaleString('en')} of the ${entries!.length.toLocaleString('en')} connections tracked now.`,
      why: 'That many connections flood the log. Name one of the two addresses as well.',
      cheaper: null,
    });
  const held = (await protectedFlows(world.host)).filter((flow) => covers(filter, flow));
  const ssh = held.find(({ why }) => why === 'ssh');
  const shipping = held.find(({ why }) => why === 'log-shipping');
  if (ssh !== undefined)
    refusals.push({
      word: 'ssh',
      what: `this filter holds the SSH session ${ssh.src}:${ssh.sport} - ${ssh.dst}:${ssh.dport}.`,
      why: 'Each line shown in the session makes packets that make lines. Leave port or address of the session out.',
      cheaper: null,
    });
  if (shipping !== undefined)
    refusals.push({
      word: 'log-shipping',
      what: `this filter holds what ${shipping.process} sends to ${shipping.dst}:${shipping.dport}.`,
      why: 'Each line that is sent away makes packets that make lines.',
      cheaper: null,
    });
  return refusals;
}

function percent(share: number): string {
  return `${share >= 0.01 ? Math.round(share * 100) : (share * 100).toPrecision(1)} %`;
}

/** Refused unless allowed: a rule that asks for the state makes the kernel track, and live connections become NEW mid-stream. */
export const START_TRACKING: Refusal = {
  word: 'start-tracking',
  what: 'this would switch connection tracking on for this network namespace.',
  why: 'No rule here uses conntrack today (no entries, no hook). A rule that asks for the state would, and running connections would be picked up as NEW.',
  cheaper: null,
};

/** The same plan for a namespace where it makes tracking begin: what is NEW by that is told from what would have been. */
export function withStartOfTracking(plan: Plan): Plan {
  return {
    ...plan,
    stays: [...plan.stays, 'connection tracking, once it has begun'],
    marks: { ...plan.marks, startedTracking: true },
  };
}

/** Switches that are given as such. */
export function familyOption(input: CommandInput): 4 | 6 | null {
  return hasSwitch(input, 'ipv4') ? 4 : hasSwitch(input, 'ipv6') ? 6 : null;
}
