// The window check where numbers are ranges: every answer that is possible, each with what must have been so for it.
// The same arithmetic as ../tcp-window.ts; net/netfilter/nf_conntrack_proto_tcp.c: tcp_in_window(), v6.18.

import type { Direction } from '../../catalogue/tcp-states.js';
import type { Context } from '../context.js';
import type { CheckName } from '../outcome.js';
import { ACK, FIN, RST, SYN } from '../packet.js';
import { distance, plus } from '../serial.js';
import {
  type Amount,
  amount,
  atLeastBeyond,
  atMostBeyond,
  exactly,
  hullOf,
  isAfterRange,
  isBeforeRange,
  type Known,
  not,
  OPEN,
  onlyNumber,
  type SeqRange,
  shifted,
} from './range.js';
import { endOf, lacksAck, optionsOf, type Segment, sackOf } from './segment.js';
import { learn, type Numbers, other, scaled } from './window-learning.js';
import { type End, type SideRange, type World, withSide } from './world.js';

const LEAST_ACK_WINDOW = 66_000;
const MOST_PAYLOAD = 65_535;
const SYN_SENT = 1;
const SYN_RECV = 2;

export interface WindowBranch {
  readonly verdict: 'accept' | 'ignore' | 'invalid';
  readonly reasonId: string | null;
  readonly message: string | null;
  readonly failed: CheckName | null;
  readonly isForgiven: boolean;
  /** What must have been so in front of the segment. */
  readonly before: World;
  readonly next: World;
}

const REASON: Readonly<Record<CheckName, string>> = {
  I: 'tcp-seq-over-upper-bound',
  II: 'tcp-seq-under-lower-bound',
  III: 'tcp-ack-over-upper-bound',
  IV: 'tcp-ack-under-lower-bound',
};

/** Every answer to a segment of a direction in a world, as far as its window goes. */
export function windowBranches(
  context: Context,
  world: World,
  segment: Segment,
  dir: Direction,
): readonly WindowBranch[] {
  const sender = world.sides[segment.from];
  const receiver = world.sides[other(segment.from)];
  // A side that may not have been seen yet is looked at both ways.
  if (sender.maxWin.lo === 0 && sender.maxWin.hi > 0)
    return splitWindow(world, segment.from, sender).flatMap((one) => windowBranches(context, one, segment, dir));
  if (receiver.maxWin.lo === 0 && receiver.maxWin.hi > 0)
    return splitWindow(world, other(segment.from), receiver).flatMap((one) =>
      windowBranches(context, one, segment, dir),
    );
  // Whether options are looked at hangs on the other side.
  if (lacksAck(segment) === null)
    return [
      { ...segment, ack: 0 },
      { ...segment, acknowledges: true },
    ].flatMap((one) => windowBranches(context, world, one, dir));
  // So it does whether there is data, until the sequence of empty segments was looked at as well.
  if (context.rules.emptySegmentsSkipSequence && mayBeEmpty(segment))
    return [amount(0), amount(1, segment.payload?.hi ?? MOST_PAYLOAD)].flatMap((payload) =>
      windowBranches(context, world, { ...segment, payload }, dir),
    );

  const isSyn = (segment.flags & SYN) !== 0;
  const isPlainSyn = isSyn && (segment.flags & ACK) === 0;
  if (sender.maxWin.hi === 0) {
    const begun = isSyn
      ? startSide(context, world, segment, dir, true)
      : learnMidstream(context, world, segment, sender, receiver);
    return isSyn && isPlainSyn ? [accepted(world, begun)] : checks(context, begun, segment, world);
  }
  return startsAnew(context, world, segment, dir).flatMap(({ anew, before }) => {
    if (!anew) return checks(context, before, segment, before);
    const begun = startSide(context, before, segment, dir, context.rules.newStartClearsScale);
    const isPassed = context.rules.onlySynStartsAnew && dir === 1 && isPlainSyn;
    return isPassed ? [accepted(before, begun)] : checks(context, begun, segment, before);
  });
}

/** Whether it has data cannot be told. */
function mayBeEmpty({ payload, flags }: Segment): boolean {
  if ((flags & (SYN | FIN | RST)) !== 0) return false;
  return payload === null || (payload.lo === 0 && payload.hi > 0);
}

function splitWindow(world: World, end: End, side: SideRange): readonly World[] {
  return [
    withSide(world, end, { ...side, maxWin: amount(0) }),
    withSide(world, end, { ...side, maxWin: amount(1, side.maxWin.hi) }),
  ];
}

