// Does this segment lie inside the window that conntrack computed, and what does it teach about both sides?
// net/netfilter/nf_conntrack_proto_tcp.c: tcp_in_window(). Letters I to IV are the four checks of its comment.

import type { Direction } from '../catalogue/tcp-states.js';
import type { Context } from './context.js';
import {
  type Entry,
  LIBERAL,
  MAX_ACK_KNOWN,
  OFFERS_SCALING,
  PERMITS_SACK,
  type TcpMemory,
  type TcpSide,
  UNACKNOWLEDGED,
} from './entry.js';
import type { CheckName, Outcome, WindowCheck } from './outcome.js';
import { ACK, FIN, otherDirection, RST, SYN, type TcpPacket } from './packet.js';
import { distance, isAfter, isBefore, plus } from './serial.js';
import { permitsSack, sackEdge, windowScaleOf } from './tcp-options.js';

export type WindowVerdict = 'accept' | 'ignore' | 'invalid';

/** An ACK may lie this far back, or as far as the largest window of its sender. */
const LEAST_ACK_WINDOW = 66_000;
const ACK_INDEX = 3;
const SYN_SENT = 1;
const SYN_RECV = 2;

const REASON: Readonly<Record<CheckName, string>> = {
  I: 'tcp-seq-over-upper-bound',
  II: 'tcp-seq-under-lower-bound',
  III: 'tcp-ack-over-upper-bound',
  IV: 'tcp-ack-under-lower-bound',
};

/** segment_seq_plus_len(): the sequence number behind the segment; SYN and FIN count one each. */
export function segmentEnd(packet: TcpPacket): number {
  const flags = packet.flags;
  return plus(packet.seq, packet.payload + ((flags & SYN) === 0 ? 0 : 1) + ((flags & FIN) === 0 ? 0 : 1));
}

/** tcp_options(): scale and SACK permission of a side, from a SYN. A header without options leaves the side as it was. */
export function learnOptions(context: Context, side: TcpSide, options: Uint8Array | null): void {
  if (options === null || options.length === 0) return;
  const scale = windowScaleOf(options);
  const kept = context.rules.liberalSurvivesSyn ? side.flags & LIBERAL : 0;
  side.scale = Math.max(scale, 0);
  side.flags = kept | (scale < 0 ? 0 : OFFERS_SCALING) | (permitsSack(options) ? PERMITS_SACK : 0);
}

/** Judges a segment of direction `dir` and row `index`, fills `out.check`, and updates both sides when the segment is believed. */
export function judgeWindow(
  context: Context,
  entry: Entry,
  dir: Direction,
  index: number,
  packet: TcpPacket,
  out: Outcome,
): WindowVerdict {
  const { rules } = context;
  const tcp = entry.tcp;
  const sender = tcp.sides[dir];
  const receiver = tcp.sides[otherDirection(dir)];
  const check = out.check;
  const { flags, options } = packet;

  check.isRun = true;
  check.seq = packet.seq;
  check.end = segmentEnd(packet);
  check.ack = packet.ack;
  check.sack = options !== null && (receiver.flags & PERMITS_SACK) !== 0 ? sackEdge(options, packet.ack) : packet.ack;
  check.window = packet.window;

  const isPlainSyn = (flags & SYN) !== 0 && (flags & ACK) === 0;
  if (sender.maxWin === 0) {
    if ((flags & SYN) !== 0) {
      startSide(context, sender, receiver, dir, packet, check.end, true);
      // Simultaneous open: there is nothing yet to hold the SYN against.
      if (isPlainSyn) return passUnchecked(check);
    } else {
      learnMidstream(context, sender, receiver, check);
    }
  } else if (startsAnew(context, tcp, sender, dir, packet, check.end)) {
    startSide(context, sender, receiver, dir, packet, check.end, rules.newStartClearsScale);
    if (rules.onlySynStartsAnew && dir === 1 && isPlainSyn) return passUnchecked(check);
  }

  correctNumbers(context, tcp, sender, receiver, packet, check);
  setBounds(check, sender, receiver);
  const failed = firstFailed(context, check, receiver);
  if (failed !== null) return judgeFailure(context, failed, sender, receiver, check, out);
  learnFrom(context, tcp, sender, receiver, dir, index, packet, check);
  return 'accept';
}

function passUnchecked(check: WindowCheck): WindowVerdict {
  check.isRun = false;
  return 'accept';
}

