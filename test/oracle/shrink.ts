// Which few of these packets are enough to make model and kernel disagree?

import type { KernelVersion } from '../../src/catalogue/kernel-version.js';
import type { Firewall } from './firewall.js';
import { type Disagreement, playSequences } from './play.js';
import type { Sequence } from './sequence.js';

/** Each replay takes an address of its own: the entries of the one before are still there. */
let played = 0;

/** The shortest sequence found by leaving steps out; what follows the disagreement is left out first. */
export async function shrink(firewall: Firewall, kernel: KernelVersion, from: Disagreement): Promise<Disagreement> {
  async function replay(sequence: Sequence): Promise<Disagreement | null> {
    played += 1;
    const { disagreements } = await playSequences(firewall, kernel, from.settings, [sequence], 100 + (played % 20));
    return disagreements[0] ?? null;
  }
  const { sequence } = from;
  let shortest = await replay({ ...sequence, steps: sequence.steps.slice(0, from.step + 1) });
  if (shortest === null) return from;
  for (let size = Math.ceil(shortest.sequence.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < shortest.sequence.steps.length; ) {
      const steps: Sequence['steps'] = shortest.sequence.steps.filter((_, n) => n < at || n >= at + size);
      const smaller: Disagreement | null = steps.length === 0 ? null : await replay({ ...sequence, steps });
      if (smaller === null) at += size;
      else
        shortest = { ...smaller, sequence: { ...sequence, steps: smaller.sequence.steps.slice(0, smaller.step + 1) } };
    }
  }
  return shortest;
}
