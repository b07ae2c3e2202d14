// Which clock does a line's stamp belong to? A source has one clock a kind until it stops being even: uptime that falls back is another boot,
// a wall clock that moved against uptime was stepped, or the two run apart. Lines with both stamps bound the moment of boot from both sides.

import type { Stamp } from '../../model/kernel-line.js';
import type { ClockStart } from '../../store/packet-batch.js';
import { driftErrorUs, type OffsetInterval } from '../clock-axis.js';
import { wallUs } from './envelope-template.js';

/** Uptime further back than lines overtake each other is another boot. */
const FALL_BACK_US = 1_000_000;
/** Syslog may stamp a line this late without the wall clock having moved. */
const STEP_US = 2_000_000;
/**
 * A source with more boots and steps than this has no clock that could be followed (lines of several hosts shuffled, made-up stamps):
 * from then on its lines have no place on the axis. Each stretch costs work against each other one when clocks are placed.
 */
const MOST_STRETCHES = 512;
/** Classic syslog names no year; one with a 29 February keeps every date valid. */
const ANY_YEAR = 1972;

/** A stretch of one source with one even clock, and what its own lines tell about where it lies. */
export interface ClockStretch {
  /** Index of the clock in this source, in order of `fromLine`. */
  readonly clock: number;
  readonly kind: 'uptime' | 'wall' | 'epoch' | 'none';
  readonly fromLine: number;
  lastLine: number;
  firstUs: number;
  lastUs: number;
  /** Counts boots within the source from 0. */
  readonly boot: number;
  /** Lines with both stamps: kind of the other one; the boot lies between the bounds (same axis as the stamp). */
  sampleKind: 'wall' | 'epoch' | null;
  /** Latest "stamp − uptime", earliest "stamp + resolution − uptime". low above high: stamped late, or the clocks run apart. */
  bootLowUs: number;
  bootHighUs: number;
  /** Of the stamps that gave the bounds; 0: none did. */
  stampResolutionUs?: number;
  samples: number;
  /** An uptime stretch began because the wall clock had moved against it. */
  readonly isStep: boolean;
  /** Years were counted from an assumed one (classic syslog). */
  isYearAssumed: boolean;
  readonly resolutionUs: number;
}

export interface ClockTracker {
  /** Index of the clock for a line; its time is in us(). uptimeUs -1: not told. */
  line(line: number, uptimeUs: number, stamp: Stamp | null, resolutionUs: number): number;
  us(): number;
  readonly stretches: readonly ClockStretch[];
  takeNew(): ClockStart[];
  state(): unknown;
  /** @param isReplayed lines that the state has seen come again, until it is restored anew: they have their clocks, and tell nothing new */
  restore(state: unknown, isReplayed?: boolean): void;
}

interface TrackerState {
  readonly stretches: ClockStretch[];
  readonly current: readonly (readonly [string, number])[];
  readonly year: number;
  readonly lastMonth: number;
  readonly boot: number;
  readonly isLost: boolean;
  readonly previousStamp?: Stamp | null;
}

/**
 * Where the moment of boot lies for every line of a stretch. One moment for all is as good as the clocks are even: where they run apart
 * (printk's clock is not disciplined, a guest's may lose a second in half an hour), each line still lies within what its own stamp says.
 * NULL: no line had both clocks.
 */
export function bootBounds(stretch: ClockStretch): OffsetInterval | null {
  const { bootLowUs: low, bootHighUs: high } = stretch;
  if (!Number.isFinite(low) || !Number.isFinite(high)) return null;
  // The line that bounds it from above says this from below, and the other way round.
  const resolutionUs = stretch.stampResolutionUs ?? 1;
  const least = high - resolutionUs;
  const most = low + resolutionUs;
  if (low > high) return { lowUs: least, highUs: most };
  const apartUs = driftErrorUs(stretch.lastUs - stretch.firstUs);
  return { lowUs: Math.max(least, low - apartUs), highUs: Math.min(most, high + apartUs) };
}

