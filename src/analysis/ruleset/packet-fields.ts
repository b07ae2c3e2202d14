// What a packet and the facts about it have to say to each field a condition can test.

import type { Packet } from '../../model/packet.js';
import { isInPrefix } from '../../text/address.js';
import { hasEntry, type PacketFacts, stateSeen } from './packet-facts.js';

/** How the values of a field are compared. */
export type FieldKind =
  | 'address'
  | 'number'
  | 'name'
  | 'interface'
  | 'mark'
  | 'proto'
  | 'icmp'
  | 'flags'
  | 'tos'
  | 'names';

/** ABSENT: the packet has no such field, so that neither the test nor its negation holds. NULL: not known. */
export const ABSENT = Symbol('absent');
export type Reading = string | number | readonly string[] | null | typeof ABSENT;

export interface FieldReader {
  readonly kind: FieldKind;
  read(packet: Packet, facts: PacketFacts): Reading;
}

const WITH_PORTS = new Set([6, 17, 33, 132, 136]);

function port(side: 'sport' | 'dport'): FieldReader {
  return {
    kind: 'number',
    read(packet) {
      // The first fragment has the ports (net/netfilter/xt_tcpudp.c: tcp_mt(), v6.1).
      if ((packet.fragmentOffsetBytes ?? 0) > 0) return ABSENT;
      if (packet[side] !== null) return packet[side];
      return packet.proto !== null && packet.proto >= 0 && !WITH_PORTS.has(packet.proto) ? ABSENT : null;
    },
  };
}

function ofPacket(kind: FieldKind, read: (packet: Packet) => Reading): FieldReader {
  return { kind, read: (packet) => read(packet) };
}

/** Fields of the entry: without one nothing is there to compare. */
function ofEntry(kind: FieldKind, read: (facts: PacketFacts, packet: Packet) => Reading): FieldReader {
  return {
    kind,
    read(packet, facts) {
      const has = hasEntry(facts);
      if (has === false) return ABSENT;
      return has === null ? null : read(facts, packet);
    },
  };
}

function ofTuple(which: 'orig' | 'reply', part: 'src' | 'dst' | 'sport' | 'dport'): FieldReader {
  return ofEntry(part === 'src' || part === 'dst' ? 'address' : 'number', (facts, packet) => {
    const tuple = facts[which];
    if (tuple) return tuple[part];
    // Before NAT the first packet is the original tuple itself.
    const isFirst =
      which === 'orig' &&
      facts.ctstate === 'NEW' &&
      (facts.hook === 'PREROUTING' || facts.hook === 'OUTPUT') &&
      (facts.priority ?? 0) <= -100;
    return isFirst ? packet[part] : null;
  });
}

/** An interface that a dump gives as empty was not chosen yet where it was printed; behind that point it is not known. */
function inInterface(packet: Packet, facts: PacketFacts): Reading {
  if (facts.hook === 'OUTPUT') return '';
  const told = facts.inIf ?? packet.inIf;
  return told === '' && facts.hook !== null && facts.hook !== 'POSTROUTING' ? null : told;
}

function outInterface(packet: Packet, facts: PacketFacts): Reading {
  if (facts.hook === 'PREROUTING' || facts.hook === 'INPUT' || facts.hook === 'INGRESS') return '';
  const told = facts.outIf ?? packet.outIf;
  return told === '' && facts.hook !== null ? null : told;
}

/** Socket of the sender: only packets this host sends have one. */
function owner(side: 'uid' | 'gid'): FieldReader {
  return {
    kind: 'number',
    read: (packet, facts) =>
      packet[side] ?? (facts.hook !== null && facts.hook !== 'OUTPUT' && facts.hook !== 'POSTROUTING' ? ABSENT : null),
  };
}

function addressType(side: 'src' | 'dst'): FieldReader {
  return { kind: 'names', read: (packet, facts) => addressTypes(packet[side], facts.localAddresses) };
}

