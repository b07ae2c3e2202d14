// What a segment that is believed teaches of the windows of both sides, where numbers are ranges.
// The same arithmetic as ../tcp-window.ts; net/netfilter/nf_conntrack_proto_tcp.c: tcp_in_window(), v6.18.

import { ACK, SYN } from '../packet.js';
import { distance } from '../serial.js';
import { type Amount, amount, grown, isAfterRange, maxOf, OPEN, type SeqRange, shifted, upperEnd } from './range.js';
import type { Segment } from './segment.js';
import { type End, LARGEST_WINDOW, type SideRange, WIDEST, type World, withSide } from './world.js';

/** Numbers of the segment as the checks see them. */
export interface Numbers {
  readonly seq: SeqRange | null;
  readonly end: SeqRange | null;
  readonly ack: SeqRange | null;
  readonly sack: SeqRange | null;
  /** Nothing is acknowledged: III and IV hold. */
  readonly hasNoAck: boolean;
  /** The sequence is taken as right: I and II hold. */
  readonly hasNoSeq: boolean;
}

/** A window as it counts. */
export function scaled(window: number | null, scale: Amount): Amount {
  if (window === null) return amount(0, LARGEST_WINDOW);
  return amount(window << scale.lo, window << scale.hi);
}

export function other(end: End): End {
  return end === 0 ? 1 : 0;
}

/** The segment is believed: what it teaches of both sides. */
export function learn(world: World, segment: Segment, numbers: Numbers): World {
  const from = segment.from;
  const sender = world.sides[from];
  const receiver = world.sides[other(from)];
  const isSyn = (segment.flags & SYN) !== 0;
  const window = isSyn ? scaled(segment.window, amount(0)) : scaled(segment.window, sender.scale);
  const end = numbers.end;
  const sackedAhead = sackAhead(numbers);

  const maxWin = amount(Math.max(sender.maxWin.lo, window.lo), Math.max(sender.maxWin.hi, window.hi + sackedAhead));
  const hasAck = (segment.flags & ACK) !== 0;
  const ack = numbers.ack;
  const beyond = end === null ? null : farthestBeyond(end, sender.maxEnd);
  const allowed =
    numbers.sack === null ? null : shifted(numbers.sack, window.lo, window.hi + (window.lo === 0 ? 1 : 0));
  const receiverMaxWin =
    receiver.maxWin.hi === 0 || beyond === 0
      ? receiver.maxWin
      : amount(receiver.maxWin.lo, beyond === null ? WIDEST : Math.min(WIDEST, receiver.maxWin.hi + beyond));
  const learnt = withSide(world, from, {
    ...sender,
    maxWin,
    end: endAfter(sender, receiver, numbers),
    ...(hasAck ? { hasMaxAck: true, maxAck: maxAckAfter(sender, ack) } : {}),
  });
  return withSide(learnt, other(from), {
    ...receiver,
    maxWin: receiverMaxWin,
    maxEnd:
      allowed === null ? (receiver.maxEnd === null ? null : grown(receiver.maxEnd)) : maxOf(receiver.maxEnd, allowed),
  });
}

/** Highest byte sent: at least up to here; and check II held, so that it had not been much further. */
function endAfter(sender: SideRange, receiver: SideRange, { end, hasNoSeq }: Numbers): SeqRange | null {
  if (end === null) return sender.end === null ? null : grown(sender.end);
  if (sender.end !== null || hasNoSeq || receiver.maxWin.hi === 0) return maxOf(sender.end, end);
  return { from: end.from, span: Math.min(OPEN, end.span + receiver.maxWin.hi) };
}

/** How far SACK blocks may reach beyond the acknowledgement. */
function sackAhead({ ack, sack }: Numbers): number {
  if (ack === null || sack === null) return OPEN;
  if (ack === sack) return 0;
  const top = upperEnd(sack);
  return top === null ? OPEN : Math.max(0, distance(top, ack.from));
}

/** How many bytes the end may lie beyond what was allowed, at most; NULL: not known. */
function farthestBeyond(end: SeqRange, maxEnd: SeqRange | null): number | null {
  const top = upperEnd(end);
  if (top === null || maxEnd === null) return null;
  const most = distance(top, maxEnd.from);
  return most <= 0 && isAfterRange(top, maxEnd) === null ? null : Math.max(0, most);
}

function maxAckAfter(sender: SideRange, ack: SeqRange | null): SeqRange | null {
  if (ack === null) return sender.hasMaxAck === true && sender.maxAck !== null ? grown(sender.maxAck) : null;
  if (sender.hasMaxAck === false) return ack;
  return maxOf(sender.hasMaxAck === true ? sender.maxAck : null, ack);
}
