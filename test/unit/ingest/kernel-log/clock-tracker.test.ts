// A log whose clocks cannot be followed is read all the same, without a clock for every line.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { driftErrorUs, RECEIPT_DELAY_US } from '../../../../src/ingest/clock-axis.js';
import { bootBounds, openClockTracker } from '../../../../src/ingest/kernel-log/clock-tracker.js';

describe('clocks of a log that jumps about', () => {
  it('are given up after some hundred stretches', () => {
    const tracker = openClockTracker(2026);
    const clocks = Array.from({ length: 5000 }, (_, n) => tracker.line(n, n % 2 === 0 ? 9e9 : 1e6, null, 1));
    expect(tracker.stretches.length).toBeLessThan(520);
    expect(tracker.stretches.at(-1)?.kind).toBe('none');
    expect(new Set(clocks.slice(1100)).size).toBe(1);
    // Begun anew from its saved state it goes on in the same way.
    const again = openClockTracker(2026);
    again.restore(JSON.parse(JSON.stringify(tracker.state())));
    expect(again.line(5000, 9e9, null, 1)).toBe(clocks.at(-1));
  });

  it('are those of before for lines that come again where reading goes on', () => {
    const tracker = openClockTracker(2026);
    const clocks = [1e6, 2e6, 9e9, 1e6, 5e6].map((us, index) => tracker.line(index + 1, us, null, 1));
    expect(clocks).toEqual([0, 0, 0, 1, 1]);
    const state = JSON.parse(JSON.stringify(tracker.state()));
    const again = openClockTracker(2026);
    again.restore(state, true);
    expect([again.line(2, 2e6, null, 1), again.line(4, 1e6, null, 1)]).toEqual([0, 1]);
    again.restore(state);
    expect(again.line(6, 6e6, null, 1)).toBe(1);
    expect(again.takeNew()).toEqual([]);
  });

  it('are kept for each boot of a machine that lived long', () => {
    const tracker = openClockTracker(2026);
    for (let boot = 0; boot < 100; boot++)
      for (let second = 1; second < 20; second++) tracker.line(boot * 20 + second, second * 1e6 + 1, null, 1);
    expect(tracker.stretches).toHaveLength(100);
  });
});

describe('two clocks that run apart', () => {
  const bootUs = 1_795_255_200_400_000;
  /** Lines of a host whose printk clock is slow by so many parts in a million; stamps come late, and in whole seconds or microseconds. */
  const log = (gapsUs: readonly number[], ppm: number, lateUs: readonly number[], resolutionUs: number) => {
    let uptimeUs = 1_000_000_000;
    return gapsUs.map((gapUs, index) => {
      uptimeUs += gapUs;
      const trueUs = bootUs + Math.round(uptimeUs + (uptimeUs - 1_000_000_000) * ppm * 1e-6);
      const stampUs = trueUs + (lateUs[index % lateUs.length] ?? 0);
      return { uptimeUs, trueUs, stampUs: Math.floor(stampUs / resolutionUs) * resolutionUs };
    });
  };

  it('leave each line within the error of its stretch, whether its stamp bounded it or not', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1000, max: 900_000_000 }), { minLength: 2, maxLength: 60 }),
        fc.integer({ min: -900, max: 900 }),
        fc.array(fc.integer({ min: 0, max: RECEIPT_DELAY_US }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom(1, 1000, 1_000_000),
        (gapsUs, ppm, lateUs, resolutionUs) => {
          const lines = log(gapsUs, ppm, lateUs, resolutionUs);
          const tracker = openClockTracker(2026);
          const clocks = lines.map(({ uptimeUs, stampUs }, index) =>
            tracker.line(index + 1, uptimeUs, { kind: 'epoch', us: stampUs }, resolutionUs),
          );
          for (const [index, { uptimeUs, trueUs }] of lines.entries()) {
            const stretch = tracker.stretches[clocks[index]!]!;
            // More than clocks usually part by is known where it shows.
            if (Math.abs(ppm) > 100 && stretch.bootLowUs <= stretch.bootHighUs) continue;
            const bounds = bootBounds(stretch)!;
            const offsetUs = trueUs - uptimeUs;
            expect(offsetUs).toBeGreaterThanOrEqual(bounds.lowUs - RECEIPT_DELAY_US - 1);
            expect(offsetUs).toBeLessThanOrEqual(bounds.highUs + 1);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('cost an even clock no more than its drift, and a slow one never more than two seconds and a half', () => {
    const width = (ppm: number, minutes: number): readonly number[] => {
      const tracker = openClockTracker(2026);
      const lines = log(
        Array.from({ length: minutes * 6 }, (_, n) => 10_000_000 + (n % 7) * 131_000),
        ppm,
        [0],
        1_000_000,
      );
      for (const [index, { uptimeUs, stampUs }] of lines.entries())
        tracker.line(index + 1, uptimeUs, { kind: 'epoch', us: stampUs }, 1_000_000);
      return tracker.stretches.map((stretch) => {
        const { lowUs, highUs } = bootBounds(stretch)!;
        return highUs - lowUs;
      });
    };
    const [even] = width(0, 10);
    expect(even).toBeLessThan(200_000 + 2 * driftErrorUs(700_000_000));
    const slow = width(800, 240);
    expect(slow.length).toBeGreaterThan(2);
    for (const one of slow) expect(one).toBeLessThan(4_000_001);
  });
});
