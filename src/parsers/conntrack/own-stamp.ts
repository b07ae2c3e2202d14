// What time does the text before an event name? conntrack stamps lines itself (-o timestamp); people put `ts`, a logger or a script before it.

import type { Stamp } from '../../model/kernel-line.js';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAY_US = 86_400_000_000;

/** Microseconds of a decimal fraction's digits: '5' is half a second. */
function fractionUs(digits: string | undefined): number {
  return digits === undefined ? 0 : Number(digits.slice(0, 6).padEnd(6, '0'));
}

function usOfDay(hour: string, minute: string, second: string, fraction: string | undefined): number | null {
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const us = seconds * 1_000_000 + fractionUs(fraction);
  return Number(hour) < 24 && Number(minute) < 60 && Number(second) <= 60 && us < DAY_US ? us : null;
}

/** A wall time; NULL when its parts are no time of day. @param month from 1, or a name's index plus 1 (0: no month's name) */
function wallStamp(year: number | null, month: number, day: number, us: number | null): Stamp | null {
  if (us === null || month < 1 || month > 12 || day < 1 || day > 31) return null;
  return { kind: 'wall', year, month, day, usOfDay: us };
}

const monthNumber = (name: string): number => MONTHS.indexOf(name.toLowerCase()) + 1;

interface StampForm {
  readonly pattern: RegExp;
  readonly read: (found: RegExpExecArray) => Stamp | null;
}

/** In this order: a form that holds another comes first. */
const FORMS: readonly StampForm[] = [
  {
    // 'Fri Nov 21 08:00:00 2026', with a zone's name before the year as date(1) prints it.
    pattern:
      /\b(?:mon|tue|wed|thu|fri|sat|sun) (\w{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?: [A-Za-z]{2,5})? (\d{4})\b/i,
    read: ([, month, day, hour, minute, second, fraction, year]) =>
      wallStamp(Number(year), monthNumber(month!), Number(day), usOfDay(hour!, minute!, second!, fraction)),
  },
  {
    // '2026-11-21T08:00:00.123+01:00', '2026/11/21 08:00:00,123'
    pattern: /\b(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:\s?(Z|[+-]\d\d:?\d\d)(?![\d:]))?/,
    read: ([, year, month, day, hour, minute, second, fraction, zone]) => {
      const us = usOfDay(hour!, minute!, second!, fraction);
      const wall = wallStamp(Number(year), Number(month), Number(day), us);
      if (zone === undefined || wall === null || us === null) return wall;
      const sign = zone.startsWith('-') ? -1 : 1;
      const offsetMinutes =
        zone === 'Z' ? 0 : sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.replace(':', '').slice(3, 5)));
      const midnightMs = Date.UTC(Number(year), Number(month) - 1, Number(day));
      return { kind: 'epoch', us: midnightMs * 1000 + us - offsetMinutes * 60_000_000 };
    },
  },
  {
    // 'Nov 21 08:00:00', classic syslog and `ts`
    pattern: /\b([A-Za-z]{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:[.,](\d+))?/,
    read: ([, month, day, hour, minute, second, fraction]) =>
      wallStamp(null, monthNumber(month!), Number(day), usOfDay(hour!, minute!, second!, fraction)),
  },
  {
    // conntrack -o timestamp. Until 1.4.6 the microseconds came without leading zeros and padded with blanks: '[1795269302.42    ]' is 42 us.
    pattern: /\[(\d{9,10}) *\.(\d{1,6}) *\]/,
    read: ([, seconds, us]) => ({ kind: 'epoch', us: Number(seconds) * 1_000_000 + Number(us) }),
  },
  {
    // `ts %.s`, date +%s.%N
    pattern: /(?:^|[\s[(])(\d{10})\.(\d{3,9})(?=[\s\]):]|$)/,
    read: ([, seconds, fraction]) => ({ kind: 'epoch', us: Number(seconds) * 1_000_000 + fractionUs(fraction) }),
  },
];

/** The time that a piece of text names; NULL when it names none that can be placed on a day. Never throws. */
export function readOwnStamp(text: string): Stamp | null {
  for (const { pattern, read } of FORMS) {
    const found = pattern.exec(text);
    if (found === null) continue;
    const stamp = read(found);
    if (stamp !== null) return stamp;
  }
  return null;
}
