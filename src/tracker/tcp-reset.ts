// May this RST close the connection? What RFC 5961 asks of a host, conntrack asks of an RST passing by, differently in each age of the kernel.
// net/netfilter/nf_conntrack_proto_tcp.c: nf_conntrack_tcp_packet(), the branch for CLOSE.

import type { Direction } from '../catalogue/tcp-states.js';
import type { Context } from './context.js';
import { type Entry, MAX_ACK_KNOWN } from './entry.js';
import { otherDirection, type TcpPacket } from './packet.js';
import { isBefore } from './serial.js';

/**
 * close: whatever its window. check: if it is in the window. keep-open: as check, but the state stays ESTABLISHED. refuse: INVALID.
 * keep-open-unchecked: the state stays, the window is not looked at.
 */
export type ResetVerdict = 'close' | 'check' | 'keep-open' | 'keep-open-unchecked' | 'refuse';

const SYN_INDEX = 0;
const ACK_INDEX = 3;
const SYN_SENT = 1;
const ESTABLISHED = 3;
/** FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE: tcp_can_early_drop(), v6.18. */
const FIRST_CLOSING = 4;
const LAST_CLOSING = 8;

/** Judges an RST of direction `dir` on an entry whose table row says CLOSE. */
export function judgeReset(context: Context, entry: Entry, dir: Direction, packet: TcpPacket): ResetVerdict {
  const { rules } = context;
  const tcp = entry.tcp;
  if (rules.closingTakesAnyRst && tcp.state >= FIRST_CLOSING && tcp.state <= LAST_CLOSING) return 'close';

  const compared = compareWithAck(context, entry, dir, packet);
  if (compared === 'refuse' || compared === 'check') return compared;
  const keepsOpen = compared === 'keep-open';
  if (answersIgnored(context, entry, dir, packet)) return keepsOpen ? 'keep-open-unchecked' : 'close';

  const answersChallenge =
    rules.challengeAckReset &&
    tcp.state === SYN_SENT &&
    tcp.lastIndex === ACK_INDEX &&
    tcp.lastDir === 1 &&
    packet.seq === tcp.lastAck;
  if (answersChallenge) return keepsOpen ? 'keep-open-unchecked' : 'close';
  return keepsOpen ? 'keep-open' : 'check';
}

/** Holds the sequence number against the highest ACK of the other side. 'undecided': no reason to stop here. */
function compareWithAck(
  context: Context,
  entry: Entry,
  dir: Direction,
  packet: TcpPacket,
): 'refuse' | 'check' | 'keep-open' | 'undecided' {
  const { rules, settings } = context;
  const tcp = entry.tcp;
  const receiver = tcp.sides[otherDirection(dir)];
  if ((receiver.flags & MAX_ACK_KNOWN) === 0) return 'undecided';
  // The highest ACK may be out of date once a SYN was let through.
  if (rules.rstAfterIgnoredSyn && tcp.lastIndex === SYN_INDEX) return 'undecided';

  const isEstablished = tcp.state === ESTABLISHED && entry.isAssured;
  if (rules.rstAfterIgnoredSyn && packet.seq === 0 && !isEstablished) return 'check';
  const isForgiven = rules.invalidRstCanBeIgnored && settings.ignoresInvalidRst;
  if (isBefore(packet.seq, receiver.maxAck) && !isForgiven) return 'refuse';
  if (!rules.exactRst) return 'undecided';
  if (!isEstablished || packet.seq === receiver.maxAck) return 'check';
  const continuesItsTrain = tcp.lastIndex === ACK_INDEX && tcp.lastDir === dir && packet.seq === tcp.lastEnd;
  return continuesItsTrain ? 'check' : 'keep-open';
}

/** Whether the RST answers a SYN, or the ACK of a half-open connection, that was let through without being believed. */
function answersIgnored(context: Context, entry: Entry, dir: Direction, packet: TcpPacket): boolean {
  const tcp = entry.tcp;
  if (packet.ack !== tcp.lastEnd) return false;
  const isRightSide = !context.rules.ignoredSynFromOtherSide || tcp.lastDir !== dir;
  if (entry.hasReply && tcp.lastIndex === SYN_INDEX && isRightSide) return true;
  return !entry.isAssured && tcp.lastIndex === ACK_INDEX;
}
