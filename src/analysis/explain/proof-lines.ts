// Steps of an argument as lines of a story: for proof that is neither a packet nor an event nor the rule that ended it.

import type { StoryLine } from '../../model/finding.js';
import type { Step } from './argument.js';
import { joinSources } from './join-sources.js';

/** A line for each step that a record shows; the label stands before the first. */
export function proofLines(label: string, steps: readonly Step[]): readonly StoryLine[] {
  return steps
    .filter((step) => step.is === 'shown' && step.evidence.length > 0)
    .map((step, index) => ({
      label: index === 0 ? label : '',
      says: step.says,
      source: joinSources(step.evidence.map((item) => item.source)),
      raw: step.evidence.map((item) => item.text),
    }));
}
