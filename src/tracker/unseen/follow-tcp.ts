// What would the tracker answer to the packets of one connection, where some of them were not seen? While every packet is known it is
// the tracker itself; from the first gap on all worlds that may be the case, less those that an observed answer strikes out.

import type { TcpState } from '../../catalogue/tcp-states.js';
import { openContext, type TrackerOptions } from '../open-context.js';
import { type KeptOutcome, keepOutcome, stateName, type Verdict } from '../outcome.js';
import { createTracker, type Tracker } from '../tracker.js';
import { type Branch, judgeWorld } from './judge-world.js';
import { isObserved, NOTHING_OBSERVED, type Observed, withObservation } from './observed.js';
import { type Amount, amount } from './range.js';
import { asPacket, endOf, isWhole, optionsOf, type Segment } from './segment.js';
import {
  ANY_SIDE,
  afterGap,
  anyWorld,
  type End,
  mergeWorlds,
  NO_ENTRY,
  WIDEST,
  type World,
  withSide,
  worldInState,
  worldOf,
} from './world.js';

export interface Judgement {
  /** Every verdict that is possible by the model alone; one: it is known. */
  readonly verdicts: readonly Verdict[];
  /** The same with all that goes with them, in front of the observation. */
  readonly branches: readonly Branch[];
  /** Those that the observation leaves; all when nothing was observed; none when it contradicts the model. */
  readonly left: readonly Branch[];
  /** The tracker's own record, where nothing had to be guessed. */
  readonly outcome: KeptOutcome | null;
  /** narrows: several answers were possible, the kernel's is among them. NULL: nothing was observed. */
  readonly agreement: 'agrees' | 'disagrees' | 'narrows' | null;
  readonly before: readonly World[];
  readonly after: readonly World[];
  /** There was an entry, and it ran out before this packet: since when, at least and at most (milliseconds ago). NULL: none ran out, or it may not have. */
  readonly expiredMs: Amount | null;
}

export interface Follower {
  judge(segment: Segment, observed: Observed): Judgement;
  /** Packets may have gone by that no record shows. @param mayOpen whether a SYN or another opening packet could be among them */
  miss(mayOpen: boolean): void;
  /** A record shows that the table has no entry. */
  noteGone(): void;
  /** A record shows the entry in this state. @param endsMs when it runs out, on the clock of the packets; NULL: not told */
  noteState(state: number, opener: End, isAssured: boolean | null, endsMs: Amount | null): void;
  /** Goes on from these worlds, whatever was known before. */
  take(worlds: readonly World[]): void;
  /** Whether all numbers are known. */
  readonly isExact: boolean;
  readonly worlds: readonly World[];
}

const HEADER_REASONS: ReadonlySet<string> = new Set([
  'tuple-unreadable',
  'tcp-short-header',
  'tcp-truncated',
  'tcp-bad-checksum',
  'tcp-invalid-flags',
]);
const BOTH: readonly End[] = [0, 1];
const SYN_SENT = 1;

/**
 * A follower of one connection. Throws RangeError as createTracker does.
 * @param isEmpty the table is known (or taken) to have no entry for it; else anything may be there
 */
