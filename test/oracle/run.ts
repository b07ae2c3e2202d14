// The long comparison with the kernel of this machine, started by hand as root:
//   npx tsx test/oracle/run.ts --sequences 5000 --seed 1 [--batch 500] [--keep FOLDER]
// Disagreements are shrunk to the shortest sequence that still disagrees, printed, and kept as files in FOLDER.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseKernelVersion } from '../../src/catalogue/kernel-version.js';
import { whyNoLab } from '../lab/lab.js';
import { openFirewall } from './firewall.js';
import { generateSequence } from './generate.js';
import { type Disagreement, playSequences } from './play.js';
import { PROFILES } from './profiles.js';
import { createRandom } from './random.js';
import { shrink } from './shrink.js';

const MOST_SHRUNK_A_BATCH = 3;

const { values } = parseArgs({
  options: {
    sequences: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    batch: { type: 'string', default: '250' },
    keep: { type: 'string' },
  },
});

const obstacle = whyNoLab();
if (obstacle !== null) {
  console.error(`cannot compare with the kernel: ${obstacle}`);
  process.exitCode = 2;
} else {
  process.exitCode = await run(Number(values.sequences), Number(values.seed), Number(values.batch));
}

async function run(wanted: number, seed: number, batchSize: number): Promise<number> {
  const firewall = await openFirewall();
  const kernel = parseKernelVersion(firewall.release)!;
  const random = createRandom(seed);
  const verdicts = new Map<string, number>();
  const messages = new Map<string, number>();
  const found: Disagreement[] = [];
  let batch = 0;
  let played = 0;
  let packets = 0;
  let leftOut = 0;
  const begun = Date.now();
  try {
    while (played < wanted) {
      const profile = PROFILES[batch % PROFILES.length]!;
      const settings = profile.settings(random);
      const how = { kernel, settings, hasPauses: profile.hasPauses };
      const sequences = Array.from({ length: Math.min(batchSize, wanted - played) }, () =>
        generateSequence(random, how),
      );
      const result = await playSequences(firewall, kernel, settings, sequences, batch);
      played += sequences.length;
      packets += result.packets;
      leftOut += result.leftOut;
      addAll(verdicts, result.verdicts);
      addAll(messages, result.messages);
      for (const [n, disagreement] of result.disagreements.entries()) {
        const shortest = n < MOST_SHRUNK_A_BATCH ? await shrink(firewall, kernel, disagreement) : disagreement;
        found.push(shortest);
        tell(shortest, profile.name);
      }
      batch += 1;
      console.log(
        `${played} sequences, ${packets} packets, ${found.length} disagreements (${profile.name}; ${seconds(begun)} s)`,
      );
    }
  } finally {
    firewall.close();
  }
  console.log(
    `kernel ${firewall.release}, seed ${seed}: ${packets} packets in ${played} sequences, ${leftOut} left out`,
  );
  for (const map of [verdicts, messages]) {
    for (const [key, times] of [...map].sort((a, b) => b[1] - a[1])) console.log(`${String(times).padStart(8)} ${key}`);
  }
  console.log(`${found.length} disagreements`);
  return found.length === 0 ? 0 : 1;
}

function tell(disagreement: Disagreement, profile: string): void {
  const { sequence, settings, step, found } = disagreement;
  console.log(`\ndisagreement at step ${step} (${profile} ${JSON.stringify(settings)}):`);
  for (const line of found) console.log(`  ${line}`);
  for (const [n, one] of sequence.steps.entries()) console.log(`  ${n} ${JSON.stringify(one)}`);
  if (values.keep === undefined) return;
  mkdirSync(values.keep, { recursive: true });
  const name = `${sequence.proto}-${found[0]?.split(':')[0]?.replaceAll(' ', '-')}-${Date.now()}.json`;
  writeFileSync(join(values.keep, name), `${JSON.stringify({ settings, sequence, found }, null, 2)}\n`);
}

function addAll(into: Map<string, number>, from: ReadonlyMap<string, number>): void {
  for (const [key, times] of from) into.set(key, (into.get(key) ?? 0) + times);
}

function seconds(begun: number): string {
  return ((Date.now() - begun) / 1000).toFixed(0);
}
