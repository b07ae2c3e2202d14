// What does conntrack do with a TCP segment? From the header checks to the state, the window and the timeout.
// net/netfilter/nf_conntrack_proto_tcp.c: nf_conntrack_tcp_packet(), v6.18; differences of other kernels in rules.ts.

import { VALID_TCP_FLAGS } from '../catalogue/tcp-flags.js';
import type { Direction } from '../catalogue/tcp-states.js';
import { type Context, type Decision, refresh, refuse } from './context.js';
import { CHALLENGE_ACK_EXPECTED, CLOSED_FIRST, type Entry, LIBERAL, PERMITS_SACK, SIMULTANEOUS_OPEN } from './entry.js';
import { type Outcome, stateName } from './outcome.js';
import { ACK, CWR, ECE, FIN, otherDirection, PSH, RST, SYN, type TcpPacket, tcpFlagBits } from './packet.js';
import { plus } from './serial.js';
import { answersIgnoredSyn, rememberIgnored, resynchronise } from './tcp-ignored.js';
import { judgeReset } from './tcp-reset.js';
import { chooseTimeoutRule, lowerTimeout, timeoutOfRule } from './tcp-timeout.js';
import { judgeWindow, learnOptions, segmentEnd } from './tcp-window.js';

const NONE = 0;
const SYN_SENT = 1;
const SYN_RECV = 2;
const ESTABLISHED = 3;
const FIN_WAIT = 4;
const LAST_ACK = 6;
const TIME_WAIT = 7;
const CLOSE = 8;
const SYN_SENT2 = 9;
const INVALID = 10;
const IGNORE = 11;

const SYN_INDEX = 0;
const SYN_ACK_INDEX = 1;
const FIN_INDEX = 2;
const ACK_INDEX = 3;
const RST_INDEX = 4;
const NO_INDEX = 5;

const validFlags = new Set(VALID_TCP_FLAGS.map(tcpFlagBits));
const IS_VALID = Uint8Array.from({ length: 256 }, (_, flags) => (validFlags.has(flags & ~(PSH | ECE | CWR)) ? 1 : 0));

/** get_conntrack_index(): the row of the transition table. */
export function indexOf(flags: number): number {
  if ((flags & RST) !== 0) return RST_INDEX;
  if ((flags & SYN) !== 0) return (flags & ACK) === 0 ? SYN_INDEX : SYN_ACK_INDEX;
  if ((flags & FIN) !== 0) return FIN_INDEX;
  return (flags & ACK) === 0 ? NO_INDEX : ACK_INDEX;
}

/** Judges a segment on its entry, which for an unknown tuple is a new, unconfirmed one. */
export function handleTcp(context: Context, entry: Entry, dir: Direction, packet: TcpPacket, out: Outcome): Decision {
  const faulty = checkHeader(context, packet, out);
  if (faulty !== null) return faulty;
  const index = indexOf(packet.flags);
  if (!entry.isConfirmed && !openEntry(context, entry, index, packet, out)) return 'refuse';

  const tcp = entry.tcp;
  let oldState = tcp.state;
  let newState = context.transitions[(dir * 6 + index) * 10 + oldState]!;
  let skipsWindow = false;

  // A SYN after the end: reopen, or let it pass without belief.
  if (newState === SYN_SENT && oldState >= TIME_WAIT && oldState !== SYN_SENT2) {
    if (mayReopen(entry, dir)) {
      context.table.remove(entry);
      return 'repeat';
    }
    newState = IGNORE;
  }
  if (newState === IGNORE) {
    if (!answersIgnoredSyn(tcp, dir, index, packet)) return ignore(context, entry, dir, index, packet, out);
    if (!context.rules.synAckResynchronises) return killOutOfSync(context, entry, out);
    resynchronise(context, tcp, dir);
    out.reasonId = 'tcp-resync-synack';
    oldState = SYN_SENT;
    newState = SYN_RECV;
  } else if (newState === INVALID) {
    out.reasonId = 'tcp-invalid-state';
    out.message = context.messages.text(out.reasonId, index, dir, stateName(oldState));
    return 'refuse';
  } else if (newState === TIME_WAIT && isChallengeAck(context, entry, dir, index)) {
    tcp.lastFlags &= ~CHALLENGE_ACK_EXPECTED;
    out.reasonId = 'tcp-challenge-ack-ignored';
    out.message = context.messages.text(out.reasonId);
    out.isIgnored = true;
    return 'accept';
  } else if (newState === SYN_SENT2) {
    tcp.lastFlags |= SIMULTANEOUS_OPEN;
  } else if (newState === SYN_RECV) {
    const isOpenedBothWays = (tcp.lastFlags & SIMULTANEOUS_OPEN) !== 0 && context.rules.simultaneousOpen;
    if (isOpenedBothWays && dir === 1 && index === ACK_INDEX) newState = ESTABLISHED;
  } else if (newState === CLOSE && index === RST_INDEX) {
    const verdict = judgeReset(context, entry, dir, packet);
    if (verdict === 'refuse') return refuse(context, out, 'tcp-invalid-rst');
    if (verdict === 'keep-open' || verdict === 'keep-open-unchecked') {
      newState = oldState;
      if (newState === ESTABLISHED) out.reasonId = 'tcp-rst-inexact-kept-open';
    }
    skipsWindow = verdict === 'close' || verdict === 'keep-open-unchecked';
  }

  if (!skipsWindow) {
    const verdict = judgeWindow(context, entry, dir, index, packet, out);
    if (verdict === 'ignore') {
      out.isIgnored = true;
      return 'accept';
    }
    if (verdict === 'invalid') {
      lowerTimeout(context, entry, dir, index, packet.atMs, out);
      return 'refuse';
    }
  }
  return settle(context, entry, dir, index, oldState, newState, packet, out);
}

