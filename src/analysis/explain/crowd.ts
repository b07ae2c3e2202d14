// What else did a host see, flow by flow? Whether one connection is in trouble or many are, and at which moment, tells causes apart
// that look the same packet by packet.

import type { EvidenceItem } from '../../model/finding.js';
import type { TupleRow } from '../../store/case-reader.js';
import type { Case, PacketState } from './case.js';

/** Like packets of one connection, seen from outside it. */
export interface Glimpse {
  /** As its first packet went. */
  readonly tuple: TupleRow;
  readonly outcome: PacketState | 'DROP';
  readonly reasonId: string | null;
  /** The flag words its packets had, each once. */
  readonly flags: readonly string[];
  readonly count: number;
  readonly firstAtUs: number | null;
  /** Packet row of the first one. */
  readonly firstId: number;
}

export interface Crowd {
  readonly glimpses: readonly Glimpse[];
  /** The first packet of one, as evidence; NULL when it is not in the store any more. */
  cite(glimpse: Glimpse): EvidenceItem | null;
}

export const NO_CROWD: Crowd = { glimpses: [], cite: () => null };

/** Of a host with more stories than this only the first are looked at. */
export const MOST_GLIMPSES = 4000;

/** What the host saw of other connections. */
export function othersOf(subject: Case): readonly Glimpse[] {
  const own = new Set(subject.tupleIds);
  return subject.crowd.glimpses.filter((one) => !own.has(one.tuple.id));
}

/** Those whose first packet came within a time of a moment; none when either time is not known. */
export function around(glimpses: readonly Glimpse[], atUs: number | null, withinUs: number): readonly Glimpse[] {
  return atUs === null
    ? []
    : glimpses.filter((one) => one.firstAtUs !== null && Math.abs(one.firstAtUs - atUs) <= withinUs);
}
