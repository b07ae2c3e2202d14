// Where a source's clock lies on the epoch axis, and how surely: arithmetic over intervals, nothing else.

/** A statement "the offset lies between these two", both in microseconds. */
export interface OffsetInterval {
  readonly lowUs: number;
  readonly highUs: number;
}

export interface Offset {
  readonly offsetUs: number;
  readonly errorUs: number;
}

/**
 * printk's clock (sched_clock) is not disciplined by NTP, CLOCK_REALTIME is: over an uptime they part by some 10 to 50 parts in
 * a million, twice that while NTP corrects a step slowly (kernel/printk/printk.c: vprintk_store() takes local_clock(); v6.1). A guest's
 * may lose far more, and a suspended machine's stands still: only lines with both clocks show that.
 */
const DRIFT = 100e-6;

/** How far printk's clock may have gone astray over an uptime. */
export function driftErrorUs(uptimeUs: number): number {
  return Math.ceil(Math.abs(uptimeUs) * DRIFT);
}

export function offsetOf({ lowUs, highUs }: OffsetInterval): Offset {
  return { offsetUs: Math.round((lowUs + highUs) / 2), errorUs: Math.ceil((highUs - lowUs) / 2) };
}

export interface Intersection extends Offset {
  /** false: no single offset fits all statements (the clock was stepped or drifts); the error then spans them all. */
  readonly isEven: boolean;
}

/** What all statements agree on; where they contradict each other, what covers them all. NULL for none. */
export function intersectOffsets(intervals: readonly OffsetInterval[]): Intersection | null {
  if (intervals.length === 0) return null;
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const { lowUs, highUs } of intervals) {
    low = Math.max(low, lowUs);
    high = Math.min(high, highUs);
    least = Math.min(least, lowUs);
    most = Math.max(most, highUs);
  }
  return low <= high
    ? { ...offsetOf({ lowUs: low, highUs: high }), isEven: true }
    : { ...offsetOf({ lowUs: least, highUs: most }), isEven: false };
}

/** The same record on two clocks: of one first packet, its line in the log and its NEW event. */
export interface SharedRecord {
  /** What the two have in common (a tuple); several pairs of one key are alternatives. */
  readonly key: number | string;
  /** On the clock to be placed. */
  readonly clockUs: number;
  /** On the epoch, later than the other by the way of the message to its reader. */
  readonly epochUs: number;
}

/** A message reaches its reader within this time on a host that keeps up; what takes longer is another packet. */
const LONGEST_DELAY_US = 100_000;
/** Of a single pair nobody knows how long the message took (the recorded hosts: up to 83 ms on a busy one). */
const DELAY_OF_ONE_US = 250_000;
/**
 * All messages may be late by the same amount: the reader was asleep for each of them. The recorded hosts show up to 5 ms for
 * the quickest of a few.
 */
const SHORTEST_DELAY_US = 10_000;

/**
 * A line's receipt stamp is never before the event, and the quickest of some lines this late at most on a host that keeps up
 * (the recorded hosts: 1.5 ms).
 */
export const RECEIPT_DELAY_US = 50_000;

/**
 * Offset from records that two sources share. Alternatives (a retransmitted SYN, a reused port) are settled by what most keys
 * agree on within the longest delay. NULL when nothing agrees: two keys that contradict each other decide nothing.
 * @param known an offset and error from elsewhere that the answer must not leave
 */
export function offsetFromShared(
  pairs: readonly SharedRecord[],
  known: Offset | null,
): (Offset & { readonly pairs: number }) | null {
  const differences = pairs
    .map(({ key, clockUs, epochUs }) => ({ key, us: epochUs - clockUs }))
    .filter(({ us }) => known === null || Math.abs(us - known.offsetUs) <= known.errorUs + LONGEST_DELAY_US)
    .sort((a, b) => a.us - b.us);
  const keys = new Set(differences.map(({ key }) => key)).size;
  if (keys === 0) return null;

  // Slide a window of the longest delay over the sorted differences; the one with most distinct keys is the offset.
  const inWindow = new Map<number | string, number>();
  let first = 0;
  let best = { from: 0, to: 0, keys: 0 };
  let rivals = 0;
  for (let last = 0; last < differences.length; last++) {
    const entering = differences[last]!;
    inWindow.set(entering.key, (inWindow.get(entering.key) ?? 0) + 1);
    while (entering.us - differences[first]!.us > LONGEST_DELAY_US) {
      const leaving = differences[first++]!;
      const count = (inWindow.get(leaving.key) ?? 1) - 1;
      if (count === 0) inWindow.delete(leaving.key);
      else inWindow.set(leaving.key, count);
    }
    if (inWindow.size > best.keys) {
      best = { from: first, to: last, keys: inWindow.size };
      rivals = 0;
    } else if (inWindow.size === best.keys && first > best.to) rivals++;
  }
  if (rivals > 0) return null;
  if (keys > 1 && best.keys * 2 <= keys) return null;

  // The message cannot arrive before the packet: the smallest difference is nearest to the truth.
  const agreeing = differences.slice(best.from, best.to + 1).map(({ us }) => us);
  const least = agreeing[0]!;
  const middle = agreeing[Math.floor(agreeing.length / 2)]!;
  const delay = best.keys === 1 ? DELAY_OF_ONE_US : Math.max(SHORTEST_DELAY_US, 2 * (middle - least));
  return { ...offsetOf({ lowUs: least - delay, highUs: least }), pairs: best.keys };
}
