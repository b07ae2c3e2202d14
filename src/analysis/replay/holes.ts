// Which bytes of a connection went by that no record shows? One side acknowledged them, so they arrived: a capture lost them, or they went
// another way. Where they may have passed, the tracker may know more than the records.

import { ACK, FIN, RST, SYN } from '../../tracker/packet.js';
import { distance, plus } from '../../tracker/serial.js';
import { sackEdge, windowScaleOf } from '../../tracker/tcp-options.js';
import type { Segment } from '../../tracker/unseen/segment.js';
import type { End } from '../../tracker/unseen/world.js';
import type { FlowPacket } from './flow-packet.js';

export interface Hole {
  /** The end that sent the bytes. */
  readonly of: End;
  /** First byte, and the one behind the last. */
  readonly from: number;
  readonly to: number;
  /** Indexes of packets: the bytes went by behind the first of them and in front of the second, which acknowledges them. */
  readonly after: number;
  readonly before: number;
}

interface Stretch {
  from: number;
  to: number;
  readonly after: number;
}

interface Stream {
  /** Highest byte on record, plus one; NULL: nothing seen of this side. */
  top: number | null;
  /** The packet that reached it. */
  topAt: number;
  missing: Stretch[];
  largestWindow: number;
  /** What its windows are shifted by, at most. */
  shift: number;
}

/** Packets of the sender that are looked at for whether its numbers go on from there. */
const AHEAD = 64;
/** The stream goes on where the next segments of the sender begin within this distance. */
const NEAR = 1 << 24;
const MOST_MISSING = 64;
/** A window whose scale was not seen is taken at its widest. */
const WIDEST_SHIFT = 14;

function endOfSegment({ seq, payload, flags }: Segment): number {
  return plus(seq!, payload!.hi + ((flags & SYN) === 0 ? 0 : 1) + ((flags & FIN) === 0 ? 0 : 1));
}

/** Stretches that were acknowledged and are in no record, in the order of their acknowledgements. Empty where a number of a packet was not told. */
export function holesOf(packets: readonly FlowPacket[]): readonly Hole[] {
  const segments = packets.map(({ segment }) => segment);
  if (segments.some((one) => one === null || one.fault !== null || one.seq === null || one.payload === null)) return [];
  const streams: readonly [Stream, Stream] = [newStream(), newStream()];
  const holes: Hole[] = [];
  for (const [at, one] of segments.entries()) {
    const segment = one!;
    const other: End = segment.from === 0 ? 1 : 0;
    const acked = ackedBy(segment);
    if (acked !== null) {
      const isBelieved = (to: number, top: number) =>
        distance(to, top) <= streams[segment.from].largestWindow || goesOn(segments, at, other, to);
      for (const one of takeAcked(streams[other], acked, at, isBelieved)) holes.push({ ...one, of: other, before: at });
    }
    note(streams[segment.from], segment, at, segments);
  }
  return holes;
}

function newStream(): Stream {
  return { top: null, topAt: 0, missing: [], largestWindow: 0, shift: WIDEST_SHIFT };
}

/** A RST acknowledges whatever it was provoked by. */
function ackedBy({ flags, ack, options }: Segment): number | null {
  if ((flags & ACK) === 0 || (flags & RST) !== 0 || ack === null) return null;
  return options === null ? ack : sackEdge(options, ack);
}

/** What an acknowledgement shows to have gone by; it is missing no longer. */
function takeAcked(
  stream: Stream,
  acked: number,
  at: number,
  isBelieved: (to: number, top: number) => boolean,
): readonly Stretch[] {
  const { top, topAt } = stream;
  if (top === null) return [];
  const isBeyond = distance(acked, top) > 0;
  if (isBeyond && !isBelieved(acked, top)) return [];
  const below = stream.missing
    .filter(({ from }) => distance(acked, from) > 0)
    .map((one) => ({ ...one, to: distance(one.to, acked) > 0 ? acked : one.to }));
  stream.missing = stream.missing.filter(({ to }) => distance(to, acked) > 0).map((one) => cutBelow(one, acked));
  if (!isBeyond) return below;
  stream.top = acked;
  stream.topAt = at;
  return [...below, { from: top, to: acked, after: topAt }];
}

function cutBelow(stretch: Stretch, acked: number): Stretch {
  return distance(acked, stretch.from) > 0 ? { ...stretch, from: acked } : stretch;
}

/** Whether the sender's next segments go on behind these bytes: a stray number is not gone on from. */
function goesOn(segments: readonly (Segment | null)[], at: number, of: End, to: number): boolean {
  let looked = 0;
  for (let next = at + 1; next < segments.length && looked < AHEAD; next += 1) {
    const segment = segments[next]!;
    if (segment.from !== of || (segment.flags & RST) !== 0) continue;
    looked += 1;
    // A keepalive repeats the last byte.
    const ahead = distance(segment.seq!, to) + 1;
    if (ahead >= 0 && ahead < NEAR) return true;
  }
  return false;
}

/** Whether the other side soon acknowledges up to here. */
function isAcknowledged(segments: readonly (Segment | null)[], at: number, to: number): boolean {
  const of = segments[at]!.from;
  return segments.slice(at + 1, at + 1 + AHEAD).some((segment) => {
    const acked = segment!.from === of ? null : ackedBy(segment!);
    return acked !== null && distance(acked, to) >= 0 && distance(acked, to) < NEAR;
  });
}

/** The bytes of a segment are on record; those between it and the last ones are missing, until they come. */
function note(stream: Stream, segment: Segment, at: number, segments: readonly (Segment | null)[]): void {
  const { flags, window } = segment;
  const isSyn = (flags & SYN) !== 0;
  if (isSyn && segment.hasOptions)
    stream.shift = segment.options === null ? 0 : Math.max(0, windowScaleOf(segment.options));
  stream.largestWindow = Math.max(stream.largestWindow, (window ?? 0) << (isSyn ? 0 : stream.shift));
  if ((flags & RST) !== 0) return;
  const from = segment.seq!;
  const to = endOfSegment(segment);
  if (stream.top === null) {
    stream.top = to;
    stream.topAt = at;
    return;
  }
  stream.missing = stream.missing.flatMap((one) => without(one, from, to));
  const jump = distance(from, stream.top);
  if (to === stream.top) stream.topAt = at;
  if (distance(to, stream.top) <= 0) return;
  // What nothing goes on from, and nobody acknowledges, is a stray.
  if (jump > 0 && !goesOn(segments, at, segment.from, to) && !isAcknowledged(segments, at, to)) return;
  if (jump > 0) {
    stream.missing.push({ from: stream.top, to: from, after: stream.topAt });
    if (stream.missing.length > MOST_MISSING) stream.missing.shift();
  }
  stream.top = to;
  stream.topAt = at;
}

function without(stretch: Stretch, from: number, to: number): readonly Stretch[] {
  if (distance(to, stretch.from) <= 0 || distance(from, stretch.to) >= 0) return [stretch];
  return [
    ...(distance(from, stretch.from) > 0 ? [{ ...stretch, to: from }] : []),
    ...(distance(stretch.to, to) > 0 ? [{ ...stretch, from: to }] : []),
  ];
}
