// Random sequences of packets, from a seed: conversations that mostly obey TCP, with everything that goes wrong on real paths, and
// segments whose numbers lie just at the bounds that the model computed.

import { ICMPV6_REDIRECT } from '../../src/catalogue/icmp-types.js';
import type { KernelVersion } from '../../src/catalogue/kernel-version.js';
import type { TcpMemory, TcpSide } from '../../src/tracker/entry.js';
import { createTracker, type Tracker } from '../../src/tracker/tracker.js';
import { conversation } from './conversation.js';
import type { Settings } from './firewall.js';
import type { Random } from './random.js';
import {
  type ErrorStep,
  type Place,
  packetOf,
  placeOf,
  type Sequence,
  type Side,
  type Step,
  type TcpStep,
} from './sequence.js';
import { sackOptions, synOptions, WINDOWS } from './tcp-numbers.js';

export interface Generation {
  readonly kernel: KernelVersion;
  readonly settings: Settings;
  /** Pauses long enough for timeouts of one or two seconds. */
  readonly hasPauses: boolean;
}

const MOST_PAUSES = 3;
const PAUSES_MS = [1300, 1300, 2300];

const WILD_FLAGS = [
  ['ACK', 30],
  ['ACK PSH', 10],
  ['SYN', 14],
  ['SYN ACK', 10],
  ['FIN ACK', 12],
  ['RST', 14],
  ['RST ACK', 10],
  ['ACK URG', 1],
  ['FIN ACK URG', 1],
  ['SYN URG', 1],
  ['SYN ECE CWR', 2],
  ['SYN ACK ECE', 1],
  ['RST ACK PSH', 1],
  ['FIN', 1],
  ['SYN FIN', 1],
  ['SYN RST', 1],
  ['', 1],
] as const;

/** One sequence; the same random state gives the same one. */
export function generateSequence(random: Random, how: Generation): Sequence {
  const family = random.chance(0.15) ? 6 : 4;
  const proto = random.weigh([
    ['tcp', 82],
    ['udp', 9],
    ['icmp', 9],
  ] as const);
  const plan = proto === 'tcp' ? tcpPlan(random) : queryPlan(random, family, proto);
  // The model is asked on the way what numbers would be interesting; its answers are not trusted further than that.
  const tracker = createTracker({ kernel: how.kernel, sysctls: how.settings });
  const place = placeOf(family, 0, 0);
  const steps: Step[] = [];
  let pauses = 0;
  let nowMs = 0;

  function add(step: Step): void {
    const isPause = how.hasPauses && pauses < MOST_PAUSES && random.chance(proto === 'tcp' ? 0.1 : 0.25);
    if (isPause) pauses += 1;
    const timed = { ...step, waitMs: isPause ? random.pick(PAUSES_MS) : 0 };
    nowMs += timed.waitMs;
    steps.push(timed);
    tracker.track(packetOf(timed, { family, proto, steps }, place, nowMs));
  }

  const wildness = random.pick([0, 0.05, 0.2, 0.6]);
  for (const step of plan) {
    if (proto === 'tcp' && random.chance(wildness)) add(wildSegment(random, tracker, place, nowMs));
    if (random.chance(proto === 'tcp' ? 0.02 : 0.15)) add(errorStep(random, family));
    if (random.chance(0.03)) continue;
    add(step.kind === 'tcp' && random.chance(wildness / 3) ? bent(random, step, tracker, place, nowMs) : step);
    if (random.chance(0.03)) add(step);
  }
  return { family, proto, steps };
}

/** A conversation, out of order here and there. */
function tcpPlan(random: Random): TcpStep[] {
  const plan = conversation(random);
  for (let at = 1; at < plan.length; at += 1) {
    if (random.chance(0.03)) [plan[at - 1], plan[at]] = [plan[at]!, plan[at - 1]!];
  }
  return plan;
}

/** Multicast listeners, neighbour discovery, redirects, node information, and what no kernel knows. */
const ODD_ICMPV6_TYPES = [
  ...[128, 129, 130, 131, 132, 133, 134, 135, 136, 137],
  ...[138, 139, 140, 141, 142, 143, 144, 151, 152, 160, 200],
];

function queryPlan(random: Random, family: 4 | 6, proto: 'udp' | 'icmp'): Step[] {
  return Array.from({ length: 2 + random.below(10) }, (): Step => {
    const from: Side = random.chance(0.5) ? 'client' : 'server';
    const faulty = random.chance(0.08)
      ? {
          fault: random.pick(
            proto === 'udp'
              ? (['short', 'truncated', 'bad-checksum', 'no-ports'] as const)
              : (['short', 'bad-checksum'] as const),
          ),
        }
      : {};
    if (proto === 'udp') return { kind: 'udp', waitMs: 0, from, ...faulty };
    const usual = from === 'client' ? [8, 128] : [0, 129];
    const odd =
      family === 4 ? random.pick([0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 19, 30, 42]) : random.pick(ODD_ICMPV6_TYPES);
    const type = random.chance(0.3) ? odd : usual[family === 4 ? 0 : 1]!;
    return { kind: 'query', waitMs: 0, from, type, code: random.chance(0.05) ? 1 : 0, ...faulty };
  });
}

