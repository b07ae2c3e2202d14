// Puts the clocks of a host's sources on the epoch axis once everything is read. Rewrites rows of clocks and boots, never evidence.

import {
  addClockSample,
  type ClockPlace,
  type ClockRow,
  clocksOfHost,
  placeClock,
  samplesOfBoot,
  sharedRecords,
  spanOfClock,
} from '../store/clocks.js';
import { noteBootBegan } from '../store/hosts.js';
import type { Db } from '../store/open-store.js';
import { ANY_ZONE_ERROR_US, zoneOffsetUs } from './calendar.js';
import { driftErrorUs, intersectOffsets, type Offset, offsetFromShared, RECEIPT_DELAY_US } from './clock-axis.js';

/** What options and manifests state about the time of one host. */
/** Uptime 0 on the epoch axis, with the uptime at which both clocks were read where that is known. */
export interface StatedBoot extends Offset {
  readonly atUptimeUs?: number;
}

export interface TimeStatements {
  /** Uptime 0 on the epoch axis. */
  readonly boot: StatedBoot | null;
  readonly timeZone: string | null;
}

/** Better than this, looking for shared records is not worth while. */
const GOOD_ENOUGH_US = 1000;
const SECOND_US = 1_000_000;
const FEWEST_WITHOUT_SYN = 3;
/** A year that was only assumed may be another. */
const YEAR_US = 366 * 86_400 * SECOND_US;

/**
 * @param boot a statement about uptime 0 belongs to the last boot of the host, unless a boot is named
 */
export function placeClocks(db: Db, hostId: number, statements: TimeStatements): void {
  const clocks = clocksOfHost(db, hostId);
  const newestBoot = clocks.filter(({ kind, bootId }) => kind === 'uptime' && bootId !== null).at(-1)?.bootId ?? null;
  const places = new Map<number, ClockPlace>();
  const note = (clock: ClockRow, place: ClockPlace): void => {
    places.set(clock.id, place);
    placeClock(db, clock.id, place);
  };

  for (const clock of clocks) {
    if (clock.kind === 'epoch') {
      note(clock, { offsetUs: 0, errorUs: clock.errorUs ?? 0, method: 'epoch' });
    } else if (clock.kind === 'wall') {
      note(clock, placeWall(db, clock, statements.timeZone));
    } else if (clock.kind === 'uptime') {
      const isNewest = clock.bootId === null || clock.bootId === newestBoot;
      note(clock, placeUptime(db, clock, isNewest ? statements.boot : null, statements.timeZone));
    }
  }
  const anchors = clocks.filter(({ kind }) => kind === 'epoch');
  if (anchors.length === 0) return;
  for (const clock of clocks) {
    const place = places.get(clock.id);
    if (place === undefined || clock.kind === 'epoch' || (place.errorUs !== null && place.errorUs <= GOOD_ENOUGH_US))
      continue;
    const known =
      place.offsetUs === null || place.errorUs === null ? null : { offsetUs: place.offsetUs, errorUs: place.errorUs };
    const shared = anchors.flatMap((anchor) => sharedRecords(db, clock.id, anchor.id));
    // Only a SYN says by itself that it is the first packet; of others some must agree.
    const syns = shared.filter(({ isSyn }) => isSyn === 1);
    const others = new Set(shared.map(({ key }) => key)).size;
    const pairs = syns.length > 0 ? syns : others >= FEWEST_WITHOUT_SYN ? shared : [];
    const found = offsetFromShared(pairs, known);
    if (found === null || (known !== null && found.errorUs >= known.errorUs)) continue;
    note(clock, { offsetUs: found.offsetUs, errorUs: found.errorUs, method: 'shared-records' });
    if (clock.kind === 'uptime' && clock.bootId !== null) {
      noteBootBegan(db, clock.bootId, found.offsetUs, found.errorUs);
      const at = pairs[0]!;
      addClockSample(db, {
        bootId: clock.bootId,
        uptimeUs: at.clockUs,
        epochUs: at.clockUs + found.offsetUs,
        errorUs: found.errorUs,
        how: 'shared-records',
      });
    }
  }
}

function placeWall(db: Db, clock: ClockRow, timeZone: string | null): ClockPlace {
  const span = spanOfClock(db, clock.id);
  const isYearAssumed = clock.method === 'assumed-year';
  const method = isYearAssumed ? 'assumed-year' : 'assumed-zone';
  const yearError = isYearAssumed ? YEAR_US : 0;
  const zone = timeZone === null || span === null ? null : zoneOffsetUs(timeZone, span.firstUs);
  if (zone === null) return { offsetUs: 0, errorUs: ANY_ZONE_ERROR_US + yearError, method };
  // A zone with summer time may change within the stretch.
  const change = span === null ? 0 : Math.abs((zoneOffsetUs(timeZone ?? 'UTC', span.lastUs) ?? zone) - zone);
  return { offsetUs: -zone, errorUs: SECOND_US + change + yearError, method };
}