function accepted(before: World, next: World): WindowBranch {
  return { verdict: 'accept', reasonId: null, message: null, failed: null, isForgiven: false, before, next };
}

function startSide(context: Context, world: World, segment: Segment, dir: Direction, matchesScale: boolean): World {
  const { rules } = context;
  const old = world.sides[segment.from];
  const receiver = world.sides[other(segment.from)];
  const end = endOf(segment);
  const taught = optionsOf(segment) ?? old;
  const window = segment.window;
  const side: SideRange = {
    ...old,
    end,
    maxEnd: end,
    maxWin: window === null ? amount(1, 65_535) : amount(Math.max(window, 1)),
    scale: taught.scale,
    offersScaling: taught.offersScaling,
    permitsSack: taught.permitsSack,
    isLiberal: taught === old || rules.liberalSurvivesSyn ? old.isLiberal : false,
    // The marks of a side are written anew with its options.
    ...(taught === old ? {} : { hasMaxAck: segment.hasOptions ? false : null, maxAck: null }),
  };
  if (!matchesScale || (rules.onlyReplyClearsScale && dir === 0)) return withSide(world, segment.from, side);
  const bothOffer: Known =
    side.offersScaling === false || receiver.offersScaling === false
      ? false
      : side.offersScaling === true && receiver.offersScaling === true
        ? true
        : null;
  if (bothOffer === true) return withSide(world, segment.from, side);
  const cleared = (one: SideRange) => ({ ...one, scale: bothOffer === false ? amount(0) : amount(0, one.scale.hi) });
  return withSide(withSide(world, segment.from, cleared(side)), other(segment.from), cleared(receiver));
}

function learnMidstream(
  context: Context,
  world: World,
  segment: Segment,
  sender: SideRange,
  receiver: SideRange,
): World {
  const { rules } = context;
  const end = endOf(segment);
  const shift = rules.firstWindowScaled ? sender.scale : amount(0);
  const window = scaled(segment.window, shift);
  const maxWin = amount(Math.max(window.lo, 1), Math.max(window.hi, 1));
  const begun = withSide(world, segment.from, {
    ...sender,
    end,
    maxWin,
    maxEnd: end === null ? null : shifted(end, maxWin.lo, maxWin.hi),
  });
  const sack = lacksAck(segment) === true ? receiver.end : sackOf(segment, receiver.permitsSack);
  if (receiver.maxWin.hi === 0)
    return rules.silentPeerLearnsAck
      ? withSide(begun, other(segment.from), { ...receiver, end: sack, maxEnd: sack })
      : begun;
  const ack = sack === null ? null : onlyNumber(sack);
  const mayAdvance =
    rules.keepaliveReplyAdvances && (ack === null || isBeforeRange(plus(ack, -1), receiver.end) !== true);
  if (!mayAdvance || receiver.end === null) return begun;
  const isOne = ack !== null && onlyNumber(receiver.end) === plus(ack, -1);
  if (isOne) return withSide(begun, other(segment.from), { ...receiver, end: exactly(ack) });
  return withSide(begun, other(segment.from), { ...receiver, end: hullOf(receiver.end, shifted(receiver.end, 1)) });
}

function startsAnew(
  context: Context,
  world: World,
  segment: Segment,
  dir: Direction,
): readonly { readonly anew: boolean; readonly before: World }[] {
  const { state } = world;
  const mayStart = context.rules.onlySynStartsAnew
    ? (segment.flags & SYN) !== 0 && (state === SYN_SENT || state === SYN_RECV)
    : dir === 0
      ? state === SYN_SENT
      : state === SYN_RECV;
  if (!mayStart) return [{ anew: false, before: world }];
  const side = world.sides[segment.from];
  const end = onlyNumber(endOf(segment));
  const isHigher = end === null ? null : isAfterRange(end, side.end);
  if (isHigher !== null) return [{ anew: isHigher, before: world }];
  const kept = end === null ? side.end : atLeastBeyond(side.end, end, 0);
  const branches = [{ anew: true, before: world }];
  return kept === 'empty'
    ? branches
    : [...branches, { anew: false, before: withSide(world, segment.from, { ...side, end: kept }) }];
}