export function followTcp(options: TrackerOptions, isEmpty: boolean): Follower {
  const { context } = openContext(options);
  let core: Tracker | null = isEmpty ? createTracker(options) : null;
  let worlds: readonly World[] = isEmpty ? [NO_ENTRY] : anyWorld(BOTH);
  const scratch = createTracker(options);

  /** What the tracker makes of it on an empty table. */
  function openWith(segment: Segment): Branch {
    const out = scratch.track({ ...asPacket(segment, segment.atMs ?? 0), isDropped: true });
    const base = {
      isIgnored: false,
      reasonId: out.reasonId,
      message: out.message,
      failed: null,
      isForgiven: false,
      before: NO_ENTRY,
      verdict: out.verdict,
    };
    if (out.entry === null || out.verdict !== 'NEW')
      return { ...base, next: NO_ENTRY, isOpened: false, timeoutMs: null };
    const timeoutMs = out.timeoutMs === null ? null : amount(out.timeoutMs);
    const next = segment.isDropped ? NO_ENTRY : asFarAsTold(worldOf(out.entry, segment.from), segment);
    return { ...base, next, isOpened: true, timeoutMs };
  }

  function headerRefusal(segment: Segment): Branch | null {
    const branch = openWith(segment);
    return branch.verdict === 'INVALID' && HEADER_REASONS.has(branch.reasonId ?? '') ? branch : null;
  }

  function current(): readonly World[] {
    return worlds;
  }

  function leaveExact(): void {
    core = null;
  }

  function judgeExactly(tracker: Tracker, segment: Segment, observed: Observed): Judgement {
    const packet = asPacket(segment, segment.atMs ?? lastAtMs);
    const met = tracker.peek(packet);
    const isExpired = met !== null && met.deadlineMs <= packet.atMs;
    const before = met === null || isExpired ? NO_ENTRY : worldOf(met, met.original.src === 'a' ? 0 : 1);
    const expiredMs = isExpired ? amount(packet.atMs - met.deadlineMs) : null;
    const outcome = keepOutcome(tracker.track(packet));
    const entry = tracker.peek(packet);
    const next = entry === null ? NO_ENTRY : worldOf(entry, entry.original.src === 'a' ? 0 : 1);
    const branch: Branch = {
      verdict: outcome.verdict,
      isIgnored: outcome.isIgnored,
      reasonId: outcome.reasonId,
      message: outcome.message,
      failed: outcome.check.failed,
      isForgiven: outcome.check.isForgiven,
      before,
      next,
      isOpened: before.state === 0 && next.state !== 0,
      timeoutMs: outcome.timeoutMs === null ? null : amount(outcome.timeoutMs),
    };
    const left = withObservation(branch, segment, observed);
    const judgement = { verdicts: [branch.verdict], branches: [branch], outcome, before: [before], expiredMs };
    if (left !== null) {
      worlds = [next];
      return { ...judgement, left: [branch], agreement: isObserved(observed) ? 'agrees' : null, after: worlds };
    }
    leaveExact();
    worlds = startOver(segment, observed);
    return { ...judgement, left: [], agreement: 'disagrees', after: worlds };
  }

  /** The model was wrong about this connection: all that is known is what the kernel just answered. */
  function startOver(segment: Segment, observed: Observed): readonly World[] {
    const left = branchesIn(anyWorld(BOTH), segment)
      .map((branch) => withObservation(branch, segment, observed))
      .filter((branch) => branch !== null);
    return left.length === 0 ? anyWorld(BOTH) : mergeWorlds(left.map((branch) => branch.next));
  }

  function branchesIn(here: readonly World[], segment: Segment): readonly Branch[] {
    const refusal = headerRefusal(segment);
    if (refusal !== null) return here.map((world) => ({ ...refusal, before: world, next: world }));
    return here.flatMap((world) => judgeWorld(context, world, segment, openWith));
  }

  function judgeInWorlds(segment: Segment, observed: Observed): Judgement {
    const { here, expiredMs } = expire(current(), segment);
    const branches = branchesIn(here, segment);
    const left = branches
      .map((branch) => withObservation(branch, segment, observed))
      .filter((branch) => branch !== null);
    const verdicts = [...new Set(branches.map((branch) => branch.verdict))];
    const judgement = { verdicts, branches, left, outcome: null, before: here, expiredMs };
    if (left.length === 0) {
      worlds = startOver(segment, observed);
      return { ...judgement, agreement: 'disagrees', after: worlds };
    }
    const agreement = !isObserved(observed) ? null : verdicts.length === 1 ? 'agrees' : 'narrows';
    // Everything began with this packet: from here on nothing is unknown.
    if (isWhole(segment) && segment.atMs !== null && left.every((branch) => branch.isOpened)) {
      core = createTracker(options);
      return { ...judgeExactly(core, segment, observed), ...judgement, agreement, after: worlds };
    }
    worlds = mergeWorlds(left.map((branch) => branch.next));
    return { ...judgement, agreement, after: worlds };
  }

  let lastAtMs = 0;

  return {
    judge(segment, observed) {
      const judgement = judgeOne(segment, observed);
      if (segment.atMs !== null) lastAtMs = Math.max(lastAtMs, segment.atMs);
      return judgement;
    },
    miss(mayOpen) {
      if (core !== null && worlds.every((world) => world.state === 0) && !mayOpen) return;
      leaveExact();
      worlds = mergeWorlds(current().flatMap((world) => afterGap(world, mayOpen)));
    },
    noteGone() {
      core = createTracker(options);
      worlds = [NO_ENTRY];
    },
    noteState(state, opener, isAssured, endsMs) {
      const fits = (world: World) => world.state === state && world.opener === opener;
      if (core !== null && worlds.every(fits)) return;
      const kept = current().filter(fits);
      leaveExact();
      worlds = (kept.length > 0 ? kept : [worldInState(state, opener)]).map((world) => ({
        ...world,
        isAssured: isAssured ?? world.isAssured,
        hasReply: isAssured === true ? true : world.hasReply,
        endsMs: endsMs ?? world.endsMs,
      }));
    },
    take(given) {
      leaveExact();
      worlds = given;
    },
    get isExact() {
      return core !== null;
    },
    get worlds() {
      return worlds;
    },
  };

  function judgeOne(segment: Segment, observed: Observed): Judgement {
    if (core === null) return judgeInWorlds(segment, observed);
    const entry = core.peek(asPacket(segment, 0));
    const isClose =
      entry !== null && segment.atMs !== null && Math.abs(segment.atMs - entry.deadlineMs) <= segment.errorMs;
    const isTimeless = entry !== null && segment.atMs === null;
    if (isWhole(segment) && !isClose && !isTimeless) return judgeExactly(core, segment, observed);
    leaveExact();
    return judgeInWorlds(segment, observed);
  }
}

