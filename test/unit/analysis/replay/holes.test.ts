// Bytes that one side acknowledged and no record shows; and what looks like that and is not.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FlowPacket } from '../../../../src/analysis/replay/flow-packet.js';
import { holesOf } from '../../../../src/analysis/replay/holes.js';
import { ACK, FIN, PSH, RST, SYN } from '../../../../src/tracker/packet.js';
import { NOTHING_OBSERVED } from '../../../../src/tracker/unseen/observed.js';
import { amount } from '../../../../src/tracker/unseen/range.js';
import type { End } from '../../../../src/tracker/unseen/world.js';

type Words = readonly [from: End, flags: number, seq: number, ack: number, size?: number];

function packet([from, flags, seq, ack, size = 0]: Words, at: number): FlowPacket {
  return {
    atUs: at * 1000,
    errorUs: 1,
    from,
    kinds: ['capture'],
    flagWords: '',
    len: null,
    ipId: null,
    ttl: null,
    interface: null,
    segment: {
      atMs: at,
      errorMs: 0,
      from,
      flags,
      seq: seq >>> 0,
      ack: ack >>> 0,
      window: 5000,
      payload: amount(size),
      options: null,
      hasOptions: true,
      fault: null,
      isDropped: false,
    },
    datagram: null,
    observed: NOTHING_OBSERVED,
    message: null,
    cited: [],
  };
}

const HANDSHAKE: readonly Words[] = [
  [0, SYN, 1000, 0],
  [1, SYN | ACK, 5000, 1001],
  [0, ACK, 1001, 5001],
];
const holes = (words: readonly Words[]) => holesOf([...HANDSHAKE, ...words].map(packet));

describe('bytes that are in no record', () => {
  it('are found where the other side acknowledges them', () => {
    const found = holes([
      [0, PSH | ACK, 1001, 5001, 100],
      [0, PSH | ACK, 1301, 5001, 100],
      [1, ACK, 5001, 1401],
    ]);
    expect(found).toEqual([{ of: 0, from: 1101, to: 1301, after: 3, before: 5 }]);
  });

  it('are found when nothing followed them', () => {
    expect(holes([[1, ACK, 5001, 1201]])).toEqual([{ of: 0, from: 1001, to: 1201, after: 2, before: 3 }]);
  });

  it('are told once', () => {
    expect(
      holes([
        [1, ACK, 5001, 1201],
        [1, ACK, 5001, 1201],
        [0, PSH | ACK, 1201, 5001, 10],
        [1, ACK, 5001, 1211],
      ]),
    ).toHaveLength(1);
  });

  it('across the end of the numbers', () => {
    const near: readonly Words[] = [
      [0, SYN, -100, 0],
      [1, SYN | ACK, 5000, -99],
      [0, PSH | ACK, 151, 5001, 50],
      [1, ACK, 5001, 201],
    ];
    expect(holesOf(near.map(packet))).toEqual([{ of: 0, from: 2 ** 32 - 99, to: 151, after: 0, before: 3 }]);
  });
});

describe('no hole is', () => {
  it.each<readonly [string, readonly Words[]]>([
    [
      'a segment that was lost in front of the capture, and came again',
      [
        [0, PSH | ACK, 1101, 5001, 100],
        [1, ACK, 5001, 1001],
        [0, PSH | ACK, 1001, 5001, 100],
        [1, ACK, 5001, 1201],
      ],
    ],
    [
      'a segment that nobody acknowledged',
      [
        [0, PSH | ACK, 1101, 5001, 100],
        [1, ACK, 5001, 1001],
      ],
    ],
    [
      'a stray number',
      [
        [0, PSH | ACK, 861_577_008, 262_387_880, 20],
        [0, PSH | ACK, 1001, 5001, 20],
        [1, ACK, 5001, 1021],
      ],
    ],
    ['what a RST acknowledges', [[1, RST | ACK, 0, 1501]]],
    [
      'the end of a connection, and a keepalive',
      [
        [0, FIN | ACK, 1001, 5001],
        [1, FIN | ACK, 5001, 1002],
        [0, ACK, 1002, 5002],
        [1, ACK, 5001, 1002],
      ],
    ],
  ])('%s', (_, words) => {
    expect(holes(words)).toEqual([]);
  });

  it('in a conversation of which every packet is there, in any order and as often as one likes', () => {
    const order = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(order, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (turns, first) => {
        const had = new Set<number>();
        const words: Words[] = [
          [0, SYN, first - 1, 0],
          [1, SYN | ACK, 5000, first],
        ];
        for (const turn of turns) {
          words.push([0, PSH | ACK, first + turn * 100, 5001, 100]);
          had.add(turn);
          let whole = 0;
          while (had.has(whole)) whole += 1;
          words.push([1, ACK, 5001, first + whole * 100]);
        }
        expect(holesOf(words.map(packet))).toEqual([]);
      }),
    );
  });

  it('searched for where a number is not told', () => {
    const packets = [...HANDSHAKE, [1, ACK, 5001, 1201] as const].map(packet);
    const blunt = packets.map((one, at) => (at === 2 ? { ...one, segment: { ...one.segment!, seq: null } } : one));
    expect(holesOf(blunt)).toEqual([]);
  });
});
