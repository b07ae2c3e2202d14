// Order of records whose clocks are known only so well: 'before' is said only when it holds within both errors.

export interface Moment {
  /** Microseconds since the epoch; NULL when not placed. */
  readonly atUs: number | null;
  readonly errorUs: number | null;
  readonly sourceId?: number | null;
  readonly line?: number | null;
}

export type Order = 'before' | 'after' | 'same' | 'unknown';

/**
 * How a stands to b. Two records of one source are ordered by their clock without error, then by line; records of different
 * sources only when their times differ by more than both errors together ('same' within it).
 */
export function orderOf(a: Moment, b: Moment): Order {
  const isOneSource = a.sourceId !== undefined && a.sourceId !== null && a.sourceId === b.sourceId;
  if (isOneSource && a.line != null && b.line != null && a.line !== b.line) return a.line < b.line ? 'before' : 'after';
  if (a.atUs === null || b.atUs === null) return 'unknown';
  const error = isOneSource ? 0 : (a.errorUs ?? Number.POSITIVE_INFINITY) + (b.errorUs ?? Number.POSITIVE_INFINITY);
  const difference = a.atUs - b.atUs;
  if (difference === 0 || Math.abs(difference) <= error) return error === Number.POSITIVE_INFINITY ? 'unknown' : 'same';
  return difference < 0 ? 'before' : 'after';
}

export function isSurelyBefore(a: Moment, b: Moment): boolean {
  return orderOf(a, b) === 'before';
}
