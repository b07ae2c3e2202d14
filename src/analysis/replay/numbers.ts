// Sequence numbers as people read them: counted from the first one of each side, as tcpdump does, or as they were on the wire.

import { distance, plus } from '../../tracker/serial.js';
import { isOpen, type SeqRange } from '../../tracker/unseen/range.js';
import type { End } from '../../tracker/unseen/world.js';
import type { Replay } from './replay.js';

/** The number that each end counts from; NULL: nothing of it is known. */
export interface Bases {
  readonly isAbsolute: boolean;
  readonly of: readonly [number | null, number | null];
}

/** The first number of each end: of its first segment, else what the other one first acknowledged. */
export function basesOf({ rows }: Replay, isAbsolute: boolean): Bases {
  const base = (end: End): number | null => {
    for (const { packet } of rows) {
      const { segment } = packet;
      if (segment === null) continue;
      if (segment.from === end && segment.seq !== null) return segment.seq;
      if (segment.from !== end && segment.ack !== null && (segment.flags & 0x10) !== 0) return plus(segment.ack, -1);
    }
    return null;
  };
  return { isAbsolute, of: [base(0), base(1)] };
}

/** A number of one end as it is shown. */
export function shown(number: number, end: End, bases: Bases): number {
  const base = bases.of[end];
  return bases.isAbsolute || base === null ? number : distance(number, base);
}

/** '2600', '1..2600', '2600 or more', '?' for a number nobody can know. */
export function rangeWords(range: SeqRange | null, end: End, bases: Bases): string {
  if (range === null) return '?';
  const from = shown(range.from, end, bases);
  if (isOpen(range)) return `${from}+`;
  return range.span === 0
    ? String(from)
    : `${from}..${bases.isAbsolute ? plus(range.from, range.span) : from + range.span}`;
}

export function grouped(number: number): string {
  return number.toLocaleString('en');
}