/** @param assumedYear year of the source's first line where stamps name none; NULL: not known */
export function openClockTracker(assumedYear: number | null): ClockTracker {
  let stretches: ClockStretch[] = [];
  let current = new Map<string, ClockStretch>();
  let fresh: ClockStart[] = [];
  let year = assumedYear ?? ANY_YEAR;
  let lastMonth = 0;
  let boot = 0;
  let isLost = false;
  let lastUs = 0;
  let previousStamp: Stamp | null = null;
  let isReplaying = false;

  const begin = (kind: ClockStretch['kind'], line: number, us: number, resolutionUs: number, isStep: boolean) => {
    const stretch: ClockStretch = {
      clock: stretches.length,
      kind,
      fromLine: line,
      lastLine: line,
      firstUs: us,
      lastUs: us,
      boot,
      sampleKind: null,
      bootLowUs: Number.NEGATIVE_INFINITY,
      bootHighUs: Number.POSITIVE_INFINITY,
      samples: 0,
      isStep,
      isYearAssumed: false,
      resolutionUs,
    };
    stretches.push(stretch);
    current.set(kind, stretch);
    fresh.push({ kind, fromLine: line, boot });
    return stretch;
  };

  const axisUs = (stamp: Stamp): number => {
    if (stamp.kind !== 'wall') return stamp.us;
    if (stamp.year === null) {
      // December is followed by January of the next year; a few hours back at New Year are lines overtaking each other.
      if (lastMonth >= 11 && stamp.month <= 2) year++;
      else if (lastMonth !== 0 && lastMonth <= 2 && stamp.month >= 11) year--;
      lastMonth = stamp.month;
    }
    return wallUs(stamp, year);
  };

  /** Narrows the moment of boot; true when no moment explains both this line and those before. */
  const contradicts = (stretch: ClockStretch, stamp: Stamp, uptimeUs: number, resolutionUs: number): boolean => {
    const at = axisUs(stamp);
    const low = Math.max(stretch.bootLowUs, at - uptimeUs);
    const high = Math.min(stretch.bootHighUs, at + resolutionUs - uptimeUs);
    if (low - high > STEP_US) return true;
    stretch.bootLowUs = low;
    stretch.bootHighUs = high;
    stretch.stampResolutionUs = Math.max(stretch.stampResolutionUs ?? 0, resolutionUs);
    stretch.sampleKind = stamp.kind === 'epoch' ? 'epoch' : 'wall';
    stretch.isYearAssumed = stamp.kind === 'wall' && stamp.year === null;
    stretch.samples++;
    return false;
  };

  const sameMoment = (a: Stamp, b: Stamp): boolean =>
    a === b ||
    (a.kind === 'wall' && b.kind === 'wall' && a.usOfDay === b.usOfDay && a.day === b.day && a.month === b.month);

  return {
    get stretches() {
      return stretches;
    },
    us: () => lastUs,
    line(line, uptimeUs, stamp, resolutionUs) {
      if (isReplaying) {
        const kind = uptimeUs >= 0 ? 'uptime' : (stamp?.kind ?? 'none');
        lastUs = uptimeUs >= 0 ? uptimeUs : stamp === null ? 0 : axisUs(stamp);
        const isOf = (one: ClockStretch) => one.fromLine <= line && (one.kind === kind || one.kind === 'none');
        return stretches.findLast(isOf)?.clock ?? 0;
      }
      if (uptimeUs >= 0) {
        lastUs = uptimeUs;
        isLost ||= stretches.length >= MOST_STRETCHES;
        if (isLost) {
          const lost = current.get('none') ?? begin('none', line, uptimeUs, 1, false);
          lost.lastUs = Math.max(lost.lastUs, uptimeUs);
          lost.lastLine = line;
          return lost.clock;
        }
        let stretch = current.get('uptime');
        if (stretch === undefined) stretch = begin('uptime', line, uptimeUs, 1, false);
        else if (uptimeUs < stretch.lastUs - FALL_BACK_US) {
          boot++;
          previousStamp = null;
          stretch = begin('uptime', line, uptimeUs, 1, false);
        }
        if (stamp !== null) {
          const isNew = previousStamp === null || !sameMoment(previousStamp, stamp);
          // A stamp in whole seconds says most on its first and its last line.
          if (isNew && previousStamp !== null && contradicts(stretch, previousStamp, stretch.lastUs, resolutionUs))
            stretch = begin('uptime', line, uptimeUs, 1, true);
          if (isNew && contradicts(stretch, stamp, uptimeUs, resolutionUs)) {
            stretch = begin('uptime', line, uptimeUs, 1, true);
            contradicts(stretch, stamp, uptimeUs, resolutionUs);
          }
          if (isNew) previousStamp = stamp;
        }
        if (uptimeUs > stretch.lastUs) stretch.lastUs = uptimeUs;
        stretch.lastLine = line;
        return stretch.clock;
      }
      const kind = stamp === null ? 'none' : stamp.kind === 'epoch' ? 'epoch' : 'wall';
      lastUs = stamp === null ? 0 : axisUs(stamp);
      const stretch = current.get(kind) ?? begin(kind, line, lastUs, resolutionUs, false);
      if (stamp?.kind === 'wall' && stamp.year === null) stretch.isYearAssumed = true;
      if (lastUs > stretch.lastUs) stretch.lastUs = lastUs;
      stretch.lastLine = line;
      return stretch.clock;
    },
    takeNew() {
      const taken = fresh;
      fresh = [];
      return taken;
    },
    state: (): TrackerState => ({
      stretches,
      current: [...current].map(([kind, stretch]) => [kind, stretch.clock]),
      year,
      lastMonth,
      boot,
      isLost,
      previousStamp,
    }),
    restore(state, isReplayed = false) {
      const saved = state as TrackerState;
      isReplaying = isReplayed;
      stretches = saved.stretches.map((stretch) => ({
        ...stretch,
        // JSON has no infinity.
        bootLowUs: stretch.bootLowUs ?? Number.NEGATIVE_INFINITY,
        bootHighUs: stretch.bootHighUs ?? Number.POSITIVE_INFINITY,
      }));
      current = new Map(saved.current.map(([kind, clock]) => [kind, stretches[clock]!]));
      year = saved.year;
      lastMonth = saved.lastMonth;
      boot = saved.boot;
      isLost = saved.isLost;
      previousStamp = saved.previousStamp ?? null;
    },
  };
}
