// A TCP segment as far as a record tells it: a log line without sequence numbers, or without options, leaves numbers open.

import { ACK, FIN, type HeaderFault, RST, SYN, type TcpPacket } from '../packet.js';
import { plus } from '../serial.js';
import { permitsSack, sackEdge, windowScaleOf } from '../tcp-options.js';
import { type Amount, amount, atLeast, exactly, grown, type Known, type SeqRange } from './range.js';
import { type End, LARGEST_SCALE } from './world.js';

export interface Segment {
  /** Milliseconds on any clock that runs evenly; NULL: no record tells. */
  readonly atMs: number | null;
  /** How far the time may be off. */
  readonly errorMs: number;
  /** The end that sent it. */
  readonly from: End;
  readonly flags: number;
  /** NULL: not told. */
  readonly seq: number | null;
  readonly ack: number | null;
  readonly window: number | null;
  readonly payload: Amount | null;
  readonly options: Uint8Array | null;
  /** Whether `options` are all there were. */
  readonly hasOptions: boolean;
  readonly fault: HeaderFault | null;
  /** The rules dropped it behind conntrack. */
  readonly isDropped: boolean;
  /** Of a RST whose number is not told: it is taken to acknowledge something. */
  readonly acknowledges?: boolean;
}

/** Whether nothing of it is open: then the tracker itself can judge it. */
export function isWhole(segment: Segment): boolean {
  const needsAck = (segment.flags & ACK) !== 0;
  return (
    segment.seq !== null &&
    (segment.ack !== null || !needsAck) &&
    segment.window !== null &&
    segment.payload !== null &&
    segment.payload.lo === segment.payload.hi &&
    segment.hasOptions
  );
}

const ADDRESSES = ['a', 'b'] as const;

/** The segment between two made-up addresses, numbers that are not told as 0. */
export function asPacket(segment: Segment, atMs: number): TcpPacket {
  return {
    proto: 'tcp',
    atMs,
    zone: 0,
    src: ADDRESSES[segment.from],
    dst: ADDRESSES[segment.from === 0 ? 1 : 0],
    sport: 1,
    dport: 1,
    seq: segment.seq ?? 0,
    ack: segment.ack ?? 0,
    // Of a window of 0 an entry lives shorter: one that is not known may be any other.
    window: segment.window ?? 1,
    flags: segment.flags,
    payload: segment.payload?.lo ?? 0,
    options: segment.options,
    fault: segment.fault,
    isDropped: segment.isDropped,
  };
}

/** Numbers behind the segment. */
export function endOf({ seq, payload, flags }: Segment): SeqRange | null {
  if (seq === null) return null;
  const extra = ((flags & SYN) === 0 ? 0 : 1) + ((flags & FIN) === 0 ? 0 : 1);
  if (payload === null) return grown(exactly(plus(seq, extra)));
  return { from: plus(seq, payload.lo + extra), span: payload.hi - payload.lo };
}

/** Whether it acknowledges nothing that the window check would look at. */
export function lacksAck({ flags, ack, acknowledges }: Segment): Known {
  if ((flags & ACK) === 0) return true;
  if ((flags & RST) === 0 || acknowledges === true) return false;
  return ack === null ? null : ack === 0;
}

/** The highest number that it acknowledges, SACK blocks counted where the other side permits them. */
export function sackOf(segment: Segment, isPermitted: Known): SeqRange | null {
  const { ack, options } = segment;
  if (ack === null) return null;
  if (isPermitted === false) return exactly(ack);
  // A block may say anything, also what no window reaches.
  if (!segment.hasOptions) return atLeast(ack);
  const edge = options === null ? ack : sackEdge(options, ack);
  if (edge === ack || isPermitted === true) return exactly(edge);
  return { from: ack, span: (edge - ack) >>> 0 };
}

export interface TaughtOptions {
  readonly scale: Amount;
  readonly offersScaling: Known;
  readonly permitsSack: Known;
}

/** What a SYN says of its side; NULL: a header without options says nothing. */
export function optionsOf({ options, hasOptions }: Segment): TaughtOptions | null {
  if (!hasOptions) return { scale: amount(0, LARGEST_SCALE), offersScaling: null, permitsSack: null };
  if (options === null || options.length === 0) return null;
  const scale = windowScaleOf(options);
  return { scale: amount(Math.max(scale, 0)), offersScaling: scale >= 0, permitsSack: permitsSack(options) };
}
