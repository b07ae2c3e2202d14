// What must be known of a packet for the tracker to judge it?

import { tcpFlagSet } from '../catalogue/tcp-flags.js';
import type { Direction } from '../catalogue/tcp-states.js';

/** Bits of the flag byte of a TCP header. */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;
export const ECE = 0x40;
export const CWR = 0x80;

/**
 * What is wrong with the transport header before its contents count. no-ports: fewer than four bytes of it (nothing to look up);
 * short: not the whole fixed part; truncated: a length or data offset that the packet does not hold.
 */
export type HeaderFault = 'no-ports' | 'short' | 'truncated' | 'bad-checksum';

interface AnyPacket {
  /** Milliseconds on any clock that runs evenly. */
  readonly atMs: number;
  /** Conntrack zone, 0 where none is set. */
  readonly zone: number;
  /** Addresses in one spelling each: they are compared as text. */
  readonly src: string;
  readonly dst: string;
  readonly fault: HeaderFault | null;
  /** The rules dropped it behind conntrack: an entry that it would open is never confirmed and vanishes with it. */
  readonly isDropped?: boolean;
}

export interface TcpPacket extends AnyPacket {
  readonly proto: 'tcp';
  readonly sport: number;
  readonly dport: number;
  /** Sequence and acknowledgement number as on the wire, 0 to 2^32 - 1. */
  readonly seq: number;
  readonly ack: number;
  /** As on the wire, not scaled. */
  readonly window: number;
  /** Flag byte of the header. */
  readonly flags: number;
  /** Bytes behind the TCP header. */
  readonly payload: number;
  /** The option bytes of the header with their padding; NULL for none. */
  readonly options: Uint8Array | null;
}

export interface UdpPacket extends AnyPacket {
  readonly proto: 'udp';
  readonly sport: number;
  readonly dport: number;
}

/** The packet inside an ICMP error: the head that the router saw, direction as it was sent. */
export interface QuotedTuple {
  readonly proto: 'tcp' | 'udp' | 'icmp' | 'icmpv6';
  readonly src: string;
  readonly dst: string;
  /** Ports; for ICMP the id and type * 256 + code. */
  readonly a: number;
  readonly b: number;
}

export interface IcmpPacket extends AnyPacket {
  readonly proto: 'icmp' | 'icmpv6';
  readonly type: number;
  readonly code: number;
  readonly id: number;
  /** Of an error; 'unreadable' when what is quoted has no ports, is a later fragment, or of a protocol without entries here. */
  readonly quoted: QuotedTuple | 'unreadable' | null;
  /** Of the IPv6 header; only ICMPv6 redirects are asked for it. NULL: not known, taken for 255. */
  readonly hopLimit: number | null;
}

export type TrackedPacket = TcpPacket | UdpPacket | IcmpPacket;
export type TrackedProto = TrackedPacket['proto'];

const FLAG_BITS: Readonly<Record<string, number>> = { FIN, SYN, RST, PSH, ACK, URG, ECE, CWR };

/** Flag words of a packet dump ('ACK PSH') as the byte of the header; AE lies outside of it. */
export function tcpFlagBits(words: string): number {
  let bits = 0;
  for (const word of tcpFlagSet(words)) bits |= FLAG_BITS[word] ?? 0;
  return bits;
}

/** The byte as flag words, in the order of a packet dump. */
export function tcpFlagWords(bits: number): string {
  const order = ['CWR', 'ECE', 'URG', 'ACK', 'PSH', 'RST', 'SYN', 'FIN'];
  return order.filter((word) => (bits & FLAG_BITS[word]!) !== 0).join(' ');
}

export function otherDirection(dir: Direction): Direction {
  return dir === 0 ? 1 : 0;
}
