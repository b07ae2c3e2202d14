import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { intersectOffsets, offsetFromShared } from '../../../src/ingest/clock-axis.js';

describe('intersectOffsets', () => {
  it('narrows with every statement', () => {
    const seconds = [10.2, 11.9, 12.01, 15.55].map((uptime) => {
      const wall = Math.floor(1000.73 + uptime);
      return { lowUs: (wall - uptime) * 1e6, highUs: (wall + 1 - uptime) * 1e6 };
    });
    const found = intersectOffsets(seconds);
    expect(found?.isEven).toBe(true);
    expect(Math.abs((found?.offsetUs ?? 0) - 1000.73e6)).toBeLessThanOrEqual((found?.errorUs ?? 0) + 1);
    expect(found?.errorUs).toBeLessThan(300_000);
  });

  it('says that a clock was stepped and spans both', () => {
    expect(
      intersectOffsets([
        { lowUs: 0, highUs: 10 },
        { lowUs: 100, highUs: 110 },
      ]),
    ).toEqual({ offsetUs: 55, errorUs: 55, isEven: false });
  });
});

describe('offsetFromShared', () => {
  it('trusts one pair to 125 ms either way, the event being the later one', () => {
    expect(offsetFromShared([{ key: 1, clockUs: 100, epochUs: 50_100 }], null)).toEqual({
      offsetUs: -75_000,
      errorUs: 125_000,
      pairs: 1,
    });
  });

  it('lets the many settle which of several SYNs the event belongs to', () => {
    const offset = 7_000_000;
    const pairs = [1, 2, 3].flatMap((key) => [
      { key, clockUs: key * 10_000_000, epochUs: key * 10_000_000 + offset + key * 50 },
      { key, clockUs: key * 10_000_000 + key * 1_000_000, epochUs: key * 10_000_000 + offset + key * 50 },
    ]);
    const found = offsetFromShared(pairs, null);
    expect(found?.pairs).toBe(3);
    expect(Math.abs((found?.offsetUs ?? 0) - offset)).toBeLessThanOrEqual(found?.errorUs ?? 0);
  });

  it('decides nothing when two flows contradict each other, or one has two possible partners', () => {
    expect(
      offsetFromShared(
        [
          { key: 1, clockUs: 0, epochUs: 5_000_000 },
          { key: 2, clockUs: 0, epochUs: 9_000_000 },
        ],
        null,
      ),
    ).toBeNull();
    expect(
      offsetFromShared(
        [
          { key: 1, clockUs: 0, epochUs: 5_000_000 },
          { key: 1, clockUs: 1_000_000, epochUs: 5_000_000 },
        ],
        null,
      ),
    ).toBeNull();
  });

  it('does not leave what is known from elsewhere', () => {
    const known = { offsetUs: 1_000_000, errorUs: 1000 };
    expect(offsetFromShared([{ key: 1, clockUs: 0, epochUs: 9_000_000 }], known)).toBeNull();
  });

  it('holds the true offset within its error whatever the delays', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.integer({ min: 0, max: 1e9 }), delay: fc.integer({ min: 0, max: 90 }) }), {
          minLength: 2,
          maxLength: 40,
        }),
        (flows) => {
          const offset = 3_000_000_000;
          const found = offsetFromShared(
            flows.map(({ at, delay }, key) => ({ key, clockUs: at, epochUs: at + offset + delay })),
            null,
          );
          return found !== null && Math.abs(found.offsetUs - offset) <= found.errorUs + 1;
        },
      ),
    );
  });
});
