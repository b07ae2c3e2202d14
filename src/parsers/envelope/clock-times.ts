// Times of day and dates in the notations of syslog daemons, journalctl and dmesg, as stamps.

import type { Stamp } from '../../model/kernel-line.js';
import { COLON, COMMA, DOT, digitsEnd, digitsValue, fractionUs, isBlank, isDigit, twoDigits } from './characters.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** Three characters as one number: names are compared a million times. */
function threeLetters(text: string, at: number): number {
  return (text.charCodeAt(at) << 16) | (text.charCodeAt(at + 1) << 8) | text.charCodeAt(at + 2);
}

const monthNumbers = new Map(MONTHS.map((name, index) => [threeLetters(name, 0), index + 1]));
const weekdays = new Set(WEEKDAYS.map((name) => threeLetters(name, 0)));

/** A stamp and the offset behind it. */
export interface ReadStamp {
  readonly stamp: Stamp;
  readonly end: number;
  /** dmesg --time-format iso is the only writer of a decimal comma, and puts neither host nor tag behind it. */
  readonly hasComma: boolean;
}

/** 1..12 for an English month abbreviation at `at`, else 0. */
export function monthAt(line: string, at: number): number {
  return monthNumbers.get(threeLetters(line, at)) ?? 0;
}

export function isWeekdayAt(line: string, at: number): boolean {
  return (
    weekdays.has(threeLetters(line, at)) && (isBlank(line.charCodeAt(at + 3)) || line.charCodeAt(at + 3) === COMMA)
  );
}

interface TimeOfDay {
  readonly us: number;
  readonly end: number;
  readonly hasComma: boolean;
}

/** hh:mm:ss with an optional fraction behind a dot or a comma. */
export function timeOfDay(line: string, at: number): TimeOfDay | null {
  const hour = twoDigits(line, at);
  const minute = twoDigits(line, at + 3);
  const second = twoDigits(line, at + 6);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return null;
  if (line.charCodeAt(at + 2) !== COLON || line.charCodeAt(at + 5) !== COLON) return null;
  const mark = line.charCodeAt(at + 8);
  const hasFraction = (mark === DOT || mark === COMMA) && isDigit(line.charCodeAt(at + 9));
  const end = hasFraction ? digitsEnd(line, at + 9) : at + 8;
  const us = (hour * 3600 + minute * 60 + second) * 1_000_000 + (hasFraction ? fractionUs(line, at + 9, end) : 0);
  return { us, end, hasComma: hasFraction && mark === COMMA };
}

function wall(year: number | null, month: number, day: number, time: TimeOfDay, end: number): ReadStamp | null {
  if (month < 1 || month > 12 || day < 1 || day > 31) return null;
  return { stamp: { kind: 'wall', year, month, day, usOfDay: time.us }, end, hasComma: time.hasComma };
}

/** @param offsetMinutes east of Greenwich. */
function epoch(
  year: number,
  month: number,
  day: number,
  time: TimeOfDay,
  offsetMinutes: number,
  end: number,
): ReadStamp {
  const midnightMs = Date.UTC(year, month - 1, day);
  const us = midnightMs * 1000 + time.us - offsetMinutes * 60_000_000;
  return { stamp: { kind: 'epoch', us }, end, hasComma: time.hasComma };
}

/** A four-digit year at `at` that ends there, else null. */
function yearAt(line: string, at: number): number | null {
  if (digitsEnd(line, at) !== at + 4) return null;
  const year = digitsValue(line, at, at + 4);
  return year >= 1970 && year <= 2200 ? year : null;
}

/**
 * 'Nov 21 08:29:57', 'Nov  1 …', 'Apr 1811:50:23' (its blank lost), 'Nov 21 2021 08:29:57', 'Jun 13 20:37:50 2025', with or without a
 * fraction. The year is null where none is printed.
 */
export function classicTime(line: string, at: number): ReadStamp | null {
  const month = monthAt(line, at);
  if (month === 0) return null;
  let here = at + 3;
  while (isBlank(line.charCodeAt(here))) here++;
  if (here === at + 3) return null;
  const dayDigits = digitsEnd(line, here) - here;
  // 'Apr 1811:50:23': day and hour run together; of four digits two are the day's, of three one.
  const dayLength = dayDigits > 2 ? dayDigits - 2 : dayDigits;
  if (dayLength < 1 || dayLength > 2) return null;
  const day = digitsValue(line, here, here + dayLength);
  here += dayLength;
  while (isBlank(line.charCodeAt(here))) here++;
  let year = yearAt(line, here);
  if (year !== null) {
    here += 4;
    while (isBlank(line.charCodeAt(here))) here++;
  }
  const time = timeOfDay(line, here);
  if (time === null) return null;
  let end = time.end;
  if (year === null && isBlank(line.charCodeAt(end))) {
    year = yearAt(line, end + 1);
    const behind = line.charAt(end + 5);
    // Behind the time a four-digit number is the year of ctime, unless it begins a message ('… 2025: words').
    if (year !== null && (behind === ' ' || behind === '' || behind === ']')) end += 5;
    else year = null;
  }
  return wall(year, month, day, time, end);
}

