// Sequences that a real kernel has answered; each file is named after the rule of the model that it needs.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseKernelVersion } from '../../../src/catalogue/kernel-version.js';
import { type RuleName, settleRules, TRACKER_RULES } from '../../../src/tracker/rules.js';
import { type Answered, judgeSequence } from '../../oracle/judge.js';

const FOLDER = new URL('regressions/', import.meta.url);

interface Case extends Answered {
  readonly release: string;
}

const cases = readdirSync(FOLDER).map((file) => ({
  name: file.replace(/\.json$/, ''),
  read: JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Case,
}));

describe('sequences that a kernel has answered', () => {
  it('are there', () => {
    expect(cases.length).toBeGreaterThan(20);
  });

  for (const { name, read } of cases) {
    const kernel = parseKernelVersion(read.release)!;
    it(`${name}: model and kernel agree`, () => {
      expect(judgeSequence(kernel, read)).toEqual({
        packets: read.sequence.steps.length,
        leftOut: 0,
        parting: null,
      });
    });
    if (!(name in TRACKER_RULES)) continue;
    it(`${name}: would be noticed if it were wrong`, () => {
      const rule = name as RuleName;
      const { rules } = settleRules(kernel);
      expect(judgeSequence(kernel, read, { [rule]: !rules[rule] }).parting).not.toBeNull();
    });
  }
});
