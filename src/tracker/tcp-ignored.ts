// What is remembered of a segment that is let through without being believed, and when does its answer bring the entry back in step?
// net/netfilter/nf_conntrack_proto_tcp.c: nf_conntrack_tcp_packet(), the branch for ignored packets.

import type { Direction } from '../catalogue/tcp-states.js';
import type { Context } from './context.js';
import {
  CHALLENGE_ACK_EXPECTED,
  LIBERAL,
  OFFERS_SCALING,
  PERMITS_SACK,
  type TcpMemory,
  type TcpSide,
} from './entry.js';
import type { TcpPacket } from './packet.js';
import { permitsSack, windowScaleOf } from './tcp-options.js';
import { segmentEnd } from './tcp-window.js';

const SYN_INDEX = 0;
const SYN_ACK_INDEX = 1;
const ACK_INDEX = 3;
const SYN_SENT = 1;
const LAST_ACK = 6;

/** Whether this SYN ACK acknowledges a SYN of the other side that was ignored: both ends agree, only the entry does not. */
export function answersIgnoredSyn(tcp: TcpMemory, dir: Direction, index: number, packet: TcpPacket): boolean {
  return index === SYN_ACK_INDEX && tcp.lastIndex === SYN_INDEX && tcp.lastDir !== dir && packet.ack === tcp.lastEnd;
}

/** Starts the entry anew from the remembered SYN; the side of the SYN ACK is forgotten and learnt from this packet. */
export function resynchronise(context: Context, tcp: TcpMemory, dir: Direction): void {
  const caller = tcp.sides[tcp.lastDir];
  caller.end = tcp.lastEnd;
  caller.maxEnd = tcp.lastEnd;
  caller.maxWin = Math.max(tcp.lastWindow, 1);
  caller.scale = tcp.lastScale;
  tcp.lastFlags &= ~CHALLENGE_ACK_EXPECTED;
  caller.flags = tcp.lastFlags;
  forget(tcp.sides[dir], context.rules.liberalSurvivesSyn);
}

/** Notes an ignored segment; of a first-direction SYN also its options. */
export function rememberIgnored(
  context: Context,
  tcp: TcpMemory,
  dir: Direction,
  index: number,
  packet: TcpPacket,
): void {
  tcp.lastIndex = index;
  tcp.lastDir = dir;
  tcp.lastSeq = packet.seq;
  tcp.lastEnd = segmentEnd(packet);
  tcp.lastWindow = packet.window;
  if (index === SYN_INDEX && dir === 0) rememberOptions(context, tcp, packet.options);
  const isHalfOpen = tcp.state === SYN_SENT && index === ACK_INDEX && dir === 1;
  if (context.rules.challengeAckReset && isHalfOpen) tcp.lastAck = packet.ack;
}

function rememberOptions(context: Context, tcp: TcpMemory, options: Uint8Array | null): void {
  const scale = options === null ? -1 : windowScaleOf(options);
  tcp.lastScale = Math.max(scale, 0);
  tcp.lastFlags = scale < 0 ? 0 : OFFERS_SCALING;
  if (options !== null && permitsSack(options)) tcp.lastFlags |= PERMITS_SACK;
  // RFC 5961: the server may answer with an ACK, which must not pass for that of its last FIN.
  if (context.rules.challengeAck && tcp.state === LAST_ACK) tcp.lastFlags |= CHALLENGE_ACK_EXPECTED;
}

function forget(side: TcpSide, keepsLiberal: boolean): void {
  side.end = 0;
  side.maxEnd = 0;
  side.maxWin = 0;
  side.maxAck = 0;
  side.scale = 0;
  side.flags &= keepsLiberal ? LIBERAL : 0;
}