/** All types that may hold for an address; NULL when a broadcast or local address cannot be told from any other. */
function addressTypes(address: string | null, local: readonly string[] | null): readonly string[] | null {
  if (address === null) return null;
  if (isInPrefix(address, '224.0.0.0/4') || isInPrefix(address, 'ff00::/8')) return ['MULTICAST'];
  if (address === '255.255.255.255') return ['BROADCAST'];
  if (isInPrefix(address, '127.0.0.0/8') || address === '::1') return ['LOCAL'];
  if (local === null) return null;
  if (local.includes(address)) return ['LOCAL'];
  // A network's broadcast address ends in ones; which networks there are is not asked here.
  const last = address.includes(':') ? 0 : Number(address.slice(address.lastIndexOf('.') + 1));
  return (last & 3) === 3 ? ['UNICAST?', 'BROADCAST?'] : ['UNICAST'];
}

function packetType(packet: Packet): Reading {
  if (packet.macDst === null) return null;
  if (/^(ff:?){6}$/i.test(packet.macDst)) return 'BROADCAST';
  return Number.parseInt(packet.macDst.slice(0, 2), 16) & 1 ? 'MULTICAST' : 'UNICAST';
}

/** Type-of-service byte; the log leaves the lowest bit out (net/ipv4/netfilter/nf_log_ipv4.c: IPTOS_TOS_MASK). */
function serviceByte(packet: Packet): number | null {
  if (packet.family === 'ip6') return packet.trafficClass;
  return packet.tos === null || packet.prec === null ? null : packet.tos | packet.prec;
}

/** Kinds of TCP options and their data, from the log's hex; NULL when the dump has none. */
function tcpOptions(packet: Packet): Map<number, readonly number[]> | null {
  if (packet.tcpOptions === null) return null;
  const bytes = (packet.tcpOptions.match(/[0-9a-f]{2}/gi) ?? []).map((pair) => Number.parseInt(pair, 16));
  const options = new Map<number, readonly number[]>();
  for (let at = 0; at < bytes.length; ) {
    const kind = bytes[at] ?? 0;
    const length = kind < 2 ? 1 : (bytes[at + 1] ?? 0);
    if (kind === 0 || length < 1) break;
    options.set(kind, bytes.slice(at + 2, at + length));
    at += length;
  }
  return options;
}

function maximumSegment(packet: Packet): Reading {
  const options = tcpOptions(packet);
  if (!options) return null;
  const [high, low] = options.get(2) ?? [];
  return high === undefined || low === undefined ? ABSENT : high * 256 + low;
}

function helperOf(facts: PacketFacts): Reading {
  return facts.cthelper === '' ? ABSENT : facts.cthelper;
}

