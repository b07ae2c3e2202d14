import { describe, expect, it } from 'vitest';
import { parseDuration, parseTime, zoneOffsetUs } from '../../../src/text/time-words.js';

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0) * 1000;
const at = (text: string, zone = 'UTC') => new Date(parseTime(text, { nowUs: NOW, zone }) / 1000).toISOString();

describe('durations in systemd words', () => {
  it.each([
    ['90', 90_000_000],
    ['1h30m', 5_400_000_000],
    ['2 days 3 h', 183_600_000_000],
    ['250ms', 250_000],
    ['1.5 s', 1_500_000],
  ])('%s', (text, us) => expect(parseDuration(text)).toBe(us));
  it.each(['', '5 parsecs', 'min', '1h x'])('refuses %s', (text) => expect(parseDuration(text)).toBeNull());
});

describe('times in systemd words', () => {
  it.each([
    ['now', '2026-11-21T12:00:00.000Z'],
    ['today', '2026-11-21T00:00:00.000Z'],
    ['yesterday', '2026-11-20T00:00:00.000Z'],
    ['10 min ago', '2026-11-21T11:50:00.000Z'],
    ['-90s', '2026-11-21T11:58:30.000Z'],
    ['10:15:03', '2026-11-21T10:15:03.000Z'],
    ['yesterday 14:00', '2026-11-20T14:00:00.000Z'],
    ['2026-02-28', '2026-02-28T00:00:00.000Z'],
    ['2026-11-21T10:15:03.250Z', '2026-11-21T10:15:03.250Z'],
    ['2026-11-21 10:15 +01:00', '2026-11-21T09:15:00.000Z'],
    ['@1763719200.5', '2025-11-21T10:00:00.500Z'],
  ])('%s', (text, iso) => expect(at(text)).toBe(iso));

  it('reads local times in their zone, on both sides of a change', () => {
    expect(at('2026-07-01 12:00', 'Europe/Berlin')).toBe('2026-07-01T10:00:00.000Z');
    expect(at('2026-12-01 12:00', 'Europe/Berlin')).toBe('2026-12-01T11:00:00.000Z');
    expect(zoneOffsetUs('Asia/Kolkata', NOW)).toBe(19_800_000_000);
  });

  it.each(['', 'soon', '2026-02-30', '25:00', '2026-13-01', 'ago'])('says which forms there are for %j', (text) => {
    expect(() => at(text)).toThrow(/not understood/);
  });

  it('names a zone that does not exist', () => {
    expect(() => at('10:00', 'Mars/Olympus')).toThrow(/no time zone/);
  });
});
