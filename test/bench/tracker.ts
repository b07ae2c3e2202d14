// How many packets a second does the model of the tracker judge? `npx tsx test/bench/tracker.ts`

import { parseKernelVersion } from '../../src/catalogue/kernel-version.js';
import { ACK, PSH, SYN, type TcpPacket } from '../../src/tracker/packet.js';
import { createTracker } from '../../src/tracker/tracker.js';

const FLOWS = 2000;
const ROUNDS = 1000;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A flow with its two packets, whose numbers are moved on: what is measured is the model, not the making of packets. */
function makeFlow(n: number): readonly [Writable<TcpPacket>, Writable<TcpPacket>] {
  const common = { proto: 'tcp', atMs: 0, zone: 0, fault: null, window: 1024, payload: 0, options: null } as const;
  const client = `203.0.113.${n % 250}`;
  const up = { ...common, src: client, dst: '198.51.100.1', sport: 1024 + n, dport: 443, seq: n, ack: 0, flags: SYN };
  const down = {
    ...common,
    src: '198.51.100.1',
    dst: client,
    sport: 443,
    dport: 1024 + n,
    seq: 7 * n,
    ack: 0,
    flags: SYN | ACK,
  };
  return [up, down];
}

const tracker = createTracker({ kernel: parseKernelVersion('6.18')!, sysctls: {} });
const flows = Array.from({ length: FLOWS }, (_, n) => makeFlow(n));
let packets = 0;
let refused = 0;

function send(packet: TcpPacket): void {
  packets += 1;
  if (tracker.track(packet).verdict === 'INVALID') refused += 1;
}

for (const [up, down] of flows) {
  send(up);
  down.ack = up.seq + 1;
  send(down);
  up.seq += 1;
  down.seq += 1;
  up.ack = down.seq;
  up.flags = ACK;
  down.flags = ACK;
  send(up);
}

for (let round = 0; round < 3; round += 1) {
  const before = packets;
  const memory = process.memoryUsage().heapUsed;
  const begun = performance.now();
  for (let turn = 0; turn < ROUNDS; turn += 1) {
    for (const [up, down] of flows) {
      up.atMs = turn;
      down.atMs = turn;
      down.flags = ACK | PSH;
      down.payload = 500;
      send(down);
      down.seq = (down.seq + 500) >>> 0;
      up.ack = down.seq;
      send(up);
    }
  }
  const seconds = (performance.now() - begun) / 1000;
  const perSecond = Math.round((packets - before) / seconds);
  const grown = ((process.memoryUsage().heapUsed - memory) / 1e6).toFixed(1);
  console.log(`${perSecond.toLocaleString('en')} packets/s, ${refused} refused, heap ${grown} MB`);
}
