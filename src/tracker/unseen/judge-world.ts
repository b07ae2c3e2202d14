// What does the tracker answer to a segment if this world is the case? Every answer that is possible, with the world after it.
// The same decisions as ../tcp.ts; net/netfilter/nf_conntrack_proto_tcp.c: nf_conntrack_tcp_packet(), v6.18.

import type { Direction } from '../../catalogue/tcp-states.js';
import type { Context } from '../context.js';
import { IGNORE_CODE, INVALID_CODE } from '../open-context.js';
import { type CheckName, stateName, type Verdict } from '../outcome.js';
import { ACK, RST, SYN } from '../packet.js';
import { indexOf } from '../tcp.js';
import { type Amount, amount, exactly, isBeforeRange, type Known, onlyNumber } from './range.js';
import { endOf, type Segment } from './segment.js';
import { windowBranches } from './window-branches.js';
import { ANY_SIDE, type LastSeen, NO_ENTRY, NO_SIDE, type World, withSide } from './world.js';

const SYN_SENT = 1;
const SYN_RECV = 2;
const ESTABLISHED = 3;
const FIN_WAIT = 4;
const LAST_ACK = 6;
const TIME_WAIT = 7;
const CLOSE = 8;
const SYN_SENT2 = 9;
const SYN_INDEX = 0;
const SYN_ACK_INDEX = 1;
const FIN_INDEX = 2;
const ACK_INDEX = 3;
const RST_INDEX = 4;

export interface Branch {
  readonly verdict: Verdict;
  readonly isIgnored: boolean;
  readonly reasonId: string | null;
  /** What log_invalid prints, numbers that cannot be known as '?'; NULL: nothing. */
  readonly message: string | null;
  readonly failed: CheckName | null;
  readonly isForgiven: boolean;
  /** What must have been so in front of the segment, and what is so behind it. */
  readonly before: World;
  readonly next: World;
  /** The entry began with this segment: nothing before it counts. */
  readonly isOpened: boolean;
  /** What its life was set to; NULL: untouched. */
  readonly timeoutMs: Amount | null;
}

/** Opens an entry with the segment, as the tracker does for an unknown tuple. */
export type OpenWith = (segment: Segment) => Branch;

/** Every answer in this world. Expiry is not looked at. */
export function judgeWorld(context: Context, world: World, segment: Segment, openWith: OpenWith): readonly Branch[] {
  if (world.state === 0) return [openWith(segment)];
  const dir: Direction = segment.from === world.opener ? 0 : 1;
  // NEW or ESTABLISHED hangs on whether an answer was seen.
  if (world.hasReply === null)
    return [true, false].flatMap((hasReply) => judgeWorld(context, { ...world, hasReply }, segment, openWith));

  const index = indexOf(segment.flags);
  const next = context.transitions[(dir * 6 + index) * 10 + world.state]!;
  if (next === SYN_SENT && world.state >= TIME_WAIT && world.state !== SYN_SENT2) {
    const mayReopen = reopens(world, dir);
    const reopened = { ...openWith(segment), before: world, reasonId: 'tcp-new-reopen' };
    return [
      ...(mayReopen === false ? [] : [reopened]),
      ...(mayReopen === true ? [] : ignored(context, world, segment, dir, index)),
    ];
  }
  if (next === INVALID_CODE) {
    const message = context.messages.text('tcp-invalid-state', index, dir, stateName(world.state));
    return [refused(world, 'tcp-invalid-state', message)];
  }
  if (next === IGNORE_CODE) {
    const resyncs = answersIgnored(world, segment, dir, index);
    return [
      ...(resyncs === false ? [] : resynchronised(context, world, segment, dir)),
      ...(resyncs === true ? [] : ignored(context, world, segment, dir, index)),
    ];
  }
  if (next === CLOSE && index === RST_INDEX) return reset(context, world, segment, dir, index);
  if (next === TIME_WAIT && isChallenge(context, world, dir, index) !== false)
    return [
      {
        ...through(world, world),
        verdict: verdictOf(world, dir),
        isIgnored: true,
        reasonId: 'tcp-challenge-ack-ignored',
        message: context.messages.text('tcp-challenge-ack-ignored'),
      },
      ...settled(context, world, segment, dir, index, next),
    ];
  const marked = next === SYN_SENT2 ? { ...world, isSimultaneous: true } : world;
  const completes =
    next === SYN_RECV && context.rules.simultaneousOpen && dir === 1 && index === ACK_INDEX
      ? marked.isSimultaneous
      : false;
  return [
    ...(completes === true ? [] : settled(context, marked, segment, dir, index, next)),
    ...(completes === false ? [] : settled(context, marked, segment, dir, index, ESTABLISHED)),
  ];
}

