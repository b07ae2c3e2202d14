// What can be said of a number that was not seen? Ranges of sequence numbers (modulo 2^32) and of plain amounts, and comparisons
// whose answer may be that it cannot be known.

import { distance, plus } from '../serial.js';

/** true, false, or NULL: both are possible. */
export type Known = boolean | null;

/** Sequence numbers from `from` on, and `span` more. A range that is NULL as a whole may be any number. */
export interface SeqRange {
  readonly from: number;
  /** OPEN: no upper end is known. */
  readonly span: number;
}

/** Bytes, or a shift. */
export interface Amount {
  readonly lo: number;
  readonly hi: number;
}

export const OPEN = 2 ** 31 - 1;

export function exactly(number: number): SeqRange {
  return { from: number, span: 0 };
}

export function atLeast(number: number): SeqRange {
  return { from: number, span: OPEN };
}

/** From `lo` to `hi` bytes beyond a number. */
export function seqFrom(number: number, lo: number, hi: number): SeqRange | null {
  if (lo > OPEN) return null;
  return hi > OPEN ? atLeast(plus(number, lo)) : { from: plus(number, lo), span: hi - lo };
}

/** From a to b, both included; b must not lie before a. */
export function seqBetween(a: number, b: number): SeqRange {
  return { from: a, span: Math.max(0, distance(b, a)) };
}

export function amount(lo: number, hi = lo): Amount {
  return { lo, hi };
}

export function isOpen(range: SeqRange): boolean {
  return range.span >= OPEN;
}

/** The one number it can be; NULL when there are several. */
export function onlyNumber(range: SeqRange | null): number | null {
  return range !== null && range.span === 0 ? range.from : null;
}

export function onlyAmount(value: Amount): number | null {
  return value.lo === value.hi ? value.lo : null;
}

/** The highest number it can be; NULL when it has no upper end. */
export function upperEnd(range: SeqRange | null): number | null {
  return range === null || isOpen(range) ? null : plus(range.from, range.span);
}

/** Whether x lies before all numbers of the range (true), before none (false). */
export function isBeforeRange(x: number, range: SeqRange | null): Known {
  if (range === null) return null;
  const past = distance(x, range.from);
  if (past < 0) return true;
  return !isOpen(range) && past >= range.span ? false : null;
}

/** Whether x lies after all numbers of the range (true), after none (false). */
export function isAfterRange(x: number, range: SeqRange | null): Known {
  if (range === null) return null;
  const past = distance(x, range.from);
  if (past <= 0) return false;
  return !isOpen(range) && past > range.span ? true : null;
}

/** Every number moved by an amount: the lowest by `lo`, the highest by `hi`. NULL when that is more than half of all numbers. */
export function shifted(range: SeqRange | null, lo: number, hi = lo): SeqRange | null {
  if (range === null || Math.abs(lo) > OPEN || (Math.abs(hi) > OPEN && !isOpen(range))) return null;
  return { from: plus(range.from, lo), span: isOpen(range) ? OPEN : Math.min(OPEN, range.span + hi - lo) };
}

/** Farther apart two numbers of one connection do not lie: no window is larger. */
const FAR = 2 ** 30;

/** The smallest range that holds both; NULL when one is not known or they lie too far apart. */
export function hullOf(a: SeqRange | null, b: SeqRange | null): SeqRange | null {
  if (a === null || b === null) return null;
  const [first, second] = distance(b.from, a.from) >= 0 ? [a, b] : [b, a];
  const offset = distance(second.from, first.from);
  if (offset > FAR) return null;
  if (isOpen(first) || isOpen(second)) return atLeast(first.from);
  return { from: first.from, span: Math.min(OPEN, Math.max(first.span, offset + second.span)) };
}

/** The larger of a number of the range and one of another, number by number. */
export function maxOf(a: SeqRange | null, b: SeqRange): SeqRange {
  if (a === null) return atLeast(b.from);
  const from = distance(a.from, b.from) >= 0 ? a.from : b.from;
  const [endA, endB] = [upperEnd(a), upperEnd(b)];
  if (endA === null || endB === null) return atLeast(from);
  return seqBetween(from, distance(endA, endB) >= 0 ? endA : endB);
}

/** What both allow; NULL ranges allow everything; 'empty' when nothing is left. */
export function intersect(a: SeqRange | null, b: SeqRange | null): SeqRange | null | 'empty' {
  if (a === null) return b;
  if (b === null) return a;
  const from = distance(a.from, b.from) >= 0 ? a.from : b.from;
  const ends = [upperEnd(a), upperEnd(b)].filter((end) => end !== null);
  if (ends.length === 0) return atLeast(from);
  const end = ends.reduce((x, y) => (distance(x, y) <= 0 ? x : y));
  return distance(end, from) < 0 ? 'empty' : seqBetween(from, end);
}

/** The numbers of a range up to a limit; of an unknown number only that cannot be said. */
export function upTo(range: SeqRange | null, last: number): SeqRange | null | 'empty' {
  if (range === null) return null;
  const room = distance(last, range.from);
  if (room < 0) return 'empty';
  return { from: range.from, span: Math.min(range.span, room) };
}

export function hullOfAmounts(a: Amount, b: Amount): Amount {
  return { lo: Math.min(a.lo, b.lo), hi: Math.max(a.hi, b.hi) };
}

/** Equal answers stay, different ones cannot be known. */
export function either(a: Known, b: Known): Known {
  return a === b ? a : null;
}

export function not(answer: Known): Known {
  return answer === null ? null : !answer;
}
