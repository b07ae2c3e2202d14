// Which few of these packets are enough to make model and kernel disagree?

import type { KernelVersion } from '../../src/catalogue/kernel-version.js';
import type { Rules } from '../../src/tracker/rules.js';
import type { Firewall } from './firewall.js';
import { type Answered, judgeSequence } from './judge.js';
import { playSequences } from './play.js';
import type { Sequence } from './sequence.js';

/** Batches from here on belong to replays; each takes a tuple of its own, for the entries of those before are still there. */
const SPARE_BATCH = 100;
let played = 0;

/**
 * The shortest sequence found by leaving steps out that still disagrees, cut behind the disagreement; the one given when it does not
 * disagree again. `rules` sets rules of the model against what the version says.
 */
export async function shrink(
  firewall: Firewall,
  kernel: KernelVersion,
  from: Answered,
  rules: Partial<Rules> = {},
): Promise<Answered> {
  async function replay(steps: Sequence['steps']): Promise<Answered | null> {
    if (steps.length === 0) return null;
    played += 1;
    const [batch, first] = [SPARE_BATCH + (played % 20), Math.floor(played / 20)];
    const [answered] = await playSequences(firewall, from.settings, [{ ...from.sequence, steps }], batch, first);
    const parting = judgeSequence(kernel, answered!, rules).parting;
    return parting === null ? null : cutBehind(answered!, parting.step);
  }

  const begin = judgeSequence(kernel, from, rules).parting?.step ?? from.sequence.steps.length - 1;
  let shortest = await replay(from.sequence.steps.slice(0, begin + 1));
  if (shortest === null) return from;
  for (let size = Math.ceil(shortest.sequence.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < shortest.sequence.steps.length; ) {
      const smaller: Answered | null = await replay(shortest.sequence.steps.filter((_, n) => n < at || n >= at + size));
      if (smaller === null) at += size;
      else shortest = smaller;
    }
  }
  return shortest;
}

function cutBehind(answered: Answered, step: number): Answered {
  const { sequence, answers } = answered;
  return {
    ...answered,
    sequence: { ...sequence, steps: sequence.steps.slice(0, step + 1) },
    answers: answers.slice(0, step + 1),
  };
}