function verdictOf(world: World, dir: Direction): Verdict {
  return dir === 0 && world.hasReply === false ? 'NEW' : 'ESTABLISHED';
}

function through(before: World, next: World): Omit<Branch, 'verdict'> {
  return {
    isIgnored: false,
    reasonId: null,
    message: null,
    failed: null,
    isForgiven: false,
    before,
    next,
    isOpened: false,
    timeoutMs: null,
  };
}

function refused(world: World, reasonId: string, message: string | null): Branch {
  return { ...through(world, world), verdict: 'INVALID', reasonId, message };
}

function reopens(world: World, dir: Direction): Known {
  if (world.closedFirst === true) return true;
  const isOwnReset = world.last === null ? null : world.last.dir === dir && world.last.index === RST_INDEX;
  if (isOwnReset === true) return true;
  return world.closedFirst === false && isOwnReset === false ? false : null;
}

function lastOf(segment: Segment, dir: Direction, index: number): LastSeen {
  return { index, dir, end: onlyNumber(endOf(segment)), ack: segment.ack };
}

function ignored(context: Context, world: World, segment: Segment, dir: Direction, index: number): readonly Branch[] {
  const { rules, messages } = context;
  const state = stateName(world.state);
  const hasReply = dir === 1 ? true : world.hasReply;
  // The options of a SYN are noted where the mark of a simultaneous open stood.
  const isSimultaneous = index === SYN_INDEX && dir === 0 ? false : world.isSimultaneous;
  return [
    {
      ...through(world, { ...world, hasReply, isSimultaneous, last: lastOf(segment, dir, index) }),
      verdict: verdictOf(world, dir),
      isIgnored: true,
      reasonId: 'tcp-packet-ignored',
      message: rules.indexInIgnored
        ? messages.text('tcp-packet-ignored', index, dir, state)
        : messages.text('tcp-packet-ignored', state),
    },
  ];
}

function answersIgnored(world: World, segment: Segment, dir: Direction, index: number): Known {
  if (index !== SYN_ACK_INDEX) return false;
  if (world.last === null) return null;
  if (world.last.index !== SYN_INDEX || world.last.dir === dir) return false;
  if (world.last.end === null || segment.ack === null) return null;
  return world.last.end === segment.ack;
}

/** The entry starts anew from a SYN that was let through: of it, only what the SYN ACK acknowledges is sure. */
function resynchronised(context: Context, world: World, segment: Segment, dir: Direction): readonly Branch[] {
  if (!context.rules.synAckResynchronises)
    return [
      {
        ...refused(world, 'tcp-out-of-sync-killed', context.messages.text('tcp-out-of-sync-killed')),
        verdict: 'DROP',
        next: NO_ENTRY,
      },
    ];
  const caller = segment.from === 0 ? 1 : 0;
  const acked = segment.ack === null ? null : exactly(segment.ack);
  const remembered = {
    ...ANY_SIDE,
    end: acked,
    maxEnd: acked,
    maxWin: amount(1, 65_535),
    maxAck: null,
    hasMaxAck: null,
  };
  const begun = withSide(withSide({ ...world, state: SYN_SENT, closedFirst: null }, caller, remembered), segment.from, {
    ...NO_SIDE,
    isLiberal: context.rules.liberalSurvivesSyn ? world.sides[segment.from].isLiberal : false,
  });
  return settled(context, begun, segment, dir, SYN_ACK_INDEX, SYN_RECV).map((branch) => ({
    ...branch,
    before: world,
    reasonId: branch.reasonId ?? 'tcp-resync-synack',
  }));
}

/** Whether an ACK in LAST_ACK answers a SYN that was let through. */
function isChallenge(context: Context, world: World, dir: Direction, index: number): Known {
  if (!context.rules.challengeAck || world.state !== LAST_ACK || index !== ACK_INDEX) return false;
  if (world.last === null) return null;
  return world.last.index === SYN_INDEX && world.last.dir !== dir ? null : false;
}

