// The segments of a connection that the window check spoke of, with their numbers against the bound the kernel printed; and what both
// sides offered of window scaling.

import { distance, plus } from '../../../tracker/serial.js';
import type { Case, SeenPacket } from '../../explain/case.js';
import {
  beyond,
  boundOf,
  isSameWay,
  isSyn,
  isSynAck,
  optionsOf,
  payloadOf,
  scaleOf,
} from '../../explain/segment-facts.js';

const KIND: Readonly<Record<string, Refusal['kind']>> = {
  'tcp-seq-over-upper-bound': 'seq-over',
  'tcp-bytes-more-than-expected': 'overshoot-passed',
  'tcp-ack-over-upper-bound': 'ack-over',
};

/** Reasons of segments that lie beyond what the window allows, or acknowledge what was not seen. */
export const WINDOW_REASONS: readonly string[] = Object.keys(KIND);

export interface Refusal {
  readonly packet: SeenPacket;
  /** 'overshoot-passed': "N bytes more than expected", which this kernel may let pass. */
  readonly kind: 'seq-over' | 'overshoot-passed' | 'ack-over';
  /** First sequence number beyond the bound; NULL until 6.0, and where the number printed is none. */
  readonly bound: number | null;
  /** Bytes beyond the last that was allowed (acknowledged and never seen, for 'ack-over'); NULL where it cannot be counted. */
  readonly beyondBytes: number | null;
}

function endOf(packet: SeenPacket): number | null {
  const payload = payloadOf(packet);
  if (packet.row.seq === null) return null;
  return payload === null ? packet.row.seq : plus(packet.row.seq, payload.least);
}

function refusalOf(packet: SeenPacket): Refusal | null {
  const kind = packet.reasonId === null ? undefined : KIND[packet.reasonId];
  if (kind === undefined) return null;
  const number = boundOf(packet);
  if (kind === 'overshoot-passed') return { packet, kind, bound: null, beyondBytes: number };
  const { ack } = packet.row;
  const end = kind === 'ack-over' ? ack : endOf(packet);
  return { packet, kind, bound: number, beyondBytes: number === null || end === null ? null : beyond(end, number) };
}

/** Every line about the window of the connection, in order. */
export function refusalsOf(subject: Case): readonly Refusal[] {
  return subject.all.map(refusalOf).filter((one): one is Refusal => one !== null);
}

export interface Pair {
  /** The segment beyond the window. */
  readonly sent: Refusal;
  /** The acknowledgement of it, refused for covering what conntrack did not take. */
  readonly taken: Refusal;
}

/** The receiver acknowledges just what the window check had refused: it was sent, and it was taken. */
export function pairOf(refusals: readonly Refusal[]): Pair | null {
  for (const sent of refusals) {
    const { seq } = sent.packet.row;
    if (sent.kind === 'ack-over' || seq === null) continue;
    const taken = refusals.find(({ kind, packet, bound }) => {
      const { ack } = packet.row;
      return (
        kind === 'ack-over' &&
        ack !== null &&
        !isSameWay(packet, sent.packet) &&
        distance(ack, seq) > 0 &&
        // What conntrack had taken ends in front of the refused segment.
        (bound === null || distance(plus(bound, -1), seq) <= 0)
      );
    });
    if (taken !== undefined) return { sent, taken };
  }
  return null;
}

export interface Scaling {
  /** Shift that each SYN offered; NULL: its options are not told. -1: it offered none. */
  readonly ofOpener: number | null;
  readonly ofAnswer: number | null;
  readonly packets: readonly SeenPacket[];
}

/** What the handshake said of window scaling, where lines with its options are here. */
export function scalingOf(subject: Case): Scaling {
  const syn = subject.all.find((packet) => isSyn(packet) && optionsOf(packet) !== null);
  const answer = subject.all.find((packet) => isSynAck(packet) && optionsOf(packet) !== null);
  return {
    ofOpener: syn === undefined ? null : scaleOf(syn),
    ofAnswer: answer === undefined ? null : scaleOf(answer),
    packets: [syn, answer].filter((one): one is SeenPacket => one !== undefined),
  };
}

/** The largest window a side printed, as it stands in the header: before scaling. */
export function largestWindow(subject: Case, like: SeenPacket, isSame: boolean): number | null {
  const windows = subject.all
    .filter((packet) => isSameWay(packet, like) === isSame && !isSyn(packet) && !isSynAck(packet))
    .map((packet) => packet.row.window)
    .filter((window): window is number => window !== null);
  return windows.length === 0 ? null : Math.max(...windows);
}