/** Minutes east of Greenwich and the offset behind 'Z', '+02:00', '-0330', '+01', ' UTC', ' +0200'; null when none is there. */
function zoneAt(line: string, at: number): { readonly minutes: number; readonly end: number } | null {
  const first = line.charAt(at);
  if (first === 'Z' || first === 'z') return { minutes: 0, end: at + 1 };
  if (first === ' ') {
    const word = line.slice(at + 1, at + 4);
    if ((word === 'UTC' || word === 'GMT') && (isBlank(line.charCodeAt(at + 4)) || at + 4 === line.length)) {
      return { minutes: 0, end: at + 4 };
    }
    return /^ [+-]\d{4}(?= |$)/.test(line.slice(at, at + 7)) ? zoneAt(line, at + 1) : null;
  }
  if (first !== '+' && first !== '-') return null;
  const hours = twoDigits(line, at + 1);
  if (hours < 0 || hours > 14) return null;
  const hasColon = line.charCodeAt(at + 3) === COLON;
  const minutes = twoDigits(line, at + (hasColon ? 4 : 3));
  const sign = first === '-' ? -1 : 1;
  if (minutes < 0 || minutes > 59) return { minutes: sign * hours * 60, end: at + 3 };
  return { minutes: sign * (hours * 60 + minutes), end: at + (hasColon ? 6 : 5) };
}

/** '2021-03-12T14:10:18.5+02:00', also with a blank for the T, '/' for '-', a comma, and without zone (then it is wall time). */
export function isoTime(line: string, at: number): ReadStamp | null {
  const year = yearAt(line, at);
  const separator = line.charAt(at + 4);
  if (year === null || (separator !== '-' && separator !== '/') || line.charAt(at + 7) !== separator) return null;
  const month = twoDigits(line, at + 5);
  const day = twoDigits(line, at + 8);
  const between = line.charAt(at + 10);
  if (between !== 'T' && between !== ' ' && between !== 't') return null;
  const time = timeOfDay(line, at + 11);
  if (time === null || month < 1 || month > 12 || day < 1 || day > 31) return null;
  const zone = zoneAt(line, time.end);
  return zone === null ? wall(year, month, day, time, time.end) : epoch(year, month, day, time, zone.minutes, zone.end);
}

/** 'Fri Jun 13 20:37:50 2025' (ctime) and 'Fri 2025-06-13 20:37:50 CEST' (journalctl -o short-full); the zone's letters are passed over. */
export function weekdayTime(line: string, at: number): ReadStamp | null {
  if (!isWeekdayAt(line, at)) return null;
  let here = at + 3;
  if (line.charCodeAt(here) === COMMA) here++;
  while (isBlank(line.charCodeAt(here))) here++;
  if (!isDigit(line.charCodeAt(here))) return classicTime(line, here);
  const read = isoTime(line, here);
  if (read === null || read.stamp.kind !== 'wall') return read;
  const zone = /^ [A-Z]{2,5}(?= )/.exec(line.slice(read.end, read.end + 7));
  return zone === null ? read : { ...read, end: read.end + zone[0].length };
}

/** '1616161616.123456' (journalctl -o short-unix). */
export function unixTime(line: string, at: number): ReadStamp | null {
  const dot = digitsEnd(line, at);
  if (dot - at < 9 || dot - at > 10 || line.charCodeAt(dot) !== DOT) return null;
  const end = digitsEnd(line, dot + 1);
  if (end === dot + 1 || !isBlank(line.charCodeAt(end))) return null;
  return {
    stamp: { kind: 'epoch', us: digitsValue(line, at, dot) * 1_000_000 + fractionUs(line, dot + 1, end) },
    end,
    hasComma: false,
  };
}

/** '20/Jun/2022:13:09:14 +0200' (Proxmox, and web servers). */
export function slashTime(line: string, at: number): ReadStamp | null {
  const day = twoDigits(line, at);
  const month = monthAt(line, at + 3);
  const year = yearAt(line, at + 7);
  const time = timeOfDay(line, at + 12);
  if (day < 1 || day > 31 || month === 0 || year === null || time === null) return null;
  const zone = zoneAt(line, time.end);
  return zone === null ? wall(year, month, day, time, time.end) : epoch(year, month, day, time, zone.minutes, zone.end);
}

/** '00:30:48 21-12-2010' (time first, day first: some routers' own log). */
export function dayFirstTime(line: string, at: number): ReadStamp | null {
  const time = timeOfDay(line, at);
  if (time === null || line.charAt(time.end) !== ' ') return null;
  const here = time.end + 1;
  const year = yearAt(line, here + 6);
  if (year === null || line.charAt(here + 2) !== '-' || line.charAt(here + 5) !== '-') return null;
  return wall(year, twoDigits(line, here + 3), twoDigits(line, here), time, here + 10);
}

/** 'Nov21 08:29' inside dmesg -e's brackets; the seconds are not told, so the stamp is of the minute. */
export function minuteTime(line: string, at: number): ReadStamp | null {
  const month = monthAt(line, at);
  const dayEnd = digitsEnd(line, at + 3);
  const here = dayEnd + 1;
  const hour = twoDigits(line, here);
  const minute = twoDigits(line, here + 3);
  if (month === 0 || dayEnd - at - 3 < 1 || dayEnd - at - 3 > 2 || line.charAt(dayEnd) !== ' ') return null;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || line.charCodeAt(here + 2) !== COLON) return null;
  const us = (hour * 3600 + minute * 60) * 1_000_000;
  return wall(null, month, digitsValue(line, at + 3, dayEnd), { us, end: here + 5, hasComma: false }, here + 5);
}
