// Sends sequences to the kernel, many side by side, and lets the model judge the same packets at the same times.

import type { KernelVersion } from '../../src/catalogue/kernel-version.js';
import type { TrackedPacket } from '../../src/tracker/packet.js';
import { createTracker } from '../../src/tracker/tracker.js';
import { differences, isTooClose } from './compare.js';
import type { Firewall, KernelAnswer, Sending, Settings } from './firewall.js';
import { packetOf, placeOf, type Sequence } from './sequence.js';

export interface Disagreement {
  readonly sequence: Sequence;
  readonly settings: Settings;
  /** Which step, from 0. */
  readonly step: number;
  readonly found: readonly string[];
}

export interface Played {
  readonly packets: number;
  /** Packets left out since a time limit was too near. */
  readonly leftOut: number;
  readonly verdicts: ReadonlyMap<string, number>;
  /** Lines that both printed, numbers taken out. */
  readonly messages: ReadonlyMap<string, number>;
  readonly disagreements: readonly Disagreement[];
}

/** Sequences begin within this time of each other, so that they mix. */
const SPREAD_MS = 400;

/** Plays all sequences with these settings; `batch` numbers the call, so that no two calls share an address and port. */
export async function playSequences(
  firewall: Firewall,
  kernel: KernelVersion,
  settings: Settings,
  sequences: readonly Sequence[],
  batch: number,
): Promise<Played> {
  await firewall.configure(settings);
  const sendings = planSendings(sequences, batch);
  const answers = await firewall.send(sendings);
  const tracker = createTracker({ kernel, sysctls: settings });
  const over = new Set<Sequence>();
  const disagreements: Disagreement[] = [];
  const verdicts = new Map<string, number>();
  const messages = new Map<string, number>();
  const seen = new Map<Sequence, number>();
  let packets = 0;
  let leftOut = 0;

  sendings.forEach((sending, at) => {
    const { sequence, step, place } = sending;
    const answer = answers[at]!;
    const number = seen.get(sequence) ?? 0;
    seen.set(sequence, number + 1);
    const packet = packetOf(step, sequence, place, answer.atMs);
    const flow = flowPacket(sequence, sending, answer);
    if (!over.has(sequence) && (isTooClose(tracker, packet) || isTooClose(tracker, flow))) over.add(sequence);
    if (over.has(sequence)) {
      leftOut += 1;
      return;
    }
    packets += 1;
    const found = differences(tracker, packet, flow, answer);
    count(verdicts, answer.verdict ?? 'none');
    for (const line of answer.messages) count(messages, line.replace(/\d+(?=\D*$|\s)/g, 'N'));
    if (found.length === 0) return;
    over.add(sequence);
    disagreements.push({ sequence, settings, step: number, found });
  });
  return { packets, leftOut, verdicts, messages, disagreements };
}

/** A packet with the tuple of the sequence's own flow, to ask the model for its entry. */
function flowPacket(sequence: Sequence, sending: Sending, answer: KernelAnswer): TrackedPacket {
  const { place } = sending;
  if (sequence.proto === 'icmp') {
    const type = sequence.family === 4 ? 8 : 128;
    return packetOf({ kind: 'query', waitMs: 0, from: 'client', type, code: 0 }, sequence, place, answer.atMs);
  }
  if (sequence.proto === 'udp')
    return packetOf({ kind: 'udp', waitMs: 0, from: 'client' }, sequence, place, answer.atMs);
  const numbers = { seq: 0, ack: 0, window: 0, payload: 0, flags: '', options: '' };
  return packetOf({ kind: 'tcp', waitMs: 0, from: 'client', ...numbers }, sequence, place, answer.atMs);
}

function planSendings(sequences: readonly Sequence[], batch: number): readonly Sending[] {
  const all = sequences.flatMap((sequence, n) => {
    let atMs = sequences.length === 1 ? 0 : (n * 7919) % SPREAD_MS;
    const place = placeOf(sequence.family, batch, n);
    return sequence.steps.map((step) => {
      atMs += step.waitMs;
      return { atMs, step, sequence, place };
    });
  });
  // Stable: steps of one sequence at the same time keep their order.
  return all.sort((a, b) => a.atMs - b.atMs);
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
