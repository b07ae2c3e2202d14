// One thing that may be the case: an entry in one state, opened by one of the two ends, with what is known of its windows.
// Where packets were not seen, several worlds stand side by side; what is observed strikes worlds out.

import type { Direction } from '../../catalogue/tcp-states.js';
import {
  CLOSED_FIRST,
  type Entry,
  LIBERAL,
  MAX_ACK_KNOWN,
  OFFERS_SCALING,
  PERMITS_SACK,
  SIMULTANEOUS_OPEN,
  type TcpSide,
} from '../entry.js';
import {
  type Amount,
  amount,
  either,
  exactly,
  grown,
  hullOf,
  hullOfAmounts,
  type Known,
  onlyAmount,
  onlyNumber,
  type SeqRange,
} from './range.js';

/** Largest window that a header and a scale can say. */
export const LARGEST_WINDOW = 65_535 << 14;
/** What conntrack holds for the largest window may be more: data beyond it widens it. */
export const WIDEST = 2 ** 32 - 1;
export const LARGEST_SCALE = 14;

export interface SideRange {
  readonly end: SeqRange | null;
  readonly maxEnd: SeqRange | null;
  readonly maxWin: Amount;
  readonly maxAck: SeqRange | null;
  readonly hasMaxAck: Known;
  readonly scale: Amount;
  readonly offersScaling: Known;
  readonly permitsSack: Known;
  readonly isLiberal: Known;
}

/** The last packet that counted, as far as it was seen. */
export interface LastSeen {
  readonly index: number;
  readonly dir: Direction;
  readonly end: number | null;
  readonly ack: number | null;
}

/** Ends of a flow: 0 and 1, whichever of them opened the entry. */
export type End = 0 | 1;

export interface World {
  /** Number in TCP_STATES; 0: the table has no entry. */
  readonly state: number;
  /** The end whose packets are of the original direction. */
  readonly opener: End;
  readonly sides: readonly [SideRange, SideRange];
  readonly hasReply: Known;
  readonly isAssured: Known;
  readonly closedFirst: Known;
  readonly isSimultaneous: Known;
  /** NULL: not known. */
  readonly last: LastSeen | null;
  /** The entry runs out somewhere in here, on the clock of the packets; Infinity: not known. */
  readonly endsMs: Amount;
}

export const ANY_SIDE: SideRange = {
  end: null,
  maxEnd: null,
  maxWin: amount(0, WIDEST),
  maxAck: null,
  hasMaxAck: null,
  scale: amount(0, LARGEST_SCALE),
  offersScaling: null,
  permitsSack: null,
  isLiberal: null,
};

export const NO_SIDE: SideRange = {
  end: exactly(0),
  maxEnd: exactly(0),
  maxWin: amount(0),
  maxAck: exactly(0),
  hasMaxAck: false,
  scale: amount(0),
  offersScaling: false,
  permitsSack: false,
  isLiberal: false,
};

export const NO_ENTRY: World = {
  state: 0,
  opener: 0,
  sides: [NO_SIDE, NO_SIDE],
  hasReply: false,
  isAssured: false,
  closedFirst: false,
  isSimultaneous: false,
  last: null,
  endsMs: amount(0, Number.POSITIVE_INFINITY),
};

const SYN_SENT = 1;
const SYN_RECV = 2;
const ALIVE = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** An entry of which only the state is known. */
export function worldInState(state: number, opener: End): World {
  return {
    state,
    opener,
    sides: [ANY_SIDE, ANY_SIDE],
    hasReply: state === SYN_RECV ? true : null,
    isAssured: state === SYN_SENT ? false : null,
    closedFirst: null,
    isSimultaneous: null,
    last: null,
    endsMs: amount(0, Number.POSITIVE_INFINITY),
  };
}

/** Everything that may be when nothing was seen. @param openers ends that may have opened the entry */
export function anyWorld(openers: readonly End[]): readonly World[] {
  return [NO_ENTRY, ...openers.flatMap((opener) => ALIVE.map((state) => worldInState(state, opener)))];
}

function sideOf(side: TcpSide): SideRange {
  const has = (flag: number) => (side.flags & flag) !== 0;
  return {
    end: exactly(side.end),
    maxEnd: exactly(side.maxEnd),
    maxWin: amount(side.maxWin),
    maxAck: exactly(side.maxAck),
    hasMaxAck: has(MAX_ACK_KNOWN),
    scale: amount(side.scale),
    offersScaling: has(OFFERS_SCALING),
    permitsSack: has(PERMITS_SACK),
    isLiberal: has(LIBERAL),
  };
}

const NO_INDEX = 5;

/** All that the model knows of an entry, as a world of single numbers. */
export function worldOf(entry: Entry, opener: End): World {
  const { tcp } = entry;
  const sides = [sideOf(tcp.sides[0]), sideOf(tcp.sides[1])] as const;
  return {
    state: tcp.state,
    opener,
    sides: opener === 0 ? sides : [sides[1], sides[0]],
    hasReply: entry.hasReply,
    isAssured: entry.isAssured,
    closedFirst: ((tcp.sides[0].flags | tcp.sides[1].flags) & CLOSED_FIRST) !== 0,
    isSimultaneous: (tcp.lastFlags & SIMULTANEOUS_OPEN) !== 0,
    last:
      tcp.lastIndex === NO_INDEX
        ? null
        : { index: tcp.lastIndex, dir: tcp.lastDir, end: tcp.lastEnd, ack: tcp.lastAck },
    endsMs: amount(entry.deadlineMs),
  };
}

