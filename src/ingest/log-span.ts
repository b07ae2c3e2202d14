// From when to when does a log reach, and between which lines were others lost? Read off the stored text, because most lines of a
// log are not netfilter's and have no row.

import type { Stamp } from '../model/kernel-line.js';
import { parseEnvelope } from '../parsers/envelope/parse-envelope.js';
import { type ClockRow, clocksOfSource, spanOfClock } from '../store/clocks.js';
import type { Db } from '../store/open-store.js';
import { readRawLines, readTheseRawLines } from '../store/raw-blocks.js';
import { latestYear, wallUs } from './calendar.js';
import { isSameHost } from './call-hosts.js';

/** How many lines from either end are looked at for one with a stamp. */
const NEAR = 40;
/** A journal's exports tell the time in a field of their own. */
const REALTIME = /__REALTIME_TIMESTAMP"?\s*[=:]\s*"?(\d{15,17})\b/;
/** Lines overtake each other by so much. */
const OVERTAKE_US = 2_000_000;
const DAY_US = 86_400_000_000;

export interface TimeSpan {
  readonly fromAtUs: number | null;
  readonly toAtUs: number | null;
}

export interface LogTimes {
  /** First and last line with a stamp; NULL where they have none that can be placed. */
  span(): TimeSpan;
  /** Times of the lines just before and just behind each of these. */
  around(lines: readonly number[]): ReadonlyMap<number, TimeSpan>;
}

/**
 * @param lines how many lines the source has
 * @param onlyHost whose lines count where the source holds those of several hosts; NULL: all do
 */
export function openLogTimes(db: Db, sourceId: number, lines: number, onlyHost: string | null): LogTimes {
  const clocks = clocksOfSource(db, sourceId).map((clock) => ({ ...clock, span: spanOfClock(db, clock.id) }));
  type Clock = ClockRow & { readonly span: { readonly firstUs: number; readonly lastUs: number } | null };

  const clockAt = (kind: ClockRow['kind'], line: number): Clock | undefined => {
    const ofKind = clocks.filter((clock) => clock.kind === kind);
    return ofKind.findLast((clock) => clock.fromLine <= line) ?? ofKind[0];
  };
  const onAxis = (stamp: Stamp, line: number): number | null => {
    const clock = clockAt(stamp.kind, line);
    if (clock === undefined || clock.offsetUs === null) return null;
    if (stamp.kind !== 'wall') {
      // Before the clock's first row, later uptime is another boot's.
      const isOfOtherBoot =
        stamp.kind === 'uptime' &&
        line < clock.fromLine &&
        clock.span !== null &&
        stamp.us > clock.span.firstUs + OVERTAKE_US;
      return isOfOtherBoot ? null : stamp.us + clock.offsetUs;
    }
    const near = line < clock.fromLine ? clock.span?.firstUs : clock.span?.lastUs;
    if (stamp.year === null && near === undefined) return null;
    // A line lies within half a year of the rows beside it.
    const year = stamp.year ?? latestYear(stamp.month, stamp.day, near! + 182 * DAY_US);
    return wallUs(year, stamp.month, stamp.day, stamp.usOfDay) + clock.offsetUs;
  };
  const timeOf = (text: string | undefined, line: number): number | null => {
    if (text === undefined) return null;
    const envelope = parseEnvelope(text);
    if (onlyHost !== null && (envelope.host === null || !isSameHost(envelope.host, onlyHost))) return null;
    const realtime = REALTIME.exec(text)?.[1];
    if (realtime !== undefined) return Number(realtime);
    for (const stamp of envelope.stamps) {
      const at = onAxis(stamp, line);
      if (at !== null) return at;
    }
    return null;
  };
  const firstTime = (entries: readonly (readonly [number, string])[]): number | null => {
    for (const [line, text] of entries) {
      const at = timeOf(text, line);
      if (at !== null) return at;
    }
    return null;
  };

  return {
    span: () => ({
      fromAtUs: firstTime([...readRawLines(db, sourceId, 1, NEAR)]),
      toAtUs: firstTime([...readRawLines(db, sourceId, Math.max(1, lines - NEAR), lines)].reverse()),
    }),
    around(wanted) {
      const texts = readTheseRawLines(
        db,
        sourceId,
        wanted.flatMap((line) => [line - 1, line + 1]).filter((line) => line >= 1),
      );
      return new Map(
        wanted.map((line) => [
          line,
          { fromAtUs: timeOf(texts.get(line - 1), line - 1), toAtUs: timeOf(texts.get(line + 1), line + 1) },
        ]),
      );
    },
  };
}
