// How many packets a second does the model of the tracker judge? `npx tsx test/bench/tracker.ts`

import { parseKernelVersion } from '../../src/catalogue/kernel-version.js';
import { ACK, PSH, SYN, type TcpPacket } from '../../src/tracker/packet.js';
import { createTracker } from '../../src/tracker/tracker.js';

const FLOWS = 2000;
const ROUNDS = 1000;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Written out in full: objects made by spreading are slow to read, and the making of packets is not what is measured. */
function makePacket(
  src: string,
  dst: string,
  sport: number,
  dport: number,
  seq: number,
  flags: number,
): Writable<TcpPacket> {
  return {
    proto: 'tcp',
    atMs: 0,
    zone: 0,
    fault: null,
    src,
    dst,
    sport,
    dport,
    seq,
    ack: 0,
    window: 1024,
    flags,
    payload: 0,
    options: null,
  };
}

/** A flow with its two packets, whose numbers are moved on. */
function makeFlow(n: number): readonly [Writable<TcpPacket>, Writable<TcpPacket>] {
  // Flat text, as a parser cuts it out of a line.
  const client = Buffer.from(`203.0.113.${n % 250}`).toString();
  const server = '198.51.100.1';
  return [
    makePacket(client, server, 1024 + n, 443, n, SYN),
    makePacket(server, client, 443, 1024 + n, 7 * n, SYN | ACK),
  ];
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

/** Both ways on every flow, ROUNDS times over. */
function exchange(): void {
  for (let turn = 0; turn < ROUNDS; turn += 1) {
    for (const [up, down] of flows) {
      up.atMs = turn;
      down.atMs = turn;
      send(down);
      down.seq = (down.seq + down.payload) >>> 0;
      up.ack = down.seq;
      send(up);
    }
  }
}

for (const [, down] of flows) {
  down.flags = ACK | PSH;
  down.payload = 500;
}
for (let round = 0; round < 4; round += 1) {
  const before = packets;
  const memory = process.memoryUsage().heapUsed;
  const begun = process.cpuUsage();
  exchange();
  const used = process.cpuUsage(begun);
  const perSecond = Math.round((packets - before) / ((used.user + used.system) / 1e6));
  const grown = ((process.memoryUsage().heapUsed - memory) / 1e6).toFixed(1);
  console.log(`${perSecond.toLocaleString('en')} packets a second of one core, ${refused} refused, heap ${grown} MB`);
}
