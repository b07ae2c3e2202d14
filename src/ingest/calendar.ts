// Which year and which zone has a stamp that tells neither? Classic syslog prints 'Nov 27 20:36:50' and no more.

import { offsetOfZone } from '../text/zone-offset.js';

const DAY_US = 86_400_000_000;

/** Microseconds since the epoch as if the printed local time were UTC. month from 1. */
export function wallUs(year: number, month: number, day: number, usOfDay: number): number {
  return Date.UTC(year, month - 1, day) * 1000 + usOfDay;
}

/**
 * The latest year in which a date lies not after a moment (a log is read after it was written). A day of grace, for zones.
 * 29 February goes to the latest leap year.
 */
export function latestYear(month: number, day: number, notAfterUs: number): number {
  const year = new Date(notAfterUs / 1000).getUTCFullYear();
  for (let candidate = year + 1; candidate >= year - 8; candidate--) {
    const date = new Date(Date.UTC(candidate, month - 1, day));
    const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
    if (isReal && date.getTime() * 1000 <= notAfterUs + DAY_US) return candidate;
  }
  return year;
}

/** The latest year not after a moment in which a date falls on a weekday (0 = Sunday), as asctime stamps tell it. */
export function yearOfWeekday(month: number, day: number, weekday: number, notAfterUs: number): number | null {
  const latest = latestYear(month, day, notAfterUs);
  for (let year = latest; year > latest - 28; year--) {
    if (new Date(Date.UTC(year, month - 1, day)).getUTCDay() === weekday) return year;
  }
  return null;
}

/** Zones on earth reach from UTC-12 to UTC+14: the error of a local time of which nothing is known. */
export const ANY_ZONE_ERROR_US = 14 * 3_600_000_000;

/**
 * Offset of a zone from UTC at a local time, in microseconds (east is positive). Understands IANA names, 'UTC', '+02:00',
 * '+0200', '-05'. NULL for anything else.
 */
export function zoneOffsetUs(zone: string, localUs: number): number | null {
  const fixed = /^(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?$/.exec(zone.trim());
  if (fixed !== null) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3] ?? 0);
    return (fixed[1] === '-' ? -1 : 1) * minutes * 60_000_000;
  }
  if (/^(UTC|GMT|Z|Etc\/UTC)$/i.test(zone.trim())) return 0;
  // The zone is asked at the local time taken for UTC, then at what that gives: right but for the hour of a change.
  const first = offsetAt(zone.trim(), localUs);
  return first === null ? null : offsetAt(zone.trim(), localUs - first);
}

function offsetAt(zone: string, epochUs: number): number | null {
  try {
    return offsetOfZone(zone, epochUs);
  } catch {
    return null;
  }
}