/** tcp_init_sender() (v5.17 and newer; inline before): a side begins with this SYN or SYN ACK. */
function startSide(
  context: Context,
  sender: TcpSide,
  receiver: TcpSide,
  dir: Direction,
  packet: TcpPacket,
  end: number,
  matchesScale: boolean,
): void {
  sender.end = end;
  sender.maxEnd = end;
  sender.maxWin = Math.max(packet.window, 1);
  learnOptions(context, sender, packet.options);
  if (!matchesScale || (context.rules.onlyReplyClearsScale && dir === 0)) return;
  // RFC 7323: scaling holds only when both sides offered it.
  if ((sender.flags & receiver.flags & OFFERS_SCALING) !== 0) return;
  sender.scale = 0;
  receiver.scale = 0;
}

/** The side was never seen and begins in the middle. */
function learnMidstream(context: Context, sender: TcpSide, receiver: TcpSide, check: WindowCheck): void {
  const { rules } = context;
  sender.end = check.end;
  const window = rules.firstWindowScaled ? check.window << sender.scale : check.window;
  sender.maxWin = Math.max(window, 1);
  sender.maxEnd = plus(check.end, sender.maxWin);
  if (receiver.maxWin === 0) {
    if (rules.silentPeerLearnsAck) {
      receiver.end = check.sack;
      receiver.maxEnd = check.sack;
    }
  } else if (rules.keepaliveReplyAdvances && check.sack === plus(receiver.end, 1)) {
    receiver.end = plus(receiver.end, 1);
  }
}

/** During the handshake a higher sequence number replaces what the side had begun with (RFC 9293, reuse of a port). */
function startsAnew(
  context: Context,
  tcp: TcpMemory,
  sender: TcpSide,
  dir: Direction,
  packet: TcpPacket,
  end: number,
): boolean {
  if (!isAfter(end, sender.end)) return false;
  if (context.rules.onlySynStartsAnew) {
    return (packet.flags & SYN) !== 0 && (tcp.state === SYN_SENT || tcp.state === SYN_RECV);
  }
  return dir === 0 ? tcp.state === SYN_SENT : tcp.state === SYN_RECV;
}

/** Numbers that the segment does not carry, or carries wrongly by habit, are taken as right. */
function correctNumbers(
  context: Context,
  tcp: TcpMemory,
  sender: TcpSide,
  receiver: TcpSide,
  packet: TcpPacket,
  check: WindowCheck,
): void {
  const isRst = (packet.flags & RST) !== 0;
  // Stacks that send RST ACK with an acknowledgement of zero mean no acknowledgement.
  if ((packet.flags & ACK) === 0 || (isRst && packet.ack === 0)) {
    check.ack = receiver.end;
    check.sack = receiver.end;
  }
  const answersSyn = isRst && packet.seq === 0 && tcp.state === SYN_SENT;
  const isEmpty = check.seq === check.end && !isRst;
  if (answersSyn || (context.rules.emptySegmentsSkipSequence && isEmpty)) {
    check.seq = sender.end;
    check.end = sender.end;
  }
}

function setBounds(check: WindowCheck, sender: TcpSide, receiver: TcpSide): void {
  check.upperSeq = plus(sender.maxEnd, 1);
  check.lowerSeq = plus(sender.end, -receiver.maxWin - 1);
  check.upperAck = plus(receiver.end, 1);
  check.lowerAck = plus(receiver.end, -Math.max(sender.maxWin, LEAST_ACK_WINDOW) - 1);
}

function firstFailed(context: Context, check: WindowCheck, receiver: TcpSide): CheckName | null {
  const holdsI = isBefore(check.seq, check.upperSeq);
  const isUnseen = context.rules.unseenWindowPasses && receiver.maxWin === 0;
  const holdsII = isUnseen || isAfter(check.end, check.lowerSeq);
  const holdsIII = isBefore(check.sack, check.upperAck);
  const holdsIV = isAfter(check.sack, check.lowerAck);
  if (!holdsI) return 'I';
  if (context.rules.numberedBounds) return !holdsIII ? 'III' : !holdsII ? 'II' : !holdsIV ? 'IV' : null;
  return !holdsII ? 'II' : !holdsIII ? 'III' : !holdsIV ? 'IV' : null;
}