/** States of the handshake, in which a side may begin anew with smaller figures. */
const HANDSHAKE = [1, 2, 9];

function sideAfterGap(side: SideRange, isHandshake: boolean): SideRange {
  const later = (range: SeqRange | null) => (range === null ? null : grown(range));
  // A side that was not seen yet may have begun in the meantime, with any number.
  if (side.maxWin.lo === 0) return ANY_SIDE;
  if (isHandshake) return ANY_SIDE;
  return {
    // Data that overshot the window may have taken the end back as far as what was allowed.
    end: later(hullOf(side.end, side.maxEnd)),
    maxEnd: later(side.maxEnd),
    maxWin: amount(side.maxWin.lo, WIDEST),
    maxAck: side.hasMaxAck === true ? later(side.maxAck) : null,
    hasMaxAck: side.hasMaxAck === true ? true : null,
    scale: side.scale,
    offersScaling: side.offersScaling,
    permitsSack: side.permitsSack,
    isLiberal: side.isLiberal,
  };
}

/**
 * What may have become of a world while packets went by unseen. @param mayOpen whether a SYN, or a packet that opens an entry, could have
 * been among them; without one it is the same connection, and its numbers only grew
 */
export function afterGap(world: World, mayOpen: boolean): readonly World[] {
  if (mayOpen) return anyWorld([0, 1]);
  if (world.state === 0) return [world];
  const isHandshake = HANDSHAKE.includes(world.state);
  const sides = [sideAfterGap(world.sides[0], isHandshake), sideAfterGap(world.sides[1], isHandshake)] as const;
  const alive = ALIVE.filter((state) => isHandshake || !HANDSHAKE.includes(state)).map(
    (state): World => ({
      ...worldInState(state, world.opener),
      sides,
      hasReply: world.hasReply === true || state === SYN_RECV ? true : null,
      isAssured: world.isAssured === true ? true : null,
      closedFirst: world.closedFirst === true ? true : null,
    }),
  );
  return [NO_ENTRY, ...alive];
}

function hullOfSides(a: SideRange, b: SideRange): SideRange {
  return {
    end: hullOf(a.end, b.end),
    maxEnd: hullOf(a.maxEnd, b.maxEnd),
    maxWin: hullOfAmounts(a.maxWin, b.maxWin),
    maxAck: hullOf(a.maxAck, b.maxAck),
    hasMaxAck: either(a.hasMaxAck, b.hasMaxAck),
    scale: hullOfAmounts(a.scale, b.scale),
    offersScaling: either(a.offersScaling, b.offersScaling),
    permitsSack: either(a.permitsSack, b.permitsSack),
    isLiberal: either(a.isLiberal, b.isLiberal),
  };
}

function sameLast(a: LastSeen | null, b: LastSeen | null): LastSeen | null {
  if (a === null || b === null || a.index !== b.index || a.dir !== b.dir) return null;
  return { index: a.index, dir: a.dir, end: a.end === b.end ? a.end : null, ack: a.ack === b.ack ? a.ack : null };
}

/** Worlds of one state and opener as one that holds them all. */
export function mergeWorlds(worlds: readonly World[]): readonly World[] {
  const merged = new Map<number, World>();
  for (const world of worlds) {
    const key = world.state === 0 ? 0 : world.state * 2 + world.opener;
    const known = merged.get(key);
    merged.set(
      key,
      known === undefined || world.state === 0
        ? world
        : {
            ...world,
            sides: [hullOfSides(known.sides[0], world.sides[0]), hullOfSides(known.sides[1], world.sides[1])],
            hasReply: either(known.hasReply, world.hasReply),
            isAssured: either(known.isAssured, world.isAssured),
            closedFirst: either(known.closedFirst, world.closedFirst),
            isSimultaneous: either(known.isSimultaneous, world.isSimultaneous),
            last: sameLast(known.last, world.last),
            endsMs: hullOfAmounts(known.endsMs, world.endsMs),
          },
    );
  }
  return [...merged.values()];
}

/** The world with its side of one end replaced. */
export function withSide(world: World, end: End, side: SideRange): World {
  return { ...world, sides: end === 0 ? [side, world.sides[1]] : [world.sides[0], side] };
}

/** One view of all worlds: the side of an end as far as they agree. NULL when no world has an entry. */
export function sideOfAll(worlds: readonly World[], end: End): SideRange | null {
  const sides = worlds.filter((world) => world.state !== 0).map((world) => world.sides[end]);
  return sides.length === 0 ? null : sides.reduce(hullOfSides);
}

export function isExactSide(side: SideRange): boolean {
  return onlyNumber(side.end) !== null && onlyNumber(side.maxEnd) !== null && onlyAmount(side.maxWin) !== null;
}
