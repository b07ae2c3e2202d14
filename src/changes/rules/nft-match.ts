// A packet filter as nft expressions: of the packet as it is on the wire, and of the tuples that conntrack knows it by.

import type { PortRange } from '../../model/flow-filter.js';
import { familiesOf, type PacketFilter, turned } from '../../model/packet-filter.js';

const TCP = 6;
const UDP = 17;
const WITH_PORTS: readonly number[] = [TCP, UDP, 33, 132, 136];

/** '{ a, b }' or 'a'. */
function oneOf(values: readonly string[]): string {
  return values.length === 1 ? values[0]! : `{ ${values.join(', ')} }`;
}

const port = ({ from, to }: PortRange) => (from === to ? String(from) : `${from}-${to}`);

function ofFamily(addresses: readonly string[], family: 4 | 6): readonly string[] {
  return addresses.filter((address) => address.includes(':') === (family === 6));
}

/** nft quotes names of interfaces; iptables' eth+ is eth* there. */
const device = (name: string) => `"${name.replace(/\+$/, '*')}"`;

function protoMatch({ protos }: PacketFilter, family: 4 | 6): readonly string[] {
  if (protos === null) return [];
  const possible = protos.filter((proto) => (family === 4 ? proto !== 58 : proto !== 1));
  return [`meta l4proto ${oneOf(possible.map(String))}`];
}

export interface HookSide {
  /** The input device is known here. */
  readonly hasInput: boolean;
  /** The output device is known here. */
  readonly hasOutput: boolean;
}

/** Matches that do not depend on the direction. */
function common(filter: PacketFilter, side: HookSide): readonly string[] {
  return [
    ...(filter.inIf === null || !side.hasInput ? [] : [`iifname ${device(filter.inIf)}`]),
    ...(filter.outIf === null || !side.hasOutput ? [] : [`oifname ${device(filter.outIf)}`]),
    ...(filter.mark === null ? [] : [`meta mark ${filter.mark}`]),
  ];
}

function flagsMatch({ flags }: PacketFilter): readonly string[] {
  if (flags === null || flags.length === 0) return [];
  const words = flags.map((flag) => (flag === 'ECE' ? 'ecn' : flag.toLowerCase())).join(' | ');
  return [`tcp flags & (${words}) == ${words}`];
}

/** Whether a packet at this hook can match at all: a rule for -i says nothing of packets that this host sends. */
function isPossible(filter: PacketFilter, side: HookSide): boolean {
  return (filter.inIf === null || side.hasInput) && (filter.outIf === null || side.hasOutput);
}

/** What the packet itself must show, one expression a family; in the direction given and, with `turned`, in the other. */
function literal(filter: PacketFilter, side: HookSide): readonly string[] {
  if (!isPossible(filter, side)) return [];
  return familiesOf(filter).map((family) => {
    const ip = family === 4 ? 'ip' : 'ip6';
    const ports = (name: 'sport' | 'dport', ranges: readonly PortRange[] | null) => {
      if (ranges === null) return [];
      const { protos } = filter;
      const of =
        protos?.length === 1 && protos[0] === TCP ? 'tcp' : protos?.length === 1 && protos[0] === UDP ? 'udp' : 'th';
      return [`${of} ${name} ${oneOf(ranges.map(port))}`];
    };
    return [
      `meta nfproto ipv${family}`,
      ...protoMatch(filter, family),
      ...(filter.src === null ? [] : [`${ip} saddr ${oneOf(ofFamily(filter.src, family))}`]),
      ...(filter.dst === null ? [] : [`${ip} daddr ${oneOf(ofFamily(filter.dst, family))}`]),
      ...ports('sport', filter.sport),
      ...ports('dport', filter.dport),
      ...(filter.icmpType === null ? [] : [`${family === 4 ? 'icmp' : 'icmpv6'} type ${filter.icmpType}`]),
      ...flagsMatch(filter),
      ...common(filter, side),
    ].join(' ');
  });
}

/** Packets of a connection whose tuple, as conntrack keeps it for one direction, is the filter's. Nothing where the filter names no tuple. */
function tracked(filter: PacketFilter, direction: 'original' | 'reply', side: HookSide): readonly string[] {
  const hasTuple = [filter.src, filter.dst, filter.sport, filter.dport].some((part) => part !== null);
  if (!hasTuple || filter.icmpType !== null) return [];
  // nft up to 1.0.6 prints ports of `ct original` behind a set of protocols, and sets of such ports, in a form that it cannot read back:
  // a ruleset that somebody saves meanwhile must still load, so each protocol and each range has a rule of its own.
  const each = (ranges: readonly PortRange[] | null) => ranges?.map((range) => [range]) ?? [null];
  const hasPort = filter.sport !== null || filter.dport !== null;
  const protos = hasPort ? (filter.protos ?? [TCP, UDP]).map((proto) => [proto]) : [filter.protos];
  return protos
    .flatMap((one) => each(filter.sport).map((sport) => ({ ...filter, protos: one, sport })))
    .flatMap((one) => each(filter.dport).map((dport) => ({ ...one, dport })))
    .flatMap((one) => trackedOne(one, direction, side));
}

function trackedOne(filter: PacketFilter, direction: 'original' | 'reply', side: HookSide): readonly string[] {
  return familiesOf(filter).map((family) => {
    const ip = family === 4 ? 'ip' : 'ip6';
    const ct = `ct ${direction}`;
    return [
      `meta nfproto ipv${family}`,
      ...protoMatch(filter, family),
      ...(filter.src === null ? [] : [`${ct} ${ip} saddr ${oneOf(ofFamily(filter.src, family))}`]),
      ...(filter.dst === null ? [] : [`${ct} ${ip} daddr ${oneOf(ofFamily(filter.dst, family))}`]),
      ...(filter.sport === null ? [] : [`${ct} proto-src ${oneOf(filter.sport.map(port))}`]),
      ...(filter.dport === null ? [] : [`${ct} proto-dst ${oneOf(filter.dport.map(port))}`]),
      ...flagsMatch(filter),
      ...common({ ...filter, inIf: null, outIf: null }, side),
    ].join(' ');
  });
}

/** The packet as it is, in both directions. For hooks before conntrack. */
export function literalMatches(filter: PacketFilter, side: HookSide): readonly string[] {
  const zone = filter.zone === null;
  return zone ? unique([...literal(filter, side), ...literal(turned(filter), side)]) : [];
}

/**
 * The packet as it is, and every packet of a connection that matches on either side of NAT, in both directions.
 * For hooks behind conntrack (-200). Without tracking (`hasTracking` false) only what the packet shows.
 */
export function connectionMatches(filter: PacketFilter, side: HookSide): readonly string[] {
  const zone = filter.zone === null ? '' : ` ct zone ${filter.zone}`;
  return unique(
    [
      ...literal(filter, side),
      ...literal(turned(filter), side),
      ...(['original', 'reply'] as const).flatMap((direction) => [
        ...tracked(filter, direction, side),
        ...tracked(turned(filter), direction, side),
      ]),
    ].map((match) => match + zone),
  );
}

/** Whether ports can be part of what tells flows apart. */
export function hasPorts({ protos }: PacketFilter): boolean {
  return protos?.every((proto) => WITH_PORTS.includes(proto)) ?? false;
}

const unique = (texts: readonly string[]) => [...new Set(texts)];