/** Every answer to one segment where these worlds may be the case, and the states behind it. Throws RangeError as createTracker does. */
export function judgeOnce(
  options: TrackerOptions,
  worlds: readonly World[],
  segment: Segment,
): { readonly branches: readonly Branch[]; readonly states: readonly TcpState[] } {
  const follower = followTcp(options, true);
  // Whether it had run out is settled already.
  const endless = { lo: Number.POSITIVE_INFINITY, hi: Number.POSITIVE_INFINITY };
  follower.take(worlds.map((world) => ({ ...world, endsMs: endless })));
  const { branches, after } = follower.judge({ ...segment, atMs: 0 }, NOTHING_OBSERVED);
  const states = [...new Set(after.map((world) => world.state))].sort((a, b) => a - b);
  return { branches, states: states.map(stateName) };
}

/** The world that a packet opened, without the numbers that no record told. */
function asFarAsTold(world: World, segment: Segment): World {
  if (isWhole(segment)) return world;
  const side = world.sides[segment.from];
  const end = endOf(segment);
  const last = world.last === null ? null : { ...world.last, end: null, ack: null };
  if (world.state === SYN_SENT) {
    const taught = optionsOf(segment);
    const maxWin = segment.window === null ? amount(1, 65_535) : side.maxWin;
    return { ...withSide(world, segment.from, { ...side, ...taught, end, maxEnd: end, maxWin }), last };
  }
  // Picked up in the middle; what its acknowledgement did to the other side hangs on the number.
  const unsure = { ...ANY_SIDE, scale: amount(0), offersScaling: false, permitsSack: true, isLiberal: true };
  const receiver = { ...unsure, maxWin: amount(0) };
  const opened = withSide(world, segment.from, { ...unsure, end, maxWin: amount(1, WIDEST) });
  const endsMs = amount(segment.atMs ?? 0, world.endsMs.hi);
  return { ...withSide(opened, segment.from === 0 ? 1 : 0, receiver), last, endsMs };
}

/** Worlds at the time of a packet: entries that have run out are gone, and those that may have are both. */
function expire(
  worlds: readonly World[],
  { atMs, errorMs }: Segment,
): { readonly here: readonly World[]; readonly expiredMs: Amount | null } {
  const gone: World[] = [];
  const here = worlds.flatMap((world) => {
    if (world.state === 0) return [world];
    if (atMs === null) return [world, NO_ENTRY];
    if (world.endsMs.hi <= atMs - errorMs) {
      gone.push(world);
      return [NO_ENTRY];
    }
    return world.endsMs.lo <= atMs + errorMs ? [world, NO_ENTRY] : [world];
  });
  const isAllGone = gone.length > 0 && here.every((world) => world.state === 0);
  return {
    here: mergeWorlds(here),
    expiredMs:
      isAllGone && atMs !== null
        ? amount(
            Math.min(...gone.map((world) => atMs - world.endsMs.hi)),
            Math.max(...gone.map((world) => atMs - world.endsMs.lo)),
          )
        : null,
  };
}