const ERRORS: Readonly<Record<4 | 6, readonly (readonly [number, number])[]>> = {
  4: [
    [3, 1],
    [3, 3],
    [3, 4],
    [11, 0],
    [12, 0],
    [4, 0],
    [5, 1],
  ],
  6: [
    [1, 0],
    [1, 4],
    [2, 0],
    [3, 0],
    [4, 1],
    [100, 0],
    [137, 0],
    [137, 1],
  ],
};

function errorStep(random: Random, family: 4 | 6): ErrorStep {
  const [type, code] = random.pick(ERRORS[family]);
  const quotes: Side = random.chance(0.6) ? 'client' : 'server';
  const usual: Side = quotes === 'client' ? 'server' : 'client';
  return {
    kind: 'error',
    waitMs: 0,
    from: usual,
    type,
    code,
    quotes,
    quotedBytes: random.chance(0.1) ? random.pick([2, 3]) : 8,
    isAstray: random.chance(0.15),
    ...(type === ICMPV6_REDIRECT && random.chance(0.2) ? { isFromAfar: true } : {}),
  };
}

/** A segment of a conversation with one thing about it changed. */
function bent(random: Random, step: TcpStep, tracker: Tracker, place: Place, nowMs: number): TcpStep {
  const wild = wildSegment(random, tracker, place, nowMs, step.from);
  const kind = random.below(6);
  if (kind === 0) return { ...step, seq: wild.seq };
  if (kind === 1) return { ...step, ack: wild.ack };
  if (kind === 2) return { ...step, window: wild.window };
  if (kind === 3) return { ...step, flags: wild.flags };
  if (kind === 4) return { ...step, options: wild.options };
  return { ...step, fault: random.pick(['bad-checksum', 'truncated', 'short', 'no-ports'] as const) };
}

/** Any flags, any side, numbers at and around what the model holds of the entry. */
function wildSegment(random: Random, tracker: Tracker, place: Place, nowMs: number, side?: Side): TcpStep {
  const from = side ?? (random.chance(0.5) ? 'client' : 'server');
  const flags = random.weigh(WILD_FLAGS);
  const plain: TcpStep = {
    kind: 'tcp',
    waitMs: 0,
    from,
    flags,
    seq: Math.floor(random.next() * 2 ** 32),
    ack: random.chance(0.3) ? 0 : Math.floor(random.next() * 2 ** 32),
    window: random.pick(WINDOWS),
    payload: random.chance(0.4) ? random.below(1400) : 0,
    options: random.chance(0.4) ? '' : randomOptions(random, flags),
  };
  const packet = packetOf(plain, { family: 4, proto: 'tcp', steps: [] }, place, nowMs);
  const entry = tracker.peek(packet);
  if (entry === null) return plain;
  const dir = entry.original.src === packet.src ? 0 : 1;
  const sender = entry.tcp.sides[dir];
  const receiver = entry.tcp.sides[dir === 0 ? 1 : 0];
  const numbers = {
    seq: random.pick(seqsOf(sender, receiver, entry.tcp)),
    ack: random.pick(acksOf(sender, receiver, entry.tcp)),
  };
  const seq = random.chance(0.06) ? plain.seq : numbers.seq + random.pick([0, 0, 0, 1, -1, 2, -2, 500]);
  const ack = random.chance(0.06) ? plain.ack : numbers.ack + random.pick([0, 0, 0, 0, 1, -1, 2]);
  // The end of the segment is as interesting as its beginning.
  const begin = random.chance(0.3) ? seq - plain.payload : seq;
  const options = random.chance(0.2) ? sackOptions(random, receiver.end) : plain.options;
  return { ...plain, seq: begin >>> 0, ack: random.chance(0.04) ? 0 : ack >>> 0, options };
}

function seqsOf(sender: TcpSide, receiver: TcpSide, tcp: TcpMemory): readonly number[] {
  return [
    sender.end,
    sender.end,
    sender.end,
    sender.maxEnd,
    sender.maxEnd + 1,
    sender.maxEnd + receiver.maxWin,
    sender.end - receiver.maxWin,
    sender.end - receiver.maxWin - 1,
    receiver.maxAck,
    receiver.maxAck,
    tcp.lastEnd,
    tcp.lastAck,
    tcp.lastSeq,
    0,
  ];
}

function acksOf(sender: TcpSide, receiver: TcpSide, tcp: TcpMemory): readonly number[] {
  return [
    receiver.end,
    receiver.end,
    receiver.end,
    receiver.end,
    receiver.end - 66_000,
    receiver.end - 66_001,
    receiver.end - sender.maxWin,
    receiver.end - sender.maxWin - 1,
    tcp.lastEnd,
    tcp.lastAck,
  ];
}

/** Options of a SYN, SACK blocks, timestamps, and broken ones; hex, padded to four bytes. */
function randomOptions(random: Random, flags: string): string {
  if (flags.includes('SYN')) return synOptions(random);
  return random.pick([
    '0101080a0000000100000002',
    '01010402',
    '00000000',
    '0103030a',
    'fe04ffff',
    '01010501',
    '0101050a00000001',
    '0500ffff',
  ]);
}
