// Lets the model judge the packets of one sequence at the times at which the kernel saw them, and tells where the two part.

import type { KernelVersion } from '../../src/catalogue/kernel-version.js';
import type { TrackedPacket } from '../../src/tracker/packet.js';
import type { Rules } from '../../src/tracker/rules.js';
import { createTracker } from '../../src/tracker/tracker.js';
import { differences, isTooClose } from './compare.js';
import type { KernelAnswer, Settings } from './firewall.js';
import { type Place, packetOf, type Sequence } from './sequence.js';

/** A sequence with what the kernel said to each of its packets. */
export interface Answered {
  readonly settings: Settings;
  readonly sequence: Sequence;
  readonly place: Place;
  readonly answers: readonly KernelAnswer[];
}

export interface Judgement {
  /** Packets compared, up to and with the first disagreement. */
  readonly packets: number;
  /** Packets left out since a time limit was too near to one of them. */
  readonly leftOut: number;
  /** The first step at which they part, from 0, and what differs there; NULL: they agree. */
  readonly parting: { readonly step: number; readonly found: readonly string[] } | null;
}

/** An answer that took no longer than this does not blur the times. */
const USUAL_MS = 5;

/** `rules` sets rules of the model against what the version says, to see whether the sequence would notice. */
export function judgeSequence(kernel: KernelVersion, answered: Answered, rules: Partial<Rules> = {}): Judgement {
  const { settings, sequence, place, answers } = answered;
  const tracker = createTracker({ kernel, sysctls: settings, rules });
  let blurMs = 0;
  for (const [step, one] of sequence.steps.entries()) {
    const answer = answers[step]!;
    // The first thousandths of a second are within what compare.ts allows anyway.
    blurMs = Math.max(blurMs, (answer.spentMs ?? 0) - USUAL_MS);
    const packet = packetOf(one, sequence, place, answer.atMs);
    const flow = flowPacket(sequence, place, answer.atMs);
    if (isTooClose(tracker, packet, blurMs) || isTooClose(tracker, flow, blurMs)) {
      return { packets: step, leftOut: sequence.steps.length - step, parting: null };
    }
    const found = differences(tracker, packet, flow, answer, blurMs);
    if (found.length > 0) return { packets: step + 1, leftOut: 0, parting: { step, found } };
  }
  return { packets: sequence.steps.length, leftOut: 0, parting: null };
}

/** A packet with the tuple of the sequence's own flow, to ask the model for its entry. */
function flowPacket(sequence: Sequence, place: Place, atMs: number): TrackedPacket {
  if (sequence.proto === 'icmp') {
    const type = sequence.family === 4 ? 8 : 128;
    return packetOf({ kind: 'query', waitMs: 0, from: 'client', type, code: 0 }, sequence, place, atMs);
  }
  if (sequence.proto === 'udp') return packetOf({ kind: 'udp', waitMs: 0, from: 'client' }, sequence, place, atMs);
  const numbers = { seq: 0, ack: 0, window: 0, payload: 0, flags: '', options: '' };
  return packetOf({ kind: 'tcp', waitMs: 0, from: 'client', ...numbers }, sequence, place, atMs);
}
