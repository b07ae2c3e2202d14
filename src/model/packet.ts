// The fields a packet logger, a trace or a capture can tell of one packet. NULL = not told by that line.

import type { ProtoNumber } from './tuple.js';

export interface Arp {
  readonly htype: number | null;
  readonly ptype: string | null;
  readonly opcode: number | null;
  readonly macSrc: string | null;
  readonly ipSrc: string | null;
  readonly macDst: string | null;
  readonly ipDst: string | null;
}

/** The dump of one packet; the quoted packet of an ICMP error and a tunnel's inner packet have the same fields. */
export interface Packet {
  readonly family: 'ip' | 'ip6' | 'arp' | 'other' | null;
  readonly inIf: string | null;
  readonly outIf: string | null;
  readonly physIn: string | null;
  readonly physOut: string | null;
  /** As printed, bytes separated by colons; '' for a device without header. */
  readonly mac: string | null;
  readonly macSrc: string | null;
  readonly macDst: string | null;
  readonly macProto: string | null;
  /** The whole tag control word (VLAN id = value & 4095). */
  readonly vlanTci: number | null;
  readonly vlanProto: string | null;
  /** sit tunnels: outer addresses printed as TUNNEL=a->b. */
  readonly tunnelSrc: string | null;
  readonly tunnelDst: string | null;
  readonly src: string | null;
  readonly dst: string | null;
  readonly lenBytes: number | null;
  readonly tos: number | null;
  readonly prec: number | null;
  readonly ttl: number | null;
  readonly ipId: number | null;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** Reserved bit of the fragment field, printed as CE (not ECN). */
  readonly reservedBit: boolean;
  readonly fragmentOffsetBytes: number | null;
  readonly fragmentId: string | null;
  readonly ipOptions: string | null;
  readonly trafficClass: number | null;
  readonly flowLabel: number | null;
  readonly proto: ProtoNumber | null;
  readonly sport: number | null;
  readonly dport: number | null;
  readonly seq: number | null;
  readonly ack: number | null;
  readonly window: number | null;
  readonly res: number | null;
  /** Flag words in the order FIN SYN RST PSH ACK URG ECE CWR AE; '' for none set; NULL when not TCP or not told. */
  readonly flags: string | null;
  readonly urgp: number | null;
  /** Upper-case hex as printed. */
  readonly tcpOptions: string | null;
  readonly udpLenBytes: number | null;
  readonly icmpType: number | null;
  readonly icmpCode: number | null;
  readonly icmpId: number | null;
  readonly icmpSeq: number | null;
  readonly mtu: number | null;
  readonly gateway: string | null;
  readonly parameter: number | null;
  readonly spi: number | null;
  readonly ahSpi: number | null;
  /** Key of a GRE packet: the call id of PPTP's version 1; absent where it has none. */
  readonly greKey?: number;
  /** 'INCOMPLETE [n bytes]': bytes that were there. */
  readonly incompleteBytes: number | null;
  readonly isTruncated: boolean;
  readonly uid: number | null;
  readonly gid: number | null;
  readonly mark: number | null;
  readonly arp: Arp | null;
  /** What an ICMP error quotes; of a captured tunnel (IP in IP, SIT, GRE; in text also VXLAN, Geneve) the packet inside. */
  readonly quoted: Packet | null;
  /** KEY=value words this parser does not know, kept as printed. */
  readonly unknown: readonly string[];
  /** The line ended in the middle of a field (rsyslog cut it, two CPUs garbled it). */
  readonly isCut: boolean;
}

/** A packet while it is being read. */
export type PacketDraft = { -readonly [Key in keyof Packet]: Packet[Key] };

/** A packet of which nothing is told. */
export function emptyPacket(): PacketDraft {
  return {
    family: null,
    inIf: null,
    outIf: null,
    physIn: null,
    physOut: null,
    mac: null,
    macSrc: null,
    macDst: null,
    macProto: null,
    vlanTci: null,
    vlanProto: null,
    tunnelSrc: null,
    tunnelDst: null,
    src: null,
    dst: null,
    lenBytes: null,
    tos: null,
    prec: null,
    ttl: null,
    ipId: null,
    dontFragment: false,
    moreFragments: false,
    reservedBit: false,
    fragmentOffsetBytes: null,
    fragmentId: null,
    ipOptions: null,
    trafficClass: null,
    flowLabel: null,
    proto: null,
    sport: null,
    dport: null,
    seq: null,
    ack: null,
    window: null,
    res: null,
    flags: null,
    urgp: null,
    tcpOptions: null,
    udpLenBytes: null,
    icmpType: null,
    icmpCode: null,
    icmpId: null,
    icmpSeq: null,
    mtu: null,
    gateway: null,
    parameter: null,
    spi: null,
    ahSpi: null,
    incompleteBytes: null,
    isTruncated: false,
    uid: null,
    gid: null,
    mark: null,
    arp: null,
    quoted: null,
    unknown: [],
    isCut: false,
  };
}
