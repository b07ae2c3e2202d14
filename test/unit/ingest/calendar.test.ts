import { describe, expect, it } from 'vitest';
import { latestYear, wallUs, yearOfWeekday, zoneOffsetUs } from '../../../src/ingest/calendar.js';

const at = (text: string): number => Date.parse(text) * 1000;

describe('the year of a stamp without one', () => {
  it('is the latest that does not lie in the future of the reading', () => {
    expect(latestYear(11, 20, at('2025-11-21T00:00:00Z'))).toBe(2025);
    expect(latestYear(12, 24, at('2025-11-21T00:00:00Z'))).toBe(2024);
  });
  it('allows for a zone that is a day ahead, also over New Year', () => {
    expect(latestYear(1, 1, at('2024-12-31T20:00:00Z'))).toBe(2025);
  });
  it('puts 29 February into a leap year', () => {
    expect(latestYear(2, 29, at('2026-06-01T00:00:00Z'))).toBe(2024);
  });
  it('is told by a weekday', () => {
    expect(yearOfWeekday(12, 16, 5, at('2026-01-01T00:00:00Z'))).toBe(2022);
  });
});

describe('zones', () => {
  it.each([
    ['UTC', 0],
    ['+02:00', 7200],
    ['-0530', -19800],
    ['Europe/Berlin', 7200],
    ['America/New_York', -14400],
  ])('%s in summer', (zone, seconds) => {
    expect(zoneOffsetUs(zone, wallUs(2025, 7, 1, 0))).toBe(seconds * 1e6);
  });
  it('knows summer from winter and names from nonsense', () => {
    expect(zoneOffsetUs('Europe/Berlin', wallUs(2025, 1, 1, 0))).toBe(3600e6);
    expect(zoneOffsetUs('Nowhere/Land', 0)).toBeNull();
  });
});
