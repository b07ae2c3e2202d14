// Would the comparison notice a wrong rule? Turns each rule of the model round and counts the recorded sequences that then disagree:
//   npx tsx test/oracle/run.ts --sequences 2000 --record FILE && npx tsx test/oracle/mutate.ts FILE RELEASE [FOLDER]
// With FOLDER it does not count, but writes there for each rule the shortest sequence that notices it: regression cases for the unit tests.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseKernelVersion } from '../../src/catalogue/kernel-version.js';
import { type RuleName, settleRules, TRACKER_RULES } from '../../src/tracker/rules.js';
import { type Answered, judgeSequence } from './judge.js';

const [file = '', release = '', folder] = process.argv.slice(2);
const kernel = parseKernelVersion(release)!;
const recorded = readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Answered)
  .sort((a, b) => a.sequence.steps.length - b.sequence.steps.length);
const { rules } = settleRules(kernel);

function notices(answered: Answered, name: RuleName): boolean {
  return judgeSequence(kernel, answered, { [name]: !rules[name] }).parting !== null;
}

for (const name of Object.keys(TRACKER_RULES) as RuleName[]) {
  if (folder === undefined) {
    const noticed = recorded.filter((answered) => notices(answered, name)).length;
    console.log(`${String(noticed).padStart(6)} ${rules[name] ? 'on ' : 'off'} ${name}`);
    continue;
  }
  const shortest = recorded.find((answered) => notices(answered, name));
  console.log(`${shortest?.sequence.steps.length ?? 'no'} packets: ${name}`);
  if (shortest === undefined) continue;
  const step = judgeSequence(kernel, shortest, { [name]: !rules[name] }).parting!.step;
  const cut = {
    release,
    ...shortest,
    sequence: { ...shortest.sequence, steps: shortest.sequence.steps.slice(0, step + 1) },
    answers: shortest.answers.slice(0, step + 1),
  };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(cut, null, 1)}\n`);
}
