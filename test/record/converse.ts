// Half a conversation each from raw sockets, for sequence numbers that no stack would choose: the firewall between sees the whole.

import { type RawSegment, sendSegments } from '../lab/raw-segments.js';
import type { Addresses, Pair } from './scene.js';

export type Said = { from: 'client' | 'server' } & Omit<RawSegment, 'sport' | 'dport'>;

/** Keeps the stacks of both hosts out of it: they would answer strangers with RSTs. */
export async function silenceStacks({ client, server }: Pair): Promise<void> {
  await client.run('iptables-legacy -t raw -A PREROUTING -p tcp -j DROP');
  await server.run('iptables-legacy -t raw -A PREROUTING -p tcp -j DROP');
}

/** One segment after the other between client:sport and server:80. */
export async function converse(
  { client, server }: Pair,
  addresses: Addresses,
  sport: number,
  segments: readonly Said[],
): Promise<void> {
  for (const { from, ...segment } of segments) {
    if (from === 'client')
      await sendSegments(client, addresses.client, addresses.server, [{ sport, dport: 80, ...segment }]);
    else await sendSegments(server, addresses.server, addresses.client, [{ sport: 80, dport: sport, ...segment }]);
  }
}

/** SYN, SYN ACK, ACK, a hundred bytes each way: client at 1101, server at 5101. */
export const OPENING: readonly Said[] = [
  { from: 'client', flags: 'S', seq: 1000, win: 64240, options: '020405b4' },
  { from: 'server', flags: 'SA', seq: 5000, ack: 1001, win: 64240, options: '020405b4' },
  { from: 'client', flags: 'A', seq: 1001, ack: 5001, win: 64240 },
  { from: 'client', flags: 'PA', seq: 1001, ack: 5001, win: 64240, size: 100 },
  { from: 'server', flags: 'PA', seq: 5001, ack: 1101, win: 64240, size: 100 },
  { from: 'client', flags: 'A', seq: 1101, ack: 5101, win: 64240 },
];