/** Whether an RST closes, keeps open or is refused hangs on the highest ACK of the other side and on what came last. */
function reset(context: Context, world: World, segment: Segment, dir: Direction, index: number): readonly Branch[] {
  const { rules, settings, messages } = context;
  const isClosing = world.state >= FIN_WAIT && world.state <= CLOSE;
  if (rules.closingTakesAnyRst && isClosing) return [finish(context, world, world, segment, dir, index, CLOSE)];

  const receiver = world.sides[segment.from === 0 ? 1 : 0];
  const isForgiven = rules.invalidRstCanBeIgnored && settings.ignoresInvalidRst;
  const isCompared: Known = comparesRst(context, world, segment, receiver.hasMaxAck);
  const isLow = segment.seq === null ? null : isBeforeRange(segment.seq, receiver.maxAck);
  const branches: Branch[] = [];
  if (!isForgiven && isCompared !== false && isLow !== false)
    branches.push(refused(world, 'tcp-invalid-rst', messages.text('tcp-invalid-rst')));
  if (!isForgiven && isCompared === true && isLow === true) return branches;

  // An exact one closes; an inexact one leaves an assured entry ESTABLISHED.
  const mayKeepOpen =
    rules.exactRst && isCompared !== false && world.state === ESTABLISHED && world.isAssured !== false;
  const mayClose = !(mayKeepOpen && isCompared === true && world.isAssured === true && isInexact(world, segment, dir));
  const states = [...(mayClose ? [CLOSE] : []), ...(mayKeepOpen ? [ESTABLISHED] : [])];
  return [
    ...branches,
    ...states.flatMap((state) => [
      ...(mayBeUnchecked(world, segment, dir) ? [finish(context, world, world, segment, dir, index, state)] : []),
      ...settled(context, world, segment, dir, index, state),
    ]),
  ];
}

function comparesRst(context: Context, world: World, segment: Segment, hasMaxAck: Known): Known {
  if (hasMaxAck === false) return false;
  if (context.rules.rstAfterIgnoredSyn) {
    if (world.last === null) return null;
    if (world.last.index === SYN_INDEX) return false;
    const isEstablished = world.state === ESTABLISHED ? world.isAssured : false;
    if (segment.seq === 0 && isEstablished !== true) return isEstablished === false ? false : null;
  }
  return hasMaxAck;
}

/** Surely not the number that closes. */
function isInexact(world: World, segment: Segment, dir: Direction): boolean {
  const receiver = world.sides[segment.from === 0 ? 1 : 0];
  const maxAck = onlyNumber(receiver.maxAck);
  if (maxAck === null || segment.seq === null || world.last === null) return false;
  const { last } = world;
  const continues = last.index === ACK_INDEX && last.dir === dir && (last.end === null || last.end === segment.seq);
  return segment.seq !== maxAck && !continues;
}

/** Whether it may answer a segment that was let through, so that no window is looked at. */
function mayBeUnchecked(world: World, segment: Segment, dir: Direction): boolean {
  const { last } = world;
  if (last === null) return true;
  const fits = last.end === null || segment.ack === null || segment.ack === last.end;
  if (fits && last.index === SYN_INDEX && world.hasReply !== false) return true;
  if (fits && last.index === ACK_INDEX && world.isAssured !== true) return true;
  const isChallenged = world.state === SYN_SENT && last.index === ACK_INDEX && last.dir === 1 && dir === 0;
  return isChallenged && (last.ack === null || segment.seq === null || segment.seq === last.ack);
}

/** The window check, and what an accepted segment does to state and life of the entry. */
function settled(
  context: Context,
  world: World,
  segment: Segment,
  dir: Direction,
  index: number,
  newState: number,
): readonly Branch[] {
  return windowBranches(context, world, segment, dir).map((branch): Branch => {
    const { before, failed, isForgiven, reasonId, message } = branch;
    if (branch.verdict === 'accept') {
      // A segment that is let through by liberality teaches nothing.
      const end = finish(context, before, branch.next, segment, dir, index, newState);
      const last = isForgiven && end.next.last !== null ? { ...end.next.last, end: null, ack: null } : end.next.last;
      return { ...end, next: { ...end.next, last }, failed, isForgiven, reasonId: reasonId ?? end.reasonId };
    }
    const common = { ...through(before, branch.next), failed, isForgiven, reasonId, message };
    if (branch.verdict === 'ignore')
      return {
        ...common,
        verdict: verdictOf(before, dir),
        isIgnored: true,
        next: { ...branch.next, hasReply: dir === 1 ? true : branch.next.hasReply },
      };
    // An out-of-window FIN or RST is noted, and a second one shortens the life of the entry.
    const isNoted = context.rules.closingInvalidsLowerTimeout && (index === FIN_INDEX || index === RST_INDEX);
    if (!isNoted) return { ...common, verdict: 'INVALID' };
    const endsMs = amount(0, branch.next.endsMs.hi);
    return { ...common, verdict: 'INVALID', next: { ...branch.next, last: null, endsMs } };
  });
}

