// What the bytes behind an IP header tell: ports, TCP's numbers and options, ICMP with the packet it quotes, SCTP, DCCP, GRE.

import type { PacketDraft } from '../../model/packet.js';
import { hex, ipv4Text, u16, u32 } from './octets.js';
import { flagWords } from './tcp-flags.js';

/** The stretch of bytes that a header may be read from; what lies behind `to` was not captured. */
export interface Stretch {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  /** Where the datagram ends on the wire, at or behind `to`. */
  readonly wireEnd: number;
}

/** Reads the packet that an ICMP error quotes. */
export type DecodeQuoted = (stretch: Stretch, version: 4 | 6) => PacketDraft;

function cutHere(packet: PacketDraft, stretch: Stretch): null {
  packet.isTruncated = true;
  packet.incompleteBytes = Math.max(0, stretch.to - stretch.from);
  return null;
}

function readPorts(packet: PacketDraft, { bytes, from, to }: Stretch): boolean {
  if (from + 4 > to) return false;
  packet.sport = u16(bytes, from);
  packet.dport = u16(bytes, from + 2);
  return true;
}

/** Payload bytes of TCP; NULL when the header is not all there. */
function tcp(packet: PacketDraft, stretch: Stretch): number | null {
  const { bytes, from, to, wireEnd } = stretch;
  const hasPorts = readPorts(packet, stretch);
  if (hasPorts && from + 8 <= to) packet.seq = u32(bytes, from + 4);
  if (from + 20 > to) return cutHere(packet, stretch);
  packet.ack = u32(bytes, from + 8);
  const offset = bytes[from + 12] ?? 0;
  packet.flags = flagWords((bytes[from + 13] ?? 0) | ((offset & 1) << 8));
  // As the kernel's log: net/netfilter/nf_log_syslog.c: nf_log_dump_tcp_header(), the reserved bits above ECE and CWR.
  packet.res = (offset & 0x0e) << 2;
  packet.window = u16(bytes, from + 14);
  packet.urgp = u16(bytes, from + 18);
  const headerBytes = (offset >> 4) * 4;
  if (headerBytes < 20) return null;
  const optionsEnd = from + headerBytes;
  if (optionsEnd > to) return cutHere(packet, stretch);
  if (headerBytes > 20) packet.tcpOptions = hex(bytes, from + 20, optionsEnd);
  return optionsEnd > wireEnd ? null : wireEnd - optionsEnd;
}

function udp(packet: PacketDraft, stretch: Stretch): number | null {
  const { bytes, from, to } = stretch;
  readPorts(packet, stretch);
  if (from + 8 > to) return cutHere(packet, stretch);
  packet.udpLenBytes = u16(bytes, from + 4);
  return packet.udpLenBytes >= 8 ? packet.udpLenBytes - 8 : null;
}

const ICMP_ECHO_LIKE = new Set([0, 8, 13, 14, 15, 16, 17, 18]);
const ICMP_ERRORS = new Set([3, 4, 5, 11, 12]);
const ICMPV6_ECHO = new Set([128, 129]);

function icmp(packet: PacketDraft, stretch: Stretch, version: 4 | 6, decodeQuoted: DecodeQuoted): null {
  const { bytes, from, to } = stretch;
  if (from + 2 > to) return cutHere(packet, stretch);
  const type = bytes[from] ?? 0;
  const code = bytes[from + 1] ?? 0;
  packet.icmpType = type;
  packet.icmpCode = code;
  if (from + 8 > to) return cutHere(packet, stretch);
  if (version === 4 ? ICMP_ECHO_LIKE.has(type) : ICMPV6_ECHO.has(type)) {
    packet.icmpId = u16(bytes, from + 4);
    packet.icmpSeq = u16(bytes, from + 6);
  }
  if (version === 4) {
    if (type === 3 && code === 4) packet.mtu = u16(bytes, from + 6);
    if (type === 5) packet.gateway = ipv4Text(bytes, from + 4);
    if (type === 12) packet.parameter = bytes[from + 4] ?? 0;
  } else {
    if (type === 2) packet.mtu = u32(bytes, from + 4);
    if (type === 4) packet.parameter = u32(bytes, from + 4);
  }
  const isError = version === 4 ? ICMP_ERRORS.has(type) : type < 128;
  if (isError && from + 8 < to) packet.quoted = decodeQuoted({ ...stretch, from: from + 8 }, version);
  return null;
}