/** What becomes of a segment outside the window; from 6.1 on the lower bounds no longer make it INVALID. */
function judgeFailure(
  context: Context,
  failed: CheckName,
  sender: TcpSide,
  receiver: TcpSide,
  check: WindowCheck,
  out: Outcome,
): WindowVerdict {
  const { rules, messages } = context;
  const isLiberal = context.settings.isLiberal || (sender.flags & LIBERAL) !== 0;
  check.failed = failed;
  check.byBytes = bytesOutside(failed, check);
  const overshoot = failed === 'I' ? overshootOf(check, sender, receiver) : 0;
  // Until 6.0 the overshoot was looked at only when the segment was about to be refused.
  const isOvershoot = rules.overshoot && overshoot > 0 && (rules.numberedBounds || !isLiberal);
  if (isOvershoot) {
    sender.end = check.end;
    sender.flags |= UNACKNOWLEDGED;
  }
  if (isLiberal) {
    check.isForgiven = true;
    out.reasonId = 'tcp-window-suppressed-by-liberal';
    return 'accept';
  }
  if (isOvershoot) {
    out.reasonId = 'tcp-bytes-more-than-expected';
    out.message = messages.text(out.reasonId, overshoot);
    return rules.numberedBounds ? 'ignore' : 'invalid';
  }
  out.reasonId = REASON[failed];
  out.message = messages.text(out.reasonId, boundOf(failed, check));
  return rules.numberedBounds && (failed === 'II' || failed === 'IV') ? 'ignore' : 'invalid';
}

/** By how much the data goes too far, when that is all that is wrong and the receiver's window covers it; else 0. */
function overshootOf(check: WindowCheck, sender: TcpSide, receiver: TcpSide): number {
  const overshoot = plus(check.end, 1 - sender.maxEnd);
  const isElseRight =
    receiver.maxWin > 0 &&
    isAfter(check.end, check.lowerSeq) &&
    isBefore(check.sack, check.upperAck) &&
    isAfter(check.sack, check.lowerAck);
  return isElseRight && overshoot <= receiver.maxWin ? overshoot : 0;
}

function boundOf(failed: CheckName, check: WindowCheck): number {
  if (failed === 'I') return check.upperSeq;
  if (failed === 'II') return check.lowerSeq;
  return failed === 'III' ? check.upperAck : check.lowerAck;
}

function bytesOutside(failed: CheckName, check: WindowCheck): number {
  if (failed === 'I') return distance(check.seq, check.upperSeq) + 1;
  if (failed === 'II') return distance(check.lowerSeq, check.end) + 1;
  return failed === 'III' ? distance(check.sack, check.upperAck) + 1 : distance(check.lowerAck, check.sack) + 1;
}

/** The segment is believed: it moves the window of both sides. */
function learnFrom(
  context: Context,
  tcp: TcpMemory,
  sender: TcpSide,
  receiver: TcpSide,
  dir: Direction,
  index: number,
  packet: TcpPacket,
  check: WindowCheck,
): void {
  // RFC 7323: the window of a SYN is never scaled.
  const window = (packet.flags & SYN) === 0 ? packet.window << sender.scale : packet.window;
  check.window = window;
  const { end, ack, sack } = check;

  const advertised = plus(window, sack - ack);
  if (sender.maxWin < advertised) sender.maxWin = advertised;
  if (isAfter(end, sender.end)) {
    sender.end = end;
    sender.flags |= UNACKNOWLEDGED;
  }
  if ((packet.flags & ACK) !== 0) {
    if ((sender.flags & MAX_ACK_KNOWN) === 0 || isAfter(ack, sender.maxAck)) sender.maxAck = ack;
    sender.flags |= MAX_ACK_KNOWN;
  }

  if (receiver.maxWin !== 0 && isAfter(end, sender.maxEnd)) {
    receiver.maxWin = plus(receiver.maxWin, end - sender.maxEnd);
  }
  const allowed = plus(sack, window);
  if (isAfter(allowed, plus(receiver.maxEnd, -1))) receiver.maxEnd = window === 0 ? plus(allowed, 1) : allowed;
  if (ack === receiver.end) receiver.flags &= ~UNACKNOWLEDGED;

  if (index === ACK_INDEX)
    countRetransmission(tcp, dir, check, context.rules.rawWindowInRetransmission ? packet.window : window);
}

/** The very same segment again counts; anything else begins a new count. */
function countRetransmission(tcp: TcpMemory, dir: Direction, check: WindowCheck, window: number): void {
  const isSame =
    tcp.lastDir === dir &&
    tcp.lastSeq === check.seq &&
    tcp.lastAck === check.ack &&
    tcp.lastEnd === check.end &&
    tcp.lastWindow === window;
  if (isSame) {
    tcp.retransmissions += 1;
    return;
  }
  tcp.lastDir = dir;
  tcp.lastSeq = check.seq;
  tcp.lastAck = check.ack;
  tcp.lastEnd = check.end;
  tcp.lastWindow = window;
  tcp.retransmissions = 0;
}