/** By Condition.field. A field that is not here cannot be evaluated. */
export const FIELD_READERS: Readonly<Record<string, FieldReader>> = {
  proto: ofPacket('proto', (packet) => (packet.proto === null || packet.proto < 0 ? null : packet.proto)),
  nfproto: ofPacket(
    'name',
    (packet) => ({ ip: 'ipv4', ip6: 'ipv6', arp: 'arp', other: 'other' })[packet.family ?? 'other'] ?? null,
  ),
  src: ofPacket('address', (packet) => packet.src),
  dst: ofPacket('address', (packet) => packet.dst),
  sport: port('sport'),
  dport: port('dport'),
  in: { kind: 'interface', read: inInterface },
  out: { kind: 'interface', read: outInterface },
  physin: ofPacket('interface', (packet) => packet.physIn),
  physout: ofPacket('interface', (packet) => packet.physOut),
  mac: ofPacket('name', (packet) => packet.macSrc?.toLowerCase() ?? null),
  macdst: ofPacket('name', (packet) => packet.macDst?.toLowerCase() ?? null),
  vlan: ofPacket('number', (packet) => (packet.vlanTci === null ? null : packet.vlanTci & 4095)),
  mark: { kind: 'mark', read: (packet, facts) => facts.mark ?? packet.mark },
  length: ofPacket('number', (packet) => packet.lenBytes),
  ttl: ofPacket('number', (packet) => (packet.family === 'ip6' ? ABSENT : packet.ttl)),
  hl: ofPacket('number', (packet) => (packet.family === 'ip' ? ABSENT : packet.ttl)),
  'ip-id': ofPacket('number', (packet) => (packet.family === 'ip6' ? ABSENT : packet.ipId)),
  tos: ofPacket('tos', serviceByte),
  dscp: ofPacket('number', (packet) => {
    const byte = serviceByte(packet);
    return byte === null ? null : byte >> 2;
  }),
  flowlabel: ofPacket('number', (packet) => (packet.family === 'ip' ? ABSENT : packet.flowLabel)),
  'tcp-flags': ofPacket('flags', (packet) =>
    packet.proto !== null && packet.proto >= 0 && packet.proto !== 6 ? ABSENT : packet.flags,
  ),
  window: ofPacket('number', (packet) => packet.window),
  seq: ofPacket('number', (packet) => packet.seq),
  ack: ofPacket('number', (packet) => packet.ack),
  tcpmss: ofPacket('number', maximumSegment),
  'udp-length': ofPacket('number', (packet) => packet.udpLenBytes),
  'icmp-type': ofPacket('icmp', (packet) => icmpReading(packet, 1)),
  'icmpv6-type': ofPacket('icmp', (packet) => icmpReading(packet, 58)),
  'icmp-code': ofPacket('number', (packet) =>
    packet.proto === 1 ? packet.icmpCode : packet.proto === null ? null : ABSENT,
  ),
  'icmpv6-code': ofPacket('number', (packet) =>
    packet.proto === 58 ? packet.icmpCode : packet.proto === null ? null : ABSENT,
  ),
  'icmp-id': ofPacket('number', (packet) => packet.icmpId),
  'icmp-seq': ofPacket('number', (packet) => packet.icmpSeq),
  spi: ofPacket('number', (packet) => packet.spi),
  'ah-spi': ofPacket('number', (packet) => packet.ahSpi),
  uid: owner('uid'),
  gid: owner('gid'),
  pkttype: ofPacket('name', packetType),
  'addrtype-src': addressType('src'),
  'addrtype-dst': addressType('dst'),
  ctstate: { kind: 'name', read: (_packet, facts) => stateSeen(facts) },
  ctdir: ofEntry('name', (facts) => facts.ctdir ?? (facts.ctstate === 'NEW' ? 'ORIGINAL' : null)),
  ctstatus: ofEntry('names', (facts) => facts.ctstatus),
  ctmark: ofEntry('mark', (facts) => facts.ctmark),
  ctzone: ofEntry('number', (facts) => facts.ctzone),
  cthelper: ofEntry('name', helperOf),
  ctproto: ofEntry('proto', (facts, packet) => facts.orig?.proto ?? packet.proto),
  ctorigsrc: ofTuple('orig', 'src'),
  ctorigdst: ofTuple('orig', 'dst'),
  ctorigsrcport: ofTuple('orig', 'sport'),
  ctorigdstport: ofTuple('orig', 'dport'),
  ctreplsrc: ofTuple('reply', 'src'),
  ctrepldst: ofTuple('reply', 'dst'),
  ctreplsrcport: ofTuple('reply', 'sport'),
  ctrepldstport: ofTuple('reply', 'dport'),
};

function icmpReading(packet: Packet, proto: number): Reading {
  if (packet.proto === null) return null;
  if (packet.proto !== proto || (packet.fragmentOffsetBytes ?? 0) > 0) return ABSENT;
  return packet.icmpType === null
    ? null
    : packet.icmpCode === null
      ? String(packet.icmpType)
      : `${packet.icmpType}/${packet.icmpCode}`;
}

/** Whether the packet is a later fragment; NULL when the dump does not go so far. */
export function isLaterFragment(packet: Packet): boolean | null {
  if (packet.fragmentOffsetBytes !== null) return packet.fragmentOffsetBytes > 0;
  return packet.lenBytes !== null ? false : null;
}