function finish(
  context: Context,
  before: World,
  world: World,
  segment: Segment,
  dir: Direction,
  index: number,
  newState: number,
): Branch {
  const { rules } = context;
  const verdict = verdictOf(world, dir);
  const isReset = (segment.flags & RST) !== 0;
  if (isReset && world.hasReply === false && dir === 0) return { ...through(before, NO_ENTRY), verdict };
  // The first answer is an RST: nothing is kept.
  if (isReset && world.hasReply === false) return { ...through(before, NO_ENTRY), verdict };
  const hasReply = world.hasReply === true || dir === 1;
  const isAssuring =
    world.hasReply === true && newState === ESTABLISHED && (world.state === SYN_RECV || world.state === ESTABLISHED);
  const isRepeat =
    index === SYN_INDEX && world.state === SYN_SENT && world.hasReply === false && rules.synRepeatKeepsTimeout;
  const timeoutMs = isRepeat ? null : timeoutRange(context, world, index, newState);
  const atMs = segment.atMs;
  const next: World = {
    ...world,
    state: newState,
    hasReply,
    isAssured: isAssuring ? true : world.isAssured,
    closedFirst: newState === FIN_WAIT && world.state !== FIN_WAIT ? true : world.closedFirst,
    last: lastAfter(world, segment, dir, index),
    endsMs:
      timeoutMs === null
        ? world.endsMs
        : atMs === null
          ? amount(0, Number.POSITIVE_INFINITY)
          : // Old kernels left the timer alone for less than a second's gain.
            amount(atMs + timeoutMs.lo - (rules.refreshBySecond ? 1000 : 0), atMs + timeoutMs.hi),
  };
  return { ...through(before, next), verdict, reasonId: isRepeat ? 'tcp-new-syn-retransmit' : null, timeoutMs };
}

/** Index and direction are kept of every segment that counts, numbers only of ACKs. */
function lastAfter(world: World, segment: Segment, dir: Direction, index: number): LastSeen {
  if (index === ACK_INDEX) return lastOf(segment, dir, index);
  return { index, dir, end: world.last?.end ?? null, ack: world.last?.ack ?? null };
}

/** The timeouts that may be chosen: which one hangs on retransmissions and unacknowledged data that are not followed here. */
function timeoutRange(context: Context, world: World, index: number, newState: number): Amount {
  const { rules, settings } = context;
  const ofState = settings.tcpTimeoutsMs[newState]!;
  if (index === RST_INDEX && rules.rstGetsCloseTimeout) {
    const close = settings.tcpTimeoutsMs[CLOSE]!;
    return amount(Math.min(close, settings.maxRetransMs), Math.max(close, settings.maxRetransMs));
  }
  const isUnanswered = world.hasReply === false && newState === ESTABLISHED && rules.unrepliedCapped;
  const longest = isUnanswered ? Math.min(ofState, settings.unacknowledgedMs) : ofState;
  const shortest = Math.min(longest, settings.maxRetransMs, settings.unacknowledgedMs);
  const isAlwaysUnacknowledged = index === RST_INDEX && rules.inexactRstUnacknowledged && newState === ESTABLISHED;
  if (isAlwaysUnacknowledged)
    return amount(Math.min(settings.unacknowledgedMs, settings.maxRetransMs), settings.unacknowledgedMs);
  return amount(shortest, longest);
}

/** Whether a segment could open an entry: a SYN, or an ACK that is picked up. */
export function mayOpenEntry({ flags }: Segment): boolean {
  const index = indexOf(flags);
  return index === SYN_INDEX || (index === ACK_INDEX && (flags & (SYN | RST)) === 0 && (flags & ACK) !== 0);
}
