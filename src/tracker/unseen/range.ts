// What can be said of a number that was not seen? Ranges of sequence numbers (modulo 2^32) and of plain amounts, and comparisons
// whose answer may be that it cannot be known.

import { distance, plus } from '../serial.js';

/** true, false, or NULL: both are possible. */
export type Known = boolean | null;

/** Sequence numbers from `from` on, and `span` more. A range that is NULL as a whole may be any number. */
export interface SeqRange {
  readonly from: number;
  readonly span: number;
}

/** Bytes, or a shift. */
export interface Amount {
  readonly lo: number;
  readonly hi: number;
}

/** Half of all numbers: those that do not count as lying before a number, including itself. */
export const OPEN = 2 ** 31 - 1;
/** Farther than this no number moves unseen, and no two numbers of one connection lie apart: no window is larger. */
export const FAR = 2 ** 30;
const HALF = 2 ** 31;

export function exactly(number: number): SeqRange {
  return { from: number, span: 0 };
}

/** Everything that does not lie before a number. */
export function atLeast(number: number): SeqRange {
  return { from: number, span: OPEN };
}

/** What a number may have become that only grows. */
export function grown(range: SeqRange): SeqRange {
  return isOpen(range) ? range : { from: range.from, span: Math.min(OPEN, range.span + FAR) };
}

/** From `lo` to `hi` bytes beyond a number. */
export function seqFrom(number: number, lo: number, hi: number): SeqRange | null {
  if (lo > OPEN) return null;
  return hi > OPEN ? atLeast(plus(number, lo)) : { from: plus(number, lo), span: hi - lo };
}

export function amount(lo: number, hi = lo): Amount {
  return { lo, hi };
}

/** Whether no upper end worth the name is known. */
export function isOpen(range: SeqRange): boolean {
  return range.span >= FAR;
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

/** Of two numbers half of all numbers apart, either may count as the later one. */
function mayWrap(range: SeqRange, x: number): boolean {
  return distance(range.from, x) + range.span >= HALF;
}

export function contains(range: SeqRange | null, x: number): boolean {
  return range === null || plus(x, -range.from) <= range.span;
}

/** Whether x lies before all numbers of the range (true), before none (false). */
export function isBeforeRange(x: number, range: SeqRange | null): Known {
  if (range === null || mayWrap(range, x)) return null;
  const past = distance(x, range.from);
  if (past < 0) return true;
  return past >= range.span ? false : null;
}

/** Whether x lies after all numbers of the range (true), after none (false). */
export function isAfterRange(x: number, range: SeqRange | null): Known {
  if (range === null || mayWrap(range, x)) return null;
  const past = distance(x, range.from);
  if (past <= 0) return false;
  return past > range.span ? true : null;
}

/** Numbers of the range that lie at most so many bytes beyond x; 'empty' when none does, the whole range where that cannot be told. */
export function atMostBeyond(range: SeqRange | null, x: number, most: number): SeqRange | null | 'empty' {
  if (range === null || mayWrap(range, x)) return range;
  const first = distance(range.from, x);
  return first > most ? 'empty' : { from: range.from, span: Math.min(range.span, most - first) };
}

/** Numbers of the range that lie at least so many bytes beyond x. */
export function atLeastBeyond(range: SeqRange | null, x: number, least: number): SeqRange | null | 'empty' {
  if (range === null) return least > OPEN ? null : atLeast(plus(x, least));
  if (mayWrap(range, x)) return range;
  const first = distance(range.from, x);
  if (first >= least) return range;
  return first + range.span < least ? 'empty' : { from: plus(x, least), span: first + range.span - least };
}

/** Every number moved by an amount: the lowest by `lo`, the highest by `hi`. NULL when these are more than half of all numbers. */
export function shifted(range: SeqRange | null, lo: number, hi = lo): SeqRange | null {
  if (range === null || Math.abs(lo) > OPEN || range.span + hi - lo > OPEN) return null;
  return { from: plus(range.from, lo), span: range.span + hi - lo };
}

/** The smallest range that holds both; NULL when one is not known or they lie too far apart. */
export function hullOf(a: SeqRange | null, b: SeqRange | null): SeqRange | null {
  if (a === null || b === null) return null;
  const [first, second] = distance(b.from, a.from) >= 0 ? [a, b] : [b, a];
  const offset = distance(second.from, first.from);
  const span = Math.max(first.span, offset + second.span);
  return offset > FAR || span > OPEN ? null : { from: first.from, span };
}

/** The larger of a number of the range and one of another, number by number. NULL: it may be any. */
export function maxOf(a: SeqRange | null, b: SeqRange): SeqRange | null {
  if (a === null) return b.span === 0 ? atLeast(b.from) : null;
  const apart = distance(a.from, b.from);
  if (apart + a.span >= HALF || apart - b.span < -HALF) return null;
  return apart >= 0
    ? { from: a.from, span: Math.max(a.span, b.span - apart) }
    : { from: b.from, span: Math.max(b.span, a.span + apart) };
}

/** What both allow; NULL ranges allow everything; 'empty' when nothing is left. */
export function intersect(a: SeqRange | null, b: SeqRange | null): SeqRange | null | 'empty' {
  if (a === null) return b;
  if (b === null) return a;
  if (b.span === 0) return contains(a, b.from) ? b : 'empty';
  if (a.span === 0) return contains(b, a.from) ? a : 'empty';
  const apart = distance(a.from, b.from);
  if (apart + a.span >= HALF || apart - b.span < -HALF) return a;
  const span = apart >= 0 ? Math.min(a.span, b.span - apart) : Math.min(b.span, a.span + apart);
  return span < 0 ? 'empty' : { from: apart >= 0 ? a.from : b.from, span };
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