/** The four checks in the order of this kernel; `from` is the world that stands for what was so before the segment. */
function checks(context: Context, world: World, segment: Segment, from: World): readonly WindowBranch[] {
  const { rules } = context;
  const sender = world.sides[segment.from];
  const receiver = world.sides[other(segment.from)];
  const numbers = numbersOf(context, world, segment, sender, receiver);
  const order: readonly CheckName[] = rules.numberedBounds ? ['I', 'III', 'II', 'IV'] : ['I', 'II', 'III', 'IV'];
  const branches: WindowBranch[] = [];
  let here = world;
  for (const check of order) {
    const holds = holdsIn(context, check, here, segment, numbers);
    if (holds !== true) {
      const refined = refine(check, false, here, segment, numbers);
      if (refined !== null)
        branches.push(...failures(context, check, refined, segment, numbers, from === world ? refined : from));
    }
    if (holds === false) return branches;
    const refined = refine(check, true, here, segment, numbers);
    if (refined === null) return branches;
    here = refined;
  }
  return [...branches, accepted(from === world ? here : from, learn(here, segment, numbers))];
}

function numbersOf(context: Context, world: World, segment: Segment, sender: SideRange, receiver: SideRange): Numbers {
  const hasNoAck = lacksAck(segment) === true;
  const isReset = (segment.flags & RST) !== 0;
  const isEmptyOld =
    context.rules.emptySegmentsSkipSequence &&
    segment.payload?.hi === 0 &&
    (segment.flags & (SYN | FIN)) === 0 &&
    !isReset;
  const hasNoSeq = isEmptyOld || (isReset && segment.seq === 0 && world.state === SYN_SENT);
  return {
    seq: hasNoSeq ? sender.end : segment.seq === null ? null : exactly(segment.seq),
    end: hasNoSeq ? sender.end : endOf(segment),
    ack: hasNoAck ? receiver.end : segment.ack === null ? null : exactly(segment.ack),
    sack: hasNoAck ? receiver.end : sackOf(segment, receiver.permitsSack),
    hasNoAck,
    hasNoSeq,
  };
}

/** Compares two ranges: whether every number of x lies after every one of y. */
function isAfterAll(x: SeqRange | null, y: SeqRange | null): Known {
  if (x === null || y === null) return null;
  const low = isAfterRange(x.from, y);
  if (x.span === 0) return low;
  return low === isAfterRange(plus(x.from, x.span), y) ? low : null;
}

/** The lower bound of an acknowledgement lies so far back. */
function ackWindow(sender: SideRange): Amount {
  return amount(Math.max(LEAST_ACK_WINDOW, sender.maxWin.lo), Math.max(LEAST_ACK_WINDOW, sender.maxWin.hi));
}

function holdsIn(context: Context, check: CheckName, world: World, segment: Segment, numbers: Numbers): Known {
  const sender = world.sides[segment.from];
  const receiver = world.sides[other(segment.from)];
  if (check === 'I') return numbers.hasNoSeq ? sureUnlessOvershot(sender) : not(isAfterAll(numbers.seq, sender.maxEnd));
  if (check === 'II') {
    if (numbers.hasNoSeq || (context.rules.unseenWindowPasses && receiver.maxWin.hi === 0)) return true;
    return isAfterAll(numbers.end, shifted(sender.end, -receiver.maxWin.hi - 1, -receiver.maxWin.lo - 1));
  }
  if (numbers.hasNoAck) return true;
  if (check === 'III') return not(isAfterAll(numbers.sack, receiver.end));
  const back = ackWindow(sender);
  return isAfterAll(numbers.sack, shifted(receiver.end, -back.hi - 1, -back.lo - 1));
}

/** s.end lies at most at s.maxend, but for data that overshot the window. */
function sureUnlessOvershot(sender: SideRange): Known {
  const end = onlyNumber(sender.end);
  return end === null ? null : not(isAfterRange(end, sender.maxEnd));
}

/** The world with what follows from a check that held, or did not; NULL when that cannot be. */
function refine(check: CheckName, holds: boolean, world: World, segment: Segment, numbers: Numbers): World | null {
  const receiverEnd = other(segment.from);
  const sender = world.sides[segment.from];
  const receiver = world.sides[receiverEnd];
  const put = (end: End, name: 'end' | 'maxEnd', range: SeqRange | null | 'empty'): World | null =>
    range === 'empty' ? null : withSide(world, end, { ...world.sides[end], [name]: range });
  const seq = onlyNumber(numbers.seq);
  const end = onlyNumber(numbers.end);
  const sack = onlyNumber(numbers.sack);
  if (check === 'I') {
    if (numbers.hasNoSeq || seq === null) return world;
    return put(
      segment.from,
      'maxEnd',
      holds ? atLeastBeyond(sender.maxEnd, seq, 0) : atMostBeyond(sender.maxEnd, seq, -1),
    );
  }
  if (check === 'II') {
    if (numbers.hasNoSeq || end === null || receiver.maxWin.hi === 0) return world;
    return put(
      segment.from,
      'end',
      holds ? atMostBeyond(sender.end, end, receiver.maxWin.hi) : fartherThan(sender.end, end, receiver.maxWin),
    );
  }
  if (numbers.hasNoAck || sack === null) return world;
  if (check === 'III')
    return put(receiverEnd, 'end', holds ? atLeastBeyond(receiver.end, sack, 0) : atMostBeyond(receiver.end, sack, -1));
  const back = ackWindow(sender);
  return put(
    receiverEnd,
    'end',
    holds ? atMostBeyond(receiver.end, sack, back.hi) : fartherThan(receiver.end, sack, back),
  );
}

