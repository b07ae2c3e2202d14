// Whatever comes in: no throw, and nothing but whole unsigned numbers in the windows.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseKernelVersion } from '../../../src/catalogue/kernel-version.js';
import type { TcpPacket } from '../../../src/tracker/packet.js';
import { permitsSack, sackEdge, tcpOptionBytes, windowScaleOf } from '../../../src/tracker/tcp-options.js';
import { createTracker } from '../../../src/tracker/tracker.js';

const number32 = fc.oneof(fc.nat(2 ** 32 - 1), fc.constantFrom(0, 1, 1000, 2 ** 31, 2 ** 32 - 1));

const segment = fc
  .record({
    isBack: fc.boolean(),
    seq: number32,
    ack: number32,
    window: fc.nat(65_535),
    flags: fc.oneof(fc.nat(255), fc.constantFrom(0x02, 0x12, 0x10, 0x11, 0x04, 0x14)),
    payload: fc.nat(65_535),
    options: fc.option(fc.uint8Array({ maxLength: 40 })),
    stepMs: fc.nat(200_000),
  })
  .map(({ isBack, stepMs, ...rest }) => ({ isBack, stepMs, rest }));

describe('any segments on any kernel', () => {
  it('never throw and keep the windows whole', () => {
    const releases = fc.constantFrom(
      '2.6.32',
      '3.2',
      '3.16',
      '4.9',
      '4.19',
      '5.4',
      '5.10',
      '5.17',
      '6.0',
      '6.1.76',
      '6.18',
      '7.3',
    );
    fc.assert(
      fc.property(releases, fc.array(segment, { maxLength: 30 }), (release, segments) => {
        const tracker = createTracker({ kernel: parseKernelVersion(release)!, sysctls: {} });
        let atMs = 0;
        for (const { isBack, stepMs, rest } of segments) {
          atMs += stepMs;
          const ends = isBack
            ? { src: '198.51.100.1', dst: '203.0.113.7', sport: 80, dport: 40_000 }
            : { src: '203.0.113.7', dst: '198.51.100.1', sport: 40_000, dport: 80 };
          const packet: TcpPacket = { proto: 'tcp', zone: 0, fault: null, atMs, ...ends, ...rest };
          const out = tracker.track(packet);
          expect(['NEW', 'ESTABLISHED', 'INVALID', 'DROP']).toContain(out.verdict);
          for (const side of out.entry?.tcp.sides ?? []) {
            for (const value of [side.end, side.maxEnd, side.maxWin, side.maxAck]) {
              expect(Number.isInteger(value) && value >= 0 && value < 2 ** 32).toBe(true);
            }
          }
        }
        expect(tracker.size).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('option bytes', () => {
  it('are read to where they break', () => {
    expect(windowScaleOf(tcpOptionBytes('020405b4010303ff'))).toBe(14);
    expect(windowScaleOf(tcpOptionBytes('0002030307'))).toBe(-1);
    expect(windowScaleOf(tcpOptionBytes('0400030307'))).toBe(-1);
    expect(permitsSack(tcpOptionBytes('01010402'))).toBe(true);
    expect(permitsSack(tcpOptionBytes('0403ff'))).toBe(false);
    expect(sackEdge(tcpOptionBytes('0101050a0000000500000009'), 3)).toBe(9);
    expect(sackEdge(tcpOptionBytes('0101050a0000000500000009'), 20)).toBe(20);
    expect([...tcpOptionBytes('0A0b0')]).toEqual([10, 11]);
  });

  it('never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), number32, (bytes, ack) => {
        expect(windowScaleOf(bytes)).toBeLessThanOrEqual(14);
        expect(sackEdge(bytes, ack)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
