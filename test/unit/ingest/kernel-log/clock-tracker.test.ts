// A log whose clocks cannot be followed is read all the same, without a clock for every line.

import { describe, expect, it } from 'vitest';
import { openClockTracker } from '../../../../src/ingest/kernel-log/clock-tracker.js';

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
