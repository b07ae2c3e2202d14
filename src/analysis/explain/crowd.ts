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

export interface Probes {
  readonly src: string;
  readonly dst: string;
  /** How many different ones were tried. */
  readonly ports: number;
  readonly packets: number;
}

/** Nobody who means a service asks for so many on one address. */
const LEAST_PORTS = 15;
const WITHIN_US = 600_000_000;

/** A scan that the first packet of a story belongs to: its sender tried many ports of one address, all of them stopped or refused; NULL: none. */
export function probesOf(subject: Case): Probes | null {
  const own = subject.packets[0]?.tuples[0];
  const atUs = subject.packets[0]?.row.atUs ?? null;
  if (own === undefined || own.dport === null) return null;
  const like = around(subject.crowd.glimpses, atUs, WITHIN_US).filter(
    ({ tuple, outcome }) =>
      tuple.src === own.src &&
      tuple.dst === own.dst &&
      tuple.proto === own.proto &&
      (outcome === 'DROP' || outcome === 'INVALID'),
  );
  const ports = new Set(like.map(({ tuple }) => tuple.dport));
  if (ports.size < LEAST_PORTS) return null;
  return {
    src: own.src,
    dst: own.dst,
    ports: ports.size,
    packets: like.reduce((sum, one) => sum + one.count, 0),
  };
}

/** Those whose first packet came within a time of a moment; none when either time is not known. */
export function around(glimpses: readonly Glimpse[], atUs: number | null, withinUs: number): readonly Glimpse[] {
  return atUs === null
    ? []
    : glimpses.filter((one) => one.firstAtUs !== null && Math.abs(one.firstAtUs - atUs) <= withinUs);
}
