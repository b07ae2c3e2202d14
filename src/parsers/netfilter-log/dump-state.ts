// A packet dump while it is being read: the packet so far, and what the words read so far say about the words to come.

import type { Arp, Packet } from '../../model/packet.js';

export type PacketDraft = { -readonly [Key in keyof Packet]: Packet[Key] };
export type ArpDraft = { -readonly [Key in keyof Arp]: Arp[Key] };

/** Which part of the dump the next word belongs to: the same word means different things in each. */
export type Phase = 'head' | 'network' | 'transport' | 'arp';

export interface DumpState {
  readonly packet: PacketDraft;
  readonly isQuote: boolean;
  phase: Phase;
  unknown: string[];
  /** Bits in the order of FLAG_WORDS. */
  flagBits: number;
  hasFlagWord: boolean;
  /** The line ends among the flag words: those that are there are not all. */
  areFlagsOpen: boolean;
  /** ulogd's LOGEMU (util/printpkt.c): TOS without 0x, MARK in hexadecimal without 0x, no RES, no quoted packet. */
  isUlogd: boolean;
  /** PROTO= was a number: the kernel prints nothing of the transport behind it (ICMPv6 inside IPv4, for one). */
  isNumberedProto: boolean;
  /** The sender left words away ('..', values blanked out). */
  isElided: boolean;
  /** TRUNCATED or INCOMPLETE: the kernel itself ended the dump here. */
  isEnded: boolean;
  /** A parenthesis or a bracket is still open. */
  isOpen: boolean;
  arp: ArpDraft | null;
}

/** A packet of which nothing is told. A literal, not a spread copy: this runs once for every line. */
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

export function emptyState(isQuote: boolean): DumpState {
  return {
    packet: emptyPacket(),
    isQuote,
    phase: isQuote ? 'network' : 'head',
    unknown: [],
    flagBits: 0,
    hasFlagWord: false,
    areFlagsOpen: false,
    isUlogd: false,
    isNumberedProto: false,
    isElided: false,
    isEnded: false,
    isOpen: false,
    arp: null,
  };
}

/** TCP flag words in the order that Packet.flags has; bit n is the nth. */
export const FLAG_WORDS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'AE'] as const;

const flagTexts: string[] = [];
for (let bits = 0; bits < 1 << FLAG_WORDS.length; bits++) {
  flagTexts.push(FLAG_WORDS.filter((_, index) => (bits >> index) & 1).join(' '));
}

export function flagText(bits: number): string {
  return flagTexts[bits] ?? '';
}
