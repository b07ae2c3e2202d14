import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Argument,
  confidenceOf,
  inferred,
  missingOf,
  open,
  rankOf,
  ruledOutBy,
  shown,
  weaker,
} from '../../../src/analysis/explain/argument.js';
import type { EvidenceItem, Missing } from '../../../src/model/finding.js';

const item: EvidenceItem = {
  kind: 'log',
  at: null,
  atErrorUs: null,
  uptimeUs: null,
  source: 'kern.log:1',
  text: 'x',
  table: 'packets',
  key: { journeyId: 1, step: 0 },
};
const ask: Missing = { what: 'events', command: 'ctwhy ingest', ask: 'conntrack -E' };
const argument = (steps: Argument['steps'], lookAlikes: Argument['lookAlikes'] = []): Argument => ({
  id: 'x',
  steps,
  lookAlikes,
});

describe('confidence', () => {
  it('is certain only when every step is shown and every look-alike is ruled out by a record', () => {
    expect(
      confidenceOf(argument([shown('a', [item]), shown('b', [item], false)], [ruledOutBy('other', 'because', [item])])),
    ).toBe('certain');
  });

  it('is not certain while a look-alike stays open, however many steps are shown', () => {
    expect(confidenceOf(argument([shown('a', [item])], [ruledOutBy('other', 'because', [], ask)]))).toBe('likely');
  });

  it('is not certain while an inessential step is open', () => {
    expect(confidenceOf(argument([shown('a', [item]), open('b', false, ask)]))).toBe('likely');
  });

  it('is possible when an essential step is only inferred', () => {
    expect(confidenceOf(argument([shown('a', [item]), inferred('b', [item])]))).toBe('possible');
  });

  it('does not hold when an essential step is open, or when there is no step at all', () => {
    expect(confidenceOf(argument([shown('a', [item]), open('b', true)]))).toBeNull();
    expect(confidenceOf(argument([]))).toBeNull();
  });

  it('takes a step without a record for open: a cause cannot claim what it does not cite', () => {
    expect(confidenceOf(argument([shown('a', [null])]))).toBeNull();
    expect(ruledOutBy('other', 'because', [null]).ruledOut).toBeNull();
  });

  it('only falls when evidence is taken away', () => {
    const stepOf = fc.record({ isShown: fc.boolean(), isEssential: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(stepOf, { minLength: 1, maxLength: 6 }),
        fc.array(fc.boolean(), { maxLength: 4 }),
        fc.nat(9),
        (steps, ruled, at) => {
          const build = (without: number | null) =>
            argument(
              steps.map((step, index) =>
                step.isShown && index !== without ? shown('s', [item], step.isEssential) : open('s', step.isEssential),
              ),
              ruled.map((isRuled, index) =>
                ruledOutBy('o', 'b', isRuled && steps.length + index !== without ? [item] : []),
              ),
            );
          const less = at % (steps.length + ruled.length);
          return rankOf(confidenceOf(build(less))) <= rankOf(confidenceOf(build(null)));
        },
      ),
    );
  });
});

describe('what is missing', () => {
  it('names each thing once, from open steps and open look-alikes', () => {
    const missing = missingOf(
      argument(
        [open('a', false, ask), inferred('b', [item], false, ask)],
        [ruledOutBy('o', 'b', [], { ...ask, what: 'sockets' })],
      ),
    );
    expect(missing.map((one) => one.what)).toEqual(['events', 'sockets']);
  });
});

describe('weaker', () => {
  it('is the lower of two', () => {
    expect(weaker('certain', 'possible')).toBe('possible');
    expect(weaker('likely', 'certain')).toBe('likely');
  });
});