/** tcp_error(): header length, checksum, flags. */
function checkHeader(context: Context, packet: TcpPacket, out: Outcome): Decision | null {
  if (packet.fault === 'short') return refuse(context, out, 'tcp-short-header');
  if (packet.fault === 'truncated') return refuse(context, out, 'tcp-truncated');
  if (packet.fault === 'bad-checksum' && context.settings.checksChecksums) {
    return refuse(context, out, 'tcp-bad-checksum');
  }
  return IS_VALID[packet.flags & 0xff] === 0 ? refuse(context, out, 'tcp-invalid-flags') : null;
}

/** tcp_new(): whether the segment may open an entry, and what the entry knows then. */
function openEntry(context: Context, entry: Entry, index: number, packet: TcpPacket, out: Outcome): boolean {
  const first = context.transitions[index * 10 + NONE]!;
  if (first === INVALID) {
    refuse(context, out, 'tcp-invalid-new');
    return false;
  }
  const [sender, receiver] = entry.tcp.sides;
  if (first !== SYN_SENT && !context.settings.isLoose) {
    refuse(context, out, 'tcp-loose-disabled');
    return false;
  }
  sender.end = segmentEnd(packet);
  sender.maxWin = Math.max(packet.window, 1);
  if (first === SYN_SENT) {
    sender.maxEnd = sender.end;
    learnOptions(context, sender, packet.options);
    out.reasonId = 'tcp-new-syn';
    return true;
  }
  sender.maxEnd = plus(sender.end, sender.maxWin);
  // The handshake was not seen: nothing is known of scaling, so the window cannot be held against anybody.
  sender.flags = PERMITS_SACK | LIBERAL;
  receiver.flags = PERMITS_SACK | LIBERAL;
  out.reasonId = 'tcp-new-midstream-loose';
  return true;
}

/** A side had begun to close, or the last thing that counted was an RST of the side that calls again. */
function mayReopen(entry: Entry, dir: Direction): boolean {
  const { sides, lastDir, lastIndex } = entry.tcp;
  if (((sides[0].flags | sides[1].flags) & CLOSED_FIRST) !== 0) return true;
  return lastDir === dir && lastIndex === RST_INDEX;
}

function ignore(
  context: Context,
  entry: Entry,
  dir: Direction,
  index: number,
  packet: TcpPacket,
  out: Outcome,
): Decision {
  rememberIgnored(context, entry.tcp, dir, index, packet);
  out.isIgnored = true;
  out.reasonId = 'tcp-packet-ignored';
  const { rules, messages } = context;
  const state = stateName(entry.tcp.state);
  out.message = rules.indexInIgnored
    ? messages.text(out.reasonId, index, dir, state)
    : messages.text(out.reasonId, state);
  return 'accept';
}

function killOutOfSync(context: Context, entry: Entry, out: Outcome): Decision {
  context.table.remove(entry);
  out.isClosed = true;
  refuse(context, out, 'tcp-out-of-sync-killed');
  return 'drop';
}

/** In LAST_ACK an ACK after an ignored SYN of the other side challenges that SYN; it is not the last one. */
function isChallengeAck(context: Context, entry: Entry, dir: Direction, index: number): boolean {
  const tcp = entry.tcp;
  return (
    context.rules.challengeAck &&
    tcp.state === LAST_ACK &&
    index === ACK_INDEX &&
    tcp.lastDir === otherDirection(dir) &&
    tcp.lastIndex === SYN_INDEX &&
    (tcp.lastFlags & CHALLENGE_ACK_EXPECTED) !== 0
  );
}

/** The segment counts: state, timeout, and what becomes of the entry. */
function settle(
  context: Context,
  entry: Entry,
  dir: Direction,
  index: number,
  oldState: number,
  newState: number,
  packet: TcpPacket,
  out: Outcome,
): Decision {
  const tcp = entry.tcp;
  tcp.lastIndex = index;
  tcp.lastDir = dir;
  tcp.state = newState;
  if (oldState !== newState && newState === FIN_WAIT) tcp.sides[dir].flags |= CLOSED_FIRST;

  if (!entry.hasReply) {
    // Nobody ever answered, and now it is over: nothing is kept of a refused connection.
    if ((packet.flags & RST) !== 0) {
      context.table.remove(entry);
      out.isClosed = true;
      return 'accept';
    }
    if (index === SYN_INDEX && oldState === SYN_SENT && context.rules.synRepeatKeepsTimeout) {
      out.reasonId = 'tcp-new-syn-retransmit';
      return 'accept';
    }
  } else if (!entry.isAssured && newState === ESTABLISHED && (oldState === SYN_RECV || oldState === ESTABLISHED)) {
    entry.isAssured = true;
  }
  const rule = chooseTimeoutRule(context, entry, index, newState);
  refresh(context, entry, packet.atMs, timeoutOfRule(context, rule, newState), rule, out);
  return 'accept';
}
