// systemd.time's words for times and durations, which the people of this trade already have in their fingers.

import { UsageError } from './errors.js';
import { offsetOfZone } from './zone-offset.js';

const SECOND = 1_000_000;
/** Units of systemd.time(7), in microseconds. */
const UNITS: Readonly<Record<string, number>> = {
  us: 1,
  usec: 1,
  µs: 1,
  ms: 1000,
  msec: 1000,
  s: SECOND,
  sec: SECOND,
  second: SECOND,
  seconds: SECOND,
  m: 60 * SECOND,
  min: 60 * SECOND,
  minute: 60 * SECOND,
  minutes: 60 * SECOND,
  h: 3600 * SECOND,
  hr: 3600 * SECOND,
  hour: 3600 * SECOND,
  hours: 3600 * SECOND,
  d: 86_400 * SECOND,
  day: 86_400 * SECOND,
  days: 86_400 * SECOND,
  w: 604_800 * SECOND,
  week: 604_800 * SECOND,
  weeks: 604_800 * SECOND,
  M: 2_629_800 * SECOND,
  month: 2_629_800 * SECOND,
  months: 2_629_800 * SECOND,
  y: 31_557_600 * SECOND,
  year: 31_557_600 * SECOND,
  years: 31_557_600 * SECOND,
};

/** Microseconds of '90', '1h30m', '5 min', '2 days'; a bare number is seconds. NULL when it is no duration. */
export function parseDuration(text: string): number | null {
  const words = text.trim();
  if (words === '') return null;
  if (/^\d+(\.\d+)?$/.test(words)) return Math.round(Number(words) * SECOND);
  const part = /\s*(\d+(?:\.\d+)?)\s*(µs|[A-Za-z]+)\s*/y;
  let total = 0;
  while (part.lastIndex < words.length) {
    const match = part.exec(words);
    const unit = match === null ? undefined : UNITS[match[2]!];
    if (match === null || unit === undefined) return null;
    total += Number(match[1]) * unit;
  }
  return Math.round(total);
}

/** Offset of a zone at a moment, in microseconds east of UTC. @param zone IANA name, 'UTC', or '+02:00' @throws UsageError */
export function zoneOffsetUs(zone: string, atUs: number): number {
  const fixed = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  if (fixed !== null) return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 3600 + Number(fixed[3]) * 60) * SECOND;
  if (zone === 'Z' || zone === 'UTC') return 0;
  try {
    return offsetOfZone(zone, atUs);
  } catch (error) {
    throw new UsageError(`there is no time zone '${zone}'; give +02:00 or a name such as Europe/Berlin`, null, {
      cause: error,
    });
  }
}

/** Microseconds since the epoch of a local date and time; around a change of offset the earlier reading. */
function fromLocal(localUs: number, zone: string): number {
  const first = localUs - zoneOffsetUs(zone, localUs);
  return localUs - zoneOffsetUs(zone, first);
}

export interface TimeContext {
  readonly nowUs: number;
  /** Zone of times without one. */
  readonly zone: string;
  /** When this host booted; NULL when not known. */
  readonly bootAtUs?: number | null;
}

/**
 * A moment in systemd's words: now, today, yesterday, '10 min ago', -10m, '2026-11-21 10:15', 10:15, '…Z', '… +01:00', @1795267151.5, boot.
 * @returns microseconds since the epoch
 * @throws UsageError that shows the forms
 */
export function parseTime(given: string, { nowUs, zone, bootAtUs = null }: TimeContext): number {
  const text = given.trim();
  const midnight = (days: number) => {
    const local = nowUs + zoneOffsetUs(zone, nowUs);
    return fromLocal(Math.floor(local / UNITS['d']!) * UNITS['d']! + days * UNITS['d']!, zone);
  };
  if (text === 'now') return nowUs;
  if (text === 'today') return midnight(0);
  if (text === 'yesterday') return midnight(-1);
  if (text === 'tomorrow') return midnight(1);
  if (text === 'boot' && bootAtUs !== null) return bootAtUs;
  const epoch = /^@(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (epoch !== null)
    return Number(epoch[1]) * SECOND + Math.floor(Number((epoch[2] ?? '').padEnd(6, '0').slice(0, 6)));
  const relative = /^([+-])(.+)$/.exec(text) ?? /^()(.+?)\s+ago$/.exec(text);
  if (relative !== null) {
    const length = parseDuration(relative[2]!);
    if (length !== null) return relative[1] === '+' ? nowUs + length : nowUs - length;
  }
  const calendar =
    /^(?:(today|yesterday|tomorrow)|(\d{4})-(\d{1,2})-(\d{1,2}))?[T ]?(?:(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2}|[A-Z][A-Za-z]+\/[A-Za-z_/]+)?$/.exec(
      text,
    );
  if (calendar !== null && (calendar[1] !== undefined || calendar[2] !== undefined || calendar[5] !== undefined)) {
    const [, word, year, month, day, hour, minute, second, fraction, named] = calendar;
    const where = named ?? zone;
    const base =
      year !== undefined
        ? Date.UTC(Number(year), Number(month) - 1, Number(day)) * 1000
        : midnight(word === 'yesterday' ? -1 : word === 'tomorrow' ? 1 : 0) + zoneOffsetUs(zone, nowUs);
    const isReal =
      (month === undefined || (Number(month) >= 1 && Number(month) <= 12)) &&
      (day === undefined || new Date(base / 1000).getUTCDate() === Number(day)) &&
      Number(hour ?? 0) < 24 &&
      Number(minute ?? 0) < 60 &&
      Number(second ?? 0) < 61;
    if (isReal) {
      const ofDay =
        (Number(hour ?? 0) * 3600 + Number(minute ?? 0) * 60 + Number(second ?? 0)) * SECOND +
        Math.floor(Number((fraction ?? '').padEnd(6, '0').slice(0, 6)));
      return fromLocal(base + ofDay, where);
    }
  }
  throw new UsageError(
    `this time is not understood: '${given}'`,
    "Forms: 'now', 'yesterday', '10 min ago', '-90s', '14:05', '2026-11-21 10:15', '2026-11-21T10:15:03Z', '@1795267151'",
  );
}