function placeUptime(db: Db, clock: ClockRow, stated: StatedBoot | null, timeZone: string | null): ClockPlace {
  const span = spanOfClock(db, clock.id);
  // What the lines of another stretch sampled may be of before a step.
  const samples = (clock.bootId === null ? [] : samplesOfBoot(db, clock.bootId)).filter(
    ({ how }) => !how.includes(':') || how.endsWith(`:${clock.id}`) || how.startsWith('epoch'),
  );
  // Wall clocks of syslog lines are samples, too, but in local time: without a zone they say little.
  const zone = timeZone === null || span === null ? null : zoneOffsetUs(timeZone, span.firstUs);
  const intervals = samples.map(({ uptimeUs, epochUs, errorUs, how }) => {
    const isLocal = how.startsWith('wall');
    const shift = isLocal ? (zone ?? 0) : 0;
    const isYearAssumed = how.includes('year-assumed');
    const error = errorUs + (isLocal && zone === null ? ANY_ZONE_ERROR_US : 0) + (isYearAssumed ? YEAR_US : 0);
    // A stamp that was put on at receipt bounds the moment of boot from above only; from below it is as late as messages get.
    const late = /^(epoch|wall)/.test(how) ? RECEIPT_DELAY_US : 0;
    return { lowUs: epochUs - shift - uptimeUs - error - late, highUs: epochUs - shift - uptimeUs + error };
  });
  const sampled = intersectOffsets(intervals);
  const isYearAssumed = samples.some(({ how }) => how.includes('year-assumed'));
  const isLocalOnly = samples.length > 0 && samples.every(({ how }) => how.startsWith('wall'));
  // Clocks run apart from where they were compared on; without that moment, from boot on.
  const comparedUs = stated?.atUptimeUs ?? 0;
  const apartUs = span === null ? 0 : Math.max(Math.abs(span.firstUs - comparedUs), Math.abs(span.lastUs - comparedUs));
  const boot = stated === null ? null : { offsetUs: stated.offsetUs, errorUs: stated.errorUs + driftErrorUs(apartUs) };
  if (boot !== null && (sampled === null || boot.errorUs <= sampled.errorUs)) {
    if (clock.bootId !== null) noteBootBegan(db, clock.bootId, boot.offsetUs, boot.errorUs);
    return { ...boot, method: 'boot-time' };
  }
  if (sampled === null) return { offsetUs: null, errorUs: null, method: 'unplaced' };
  if (clock.bootId !== null) noteBootBegan(db, clock.bootId, sampled.offsetUs, sampled.errorUs);
  return {
    offsetUs: sampled.offsetUs,
    errorUs: sampled.errorUs,
    method:
      !isLocalOnly || (zone !== null && !isYearAssumed)
        ? 'clock-samples'
        : isYearAssumed
          ? 'assumed-year'
          : 'assumed-zone',
  };
}

/** A manifest's boot time: seconds since the epoch, and perhaps their error, or RFC 3339; NULL for anything else. */
export function readBootTime(text: string): Offset | null {
  const seconds = /^\s*(\d{9,11})(?:\.(\d{1,9}))?(?:\s+(\d+(?:\.\d+)?))?\s*$/.exec(text);
  if (seconds !== null) {
    const digits = seconds[2] ?? '';
    // btime of /proc/stat is a whole second and may be one off after the clock was set.
    const printed = digits.length === 0 ? SECOND_US : Math.max(1000, SECOND_US / 10 ** digits.length);
    return {
      offsetUs: Number(seconds[1]) * SECOND_US + Math.round(Number(`0.${digits || '0'}`) * SECOND_US),
      errorUs: seconds[3] === undefined ? printed : Math.max(1, Math.ceil(Number(seconds[3]) * SECOND_US)),
    };
  }
  const parsed = /^\d{4}-\d{2}-\d{2}[T ]/.test(text.trim()) ? Date.parse(text.trim()) : Number.NaN;
  return Number.isNaN(parsed) ? null : { offsetUs: parsed * 1000, errorUs: SECOND_US };
}

/** 'UPTIME at EPOCH', both in seconds, as a manifest notes both clocks one after the other; NULL for anything else. */
export function readUptimeAt(text: string): StatedBoot | null {
  const both = /^\s*(\d+(?:\.\d+)?)\s*s?\s*(?:at|@|=)\s*(\S.*)$/.exec(text);
  if (both === null) return null;
  const epoch = readBootTime(both[2]!);
  if (epoch === null) return null;
  // /proc/uptime counts hundredths; more digits are of a finer clock.
  const isFine = /\.\d{4,}$/.test(both[1]!);
  const atUptimeUs = Number(both[1]) * SECOND_US;
  return {
    offsetUs: Math.round(epoch.offsetUs - atUptimeUs),
    errorUs: Math.min(epoch.errorUs, SECOND_US) + (isFine ? 1000 : 20_000),
    atUptimeUs,
  };
}
