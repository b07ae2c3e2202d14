// Conversations as TCP means them: opened, used, closed, reset, begun again on the same ports, or joined in the middle.

import type { Random } from './random.js';
import type { Side, TcpStep } from './sequence.js';
import { sackOptions, synOptions, WINDOWS } from './tcp-numbers.js';

interface Peer {
  readonly side: Side;
  /** Next sequence number. */
  next: number;
  window: number;
  options: string;
}

/** The steps of one conversation, or of several on the same ports. */
export function conversation(random: Random): TcpStep[] {
  const steps: TcpStep[] = [];
  const client = newPeer(random, 'client');
  const server = newPeer(random, 'server');

  function say(peer: Peer, flags: string, payload = 0, change: Partial<TcpStep> = {}): void {
    const other = peer === client ? server : client;
    const isSyn = flags.includes('SYN');
    steps.push({
      kind: 'tcp',
      waitMs: 0,
      from: peer.side,
      flags,
      seq: peer.next,
      ack: flags.includes('ACK') ? other.next : 0,
      window: random.chance(0.1) ? random.pick(WINDOWS) : peer.window,
      payload,
      options: isSyn ? peer.options : '',
      ...change,
    });
    peer.next = (peer.next + payload + (isSyn || flags.includes('FIN') ? 1 : 0)) >>> 0;
  }

  function open(): void {
    say(client, 'SYN', random.chance(0.03) ? 10 : 0);
    if (random.chance(0.15)) again(random.chance(0.5));
    if (random.chance(0.06)) {
      // Both call at once.
      say(server, 'SYN');
      if (random.chance(0.5)) say(client, 'SYN ACK', 0, { seq: client.next - 1 });
      say(server, random.chance(0.5) ? 'SYN ACK' : 'ACK', 0, {});
      say(client, 'ACK');
      return;
    }
    if (random.chance(0.05)) say(server, 'RST ACK', 0, { seq: 0 });
    if (random.chance(0.05)) challenge();
    say(server, 'SYN ACK');
    if (random.chance(0.1)) again(random.chance(0.3));
    if (random.chance(0.95)) say(client, 'ACK');
  }

  /** The last segment once more, as it was or with a higher number and other options. */
  function again(isNewStart: boolean): void {
    const last = steps.at(-1)!;
    const by = isNewStart ? random.pick([1, 1000, 100_000, -1000]) : 0;
    steps.push({ ...last, seq: (last.seq + by) >>> 0, options: isNewStart ? synOptions(random) : last.options });
    const peer = last.from === 'client' ? client : server;
    peer.next = (peer.next + by) >>> 0;
  }

  /** The server holds an older connection: it answers the SYN with an ACK, which the client resets. */
  function challenge(): void {
    const old = random.below(2 ** 31);
    say(server, 'ACK', 0, { ack: old, seq: random.below(2 ** 31) });
    if (random.chance(0.7)) say(client, 'RST', 0, { seq: random.chance(0.8) ? old : old + 1 });
    say(client, 'SYN', 0, { seq: (client.next - 1) >>> 0 });
    client.next = (client.next - 1) >>> 0;
  }

  function talk(): void {
    for (let turn = random.below(8); turn > 0; turn -= 1) {
      const speaker = random.chance(0.5) ? client : server;
      const listener = speaker === client ? server : client;
      for (let count = 1 + random.below(3); count > 0; count -= 1) {
        say(speaker, random.chance(0.5) ? 'ACK PSH' : 'ACK', random.below(1400));
        if (random.chance(0.08)) again(false);
      }
      if (random.chance(0.1)) say(listener, 'ACK', 0, { options: sackOptions(random, speaker.next) });
      else if (random.chance(0.8)) say(listener, 'ACK');
      // A peer that answers nothing is asked again and again.
      if (random.chance(0.06)) for (let count = 2 + random.below(4); count > 0; count -= 1) again(false);
      if (random.chance(0.05)) say(speaker, 'ACK', 0, { seq: (speaker.next - 1) >>> 0 });
      if (random.chance(0.03)) overshoot(speaker);
    }
  }

  /** More than the listener allows. */
  function overshoot(speaker: Peer): void {
    speaker.next = (speaker.next + random.pick([1, 100, 30_000, 66_000, 2_000_000])) >>> 0;
    say(speaker, 'ACK', random.below(1400));
  }

  function close(): void {
    const first = random.chance(0.5) ? client : server;
    const second = first === client ? server : client;
    say(first, 'FIN ACK');
    if (random.chance(0.1)) again(false);
    if (random.chance(0.7)) say(second, 'ACK');
    if (random.chance(0.2)) say(second, 'ACK PSH', random.below(1000));
    if (random.chance(0.85)) say(second, 'FIN ACK');
    if (random.chance(0.15)) lateSyn();
    if (random.chance(0.85)) say(first, 'ACK');
    if (random.chance(0.05)) say(server, 'SYN', 0, { seq: (server.next + 70_000) >>> 0 });
    if (random.chance(0.1)) say(first, 'RST', 0);
  }

  /** The client calls again while the entry is still closing. */
  function lateSyn(): void {
    say(client, 'SYN', 0, { seq: (client.next + random.pick([1, 70_000, 0x7000_0000])) >>> 0 });
    client.next = (client.next - 1) >>> 0;
    say(server, 'ACK');
  }

  /** Both ends close a connection of which the entry knows other numbers. */
  function closeAstray(): void {
    const by = random.pick([3_000_000, -3_000_000, 0x4000_0000]);
    const peers = random.chance(0.5) ? [client, server] : [server, client];
    for (const peer of [...peers, ...(random.chance(0.3) ? peers : [])]) {
      const flags = random.pick(['FIN ACK', 'RST', 'RST ACK']);
      const { next } = peer;
      say(peer, flags, 0, { seq: (next + by) >>> 0 });
      peer.next = next;
    }
  }

  function reset(): void {
    const peer = random.chance(0.5) ? client : server;
    const seq = (peer.next + random.pick([0, 0, 0, 1, -1, -500, 20_000])) >>> 0;
    say(peer, random.chance(0.5) ? 'RST' : 'RST ACK', 0, random.chance(0.1) ? { seq: 0 } : { seq });
  }

  /** Same ports, new numbers. */
  function beginAgain(): void {
    for (const peer of [client, server]) {
      const fresh = newPeer(random, peer.side);
      peer.next = random.chance(0.6) ? (peer.next + random.pick([64_000, 1_000_000, -1000])) >>> 0 : fresh.next;
      peer.window = fresh.window;
      peer.options = fresh.options;
    }
  }

  const rounds = random.weigh([
    [1, 6],
    [2, 4],
    [3, 1],
  ] as const);
  for (let round = 0; round < rounds; round += 1) {
    if (round > 0 || !random.chance(0.12)) open();
    talk();
    if (random.chance(0.08)) closeAstray();
    if (random.chance(0.55)) close();
    else if (random.chance(0.5)) reset();
    beginAgain();
  }
  return steps;
}

function newPeer(random: Random, side: Side): Peer {
  // Near the wrap as often as not: serial arithmetic has to hold.
  const next = random.chance(0.3) ? 2 ** 32 - 1 - random.below(3000) : random.below(2 ** 32);
  return { side, next, window: random.pick(WINDOWS), options: synOptions(random) };
}