/** Numbers of a range that lie more than a window beyond x; one nearly half of all numbers behind x counts as beyond it, too. */
function fartherThan(range: SeqRange | null, x: number, window: Amount): SeqRange | null | 'empty' {
  const isUnsure = range === null ? window.lo !== window.hi : distance(range.from, x) <= window.hi - OPEN;
  return isUnsure ? range : atLeastBeyond(range, x, window.lo + 1);
}

function failures(
  context: Context,
  failed: CheckName,
  world: World,
  segment: Segment,
  numbers: Numbers,
  before: World,
): readonly WindowBranch[] {
  const { rules, settings, messages } = context;
  const sender = world.sides[segment.from];
  const isLiberal: Known = settings.isLiberal ? true : sender.isLiberal;
  const overshoot = failed === 'I' ? overshootOf(context, world, segment, numbers) : null;
  const branches: WindowBranch[] = [];
  const marked = withSide(world, segment.from, { ...sender, end: numbers.end });
  const base = { failed, before, isForgiven: false };
  if (isLiberal !== false) {
    const forgiven = { ...base, verdict: 'accept', isForgiven: true, message: null } as const;
    const reasonId = 'tcp-window-suppressed-by-liberal';
    const mayMark = overshoot !== null && rules.overshoot && rules.numberedBounds;
    if (mayMark) branches.push({ ...forgiven, reasonId, next: marked });
    if (!mayMark || overshoot.is !== true) branches.push({ ...forgiven, reasonId, next: world });
  }
  if (isLiberal === true) return branches;
  if (overshoot !== null && rules.overshoot) {
    const reasonId = 'tcp-bytes-more-than-expected';
    branches.push({
      ...base,
      verdict: rules.numberedBounds ? 'ignore' : 'invalid',
      reasonId,
      message: messages.text(reasonId, overshoot.bytes ?? '?'),
      next: marked,
    });
    if (overshoot.is === true) return branches;
  }
  const reasonId = REASON[failed];
  const isLower = failed === 'II' || failed === 'IV';
  branches.push({
    ...base,
    verdict: rules.numberedBounds && isLower ? 'ignore' : 'invalid',
    reasonId,
    message: messages.text(reasonId, onlyNumber(boundRange(failed, world, segment.from)) ?? '?'),
    next: world,
  });
  return branches;
}

/** Whether only the data goes too far, and by how much; NULL: it surely is something else. */
function overshootOf(
  context: Context,
  world: World,
  segment: Segment,
  numbers: Numbers,
): { readonly is: Known; readonly bytes: number | null } | null {
  const sender = world.sides[segment.from];
  const receiver = world.sides[other(segment.from)];
  if (receiver.maxWin.hi === 0) return null;
  const rest = (['II', 'III', 'IV'] as const).map((check) => holdsIn(context, check, world, segment, numbers));
  if (rest.includes(false)) return null;
  const end = onlyNumber(numbers.end);
  const limit = onlyNumber(sender.maxEnd);
  if (end === null || limit === null) return { is: null, bytes: null };
  const bytes = distance(end, limit) + 1;
  if (bytes > receiver.maxWin.hi) return null;
  return { is: bytes <= receiver.maxWin.lo && rest.every((holds) => holds === true) ? true : null, bytes };
}

/** The first number that a check does not allow, as messages print it. */
export function boundRange(check: CheckName, world: World, from: End): SeqRange | null {
  const sender = world.sides[from];
  const receiver = world.sides[other(from)];
  if (check === 'I') return shifted(sender.maxEnd, 1);
  if (check === 'II') return shifted(sender.end, -receiver.maxWin.hi - 1, -receiver.maxWin.lo - 1);
  if (check === 'III') return shifted(receiver.end, 1);
  const back = ackWindow(sender);
  return shifted(receiver.end, -back.hi - 1, -back.lo - 1);
}
