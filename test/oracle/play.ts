// Sends sequences to the kernel, many side by side, and keeps what it answered to each.

import type { Firewall, KernelAnswer, Sending, Settings } from './firewall.js';
import type { Answered } from './judge.js';
import { placeOf, type Sequence } from './sequence.js';

/** Sequences begin within this time of each other, so that they mix. */
const SPREAD_MS = 400;

/**
 * Plays all sequences with these settings. Calls must differ in `batch` (an address) or `first` (the first port) by enough to share
 * no tuple: the entries of the call before are still there.
 */
export async function playSequences(
  firewall: Firewall,
  settings: Settings,
  sequences: readonly Sequence[],
  batch: number,
  first = 0,
): Promise<readonly Answered[]> {
  await firewall.configure(settings);
  const sendings = planSendings(sequences, batch, first);
  const answers = await firewall.send(sendings);
  const bySequence = new Map<Sequence, KernelAnswer[]>(sequences.map((sequence) => [sequence, []]));
  sendings.forEach((sending, at) => {
    const answer = answers[at];
    if (answer !== undefined) bySequence.get(sending.sequence)?.push(answer);
  });
  return sequences.map((sequence, n) => ({
    settings,
    sequence,
    place: placeOf(sequence.family, batch, first + n),
    answers: bySequence.get(sequence) ?? [],
  }));
}

function planSendings(sequences: readonly Sequence[], batch: number, first: number): readonly Sending[] {
  const all = sequences.flatMap((sequence, n) => {
    let atMs = sequences.length === 1 ? 0 : (n * 7919) % SPREAD_MS;
    const place = placeOf(sequence.family, batch, first + n);
    return sequence.steps.map((step) => {
      atMs += step.waitMs;
      return { atMs, step, sequence, place };
    });
  });
  // Stable: steps of one sequence at the same time keep their order.
  return all.sort((a, b) => a.atMs - b.atMs);
}