const SCTP_CHUNKS: Readonly<Record<number, string>> = {
  0: 'DATA',
  1: 'INIT',
  2: 'INIT_ACK',
  3: 'SACK',
  4: 'HEARTBEAT',
  5: 'HEARTBEAT_ACK',
  6: 'ABORT',
  7: 'SHUTDOWN',
  8: 'SHUTDOWN_ACK',
  9: 'ERROR',
  10: 'COOKIE_ECHO',
  11: 'COOKIE_ACK',
  14: 'SHUTDOWN_COMPLETE',
};

function sctp(packet: PacketDraft, stretch: Stretch): null {
  const { bytes, from, to } = stretch;
  readPorts(packet, stretch);
  if (from + 12 > to) return cutHere(packet, stretch);
  const chunks: string[] = [];
  for (let at = from + 12; at + 4 <= to && chunks.length < 16; ) {
    const type = bytes[at] ?? 0;
    chunks.push(SCTP_CHUNKS[type] ?? String(type));
    const length = u16(bytes, at + 2);
    if (length < 4) break;
    at += length + ((4 - (length % 4)) % 4);
  }
  packet.unknown = [...packet.unknown, `VTAG=0x${u32(bytes, from + 4).toString(16)}`];
  if (chunks.length > 0) packet.unknown = [...packet.unknown, `CHUNKS=${chunks.join(',')}`];
  return null;
}

const DCCP_TYPES = [
  'REQUEST',
  'RESPONSE',
  'DATA',
  'ACK',
  'DATAACK',
  'CLOSEREQ',
  'CLOSE',
  'RESET',
  'SYNC',
  'SYNCACK',
] as const;

function dccp(packet: PacketDraft, stretch: Stretch): null {
  const { bytes, from, to } = stretch;
  readPorts(packet, stretch);
  if (from + 12 > to) return cutHere(packet, stretch);
  const type = ((bytes[from + 8] ?? 0) >> 1) & 0x0f;
  packet.unknown = [...packet.unknown, `DCCPTYPE=${DCCP_TYPES[type] ?? type}`];
  return null;
}

/** RFC 2890 (version 0) and RFC 2637 (version 1: the low half of the key is the call id). */
function gre(packet: PacketDraft, stretch: Stretch, decodeQuoted: DecodeQuoted): null {
  const { bytes, from, to } = stretch;
  if (from + 4 > to) return cutHere(packet, stretch);
  const word = u16(bytes, from);
  const version = word & 7;
  packet.unknown = [
    ...packet.unknown,
    `GREVERSION=${version}`,
    `GREPROTO=0x${u16(bytes, from + 2)
      .toString(16)
      .padStart(4, '0')}`,
  ];
  const type = u16(bytes, from + 2);
  const keyAt = from + 4 + ((word & 0xc000) !== 0 ? 4 : 0);
  const innerAt = keyAt + ((word & 0x2000) !== 0 ? 4 : 0) + ((word & 0x1000) !== 0 ? 4 : 0);
  if (version === 0 && (type === 0x0800 || type === 0x86dd) && innerAt < to)
    packet.quoted = decodeQuoted({ ...stretch, from: innerAt }, type === 0x0800 ? 4 : 6);
  if ((word & 0x2000) === 0) return null;
  if (keyAt + 4 > to) return cutHere(packet, stretch);
  Object.assign(packet, { greKey: version === 1 ? u16(bytes, keyAt + 2) : u32(bytes, keyAt) });
  return null;
}

/**
 * Reads the header of a protocol into the packet.
 * @returns payload bytes of TCP and UDP where they can be told
 */
export function decodeTransport(
  packet: PacketDraft,
  proto: number,
  stretch: Stretch,
  version: 4 | 6,
  decodeQuoted: DecodeQuoted,
): number | null {
  switch (proto) {
    case 6:
      return tcp(packet, stretch);
    case 17:
      return udp(packet, stretch);
    case 136:
      return readPorts(packet, stretch) ? null : cutHere(packet, stretch);
    case 132:
      return sctp(packet, stretch);
    case 33:
      return dccp(packet, stretch);
    case 47:
      return gre(packet, stretch, decodeQuoted);
    case 1:
      return version === 4 ? icmp(packet, stretch, 4, decodeQuoted) : null;
    case 58:
      return version === 6 ? icmp(packet, stretch, 6, decodeQuoted) : null;
    case 50:
      if (stretch.from + 4 > stretch.to) return cutHere(packet, stretch);
      packet.spi = u32(stretch.bytes, stretch.from);
      return null;
    default:
      return null;
  }
}
