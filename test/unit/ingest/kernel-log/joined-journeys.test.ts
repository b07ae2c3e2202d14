// Held against the truth of a model: lines of different packets are never joined, and few packets fall into pieces.

import { describe, expect, it } from 'vitest';
import { readLog } from './journeys-of.js';
import { makeTraffic, type TrafficOptions } from './traffic-model.js';

const BASE: TrafficOptions = { seed: 1, packets: 1500, ids: 'counting', cpus: 1, twins: 0, lost: 0 };

interface Outcome {
  readonly wrong: number;
  readonly pieces: number;
  readonly packets: number;
}

function outcome(options: TrafficOptions): Outcome {
  const traffic = makeTraffic(options);
  const { packets, unread } = readLog(traffic.text);
  expect(unread).toEqual([]);
  const read = packets.flatMap((packet) => packet.lines).sort((a, b) => a - b);
  expect(read).toEqual(traffic.owners.map((_, i) => i + 1));
  const wrong = packets.filter(
    (packet) => new Set(packet.lines.map((line) => traffic.owners[line - 1])).size > 1,
  ).length;
  return { wrong, pieces: packets.length, packets: traffic.packets };
}

/** Share of packets' journeys that fell into more pieces than one. */
function missed({ pieces, packets }: Outcome): number {
  return (pieces - packets) / packets;
}

describe('journeys', () => {
  for (const [name, options, most] of [
    ['one processor, counting ids', {}, 0.001],
    ['four processors, counting ids', { cpus: 4 }, 0.001],
    ['one processor, ids always 0', { ids: 'zero' }, 0.15],
    ['four processors, ids always 0', { ids: 'zero', cpus: 4 }, 0.9],
    ['four processors, three ids over and over', { ids: 'repeated', cpus: 4 }, 0.8],
    ['packets sent twice, ids 0', { ids: 'zero', cpus: 4, twins: 0.2 }, 0.2],
    ['packets sent twice with their id', { cpus: 4, twins: 0.2 }, 0.05],
  ] as const) {
    it(`${name}: no wrong join`, () => {
      for (let seed = 1; seed <= 3; seed++) {
        const result = outcome({ ...BASE, ...options, seed });
        expect(result.wrong, `seed ${seed}`).toBe(0);
        expect(missed(result), `seed ${seed}`).toBeLessThanOrEqual(most);
      }
    });
  }

  it('joins no strangers when the ring buffer loses lines, as long as ids differ', () => {
    for (let seed = 1; seed <= 3; seed++) {
      expect(outcome({ ...BASE, cpus: 4, lost: 0.1, seed }).wrong).toBe(0);
    }
  });
});
