// The clocks of a stream that prints a stamp before its lines: events, packets on the wire, ip monitor. A clock for each kind of stamp.

import type { Stamp } from '../model/kernel-line.js';
import { addClock, type ClockKind, firstPlace } from '../store/clocks.js';
import { latestYear, wallUs } from './calendar.js';
import type { SourceRef } from './evidence-writer.js';

export interface SourceClocks {
  /** Clock and time on it for one record; 'none' and NULL for a record without a stamp. */
  at(stamp: Stamp | null, line: number): PlaceOfRecord;
  /** The same for a time of an unknown day: microseconds since the midnight before the first record, on a clock that stays unplaced. */
  ofDay(usOfDay: number, line: number): PlaceOfRecord;
}

export interface PlaceOfRecord {
  readonly clockId: number;
  readonly clockUs: number | null;
}

const DAY_US = 86_400_000_000;

/** @param printErrorUs how late this stream stamps what happened */
export function openSourceClocks({ db, sourceId, bootId, notAfterUs }: SourceRef, printErrorUs: number): SourceClocks {
  const clocks = new Map<ClockKind, number>();
  let year: number | null = null;
  let lastMonth = 0;
  let midnightUs = 0;
  let lastUsOfDay = 0;
  const setYearAssumed = db.prepare("UPDATE clocks SET method = 'assumed-year' WHERE id = ?");

  const clockOf = (kind: ClockKind, line: number): number => {
    const known = clocks.get(kind);
    if (known !== undefined) return known;
    const id = addClock(db, { sourceId, bootId, kind, fromLine: line, place: firstPlace(kind, printErrorUs) });
    clocks.set(kind, id);
    return id;
  };
  /** The year of a stamp without one: the latest that is possible for the first, then counted on at New Year. */
  const yearOf = ({ month, day }: { readonly month: number; readonly day: number }): number => {
    year ??= latestYear(month, day, notAfterUs);
    if (lastMonth >= 11 && month <= 2) year++;
    lastMonth = month;
    return year;
  };

  return {
    ofDay(usOfDay, line) {
      // Half a day back is the next day; less is a packet that was captured out of order.
      if (usOfDay < lastUsOfDay - DAY_US / 2) midnightUs += DAY_US;
      lastUsOfDay = usOfDay;
      return { clockId: clockOf('none', line), clockUs: midnightUs + usOfDay };
    },
    at(stamp, line) {
      if (stamp === null) return { clockId: clockOf('none', line), clockUs: null };
      if (stamp.kind !== 'wall') return { clockId: clockOf(stamp.kind, line), clockUs: stamp.us };
      const isNew = !clocks.has('wall');
      const clockId = clockOf('wall', line);
      if (isNew && stamp.year === null) setYearAssumed.run(clockId);
      return { clockId, clockUs: wallUs(stamp.year ?? yearOf(stamp), stamp.month, stamp.day, stamp.usOfDay) };
    },
  };
}
