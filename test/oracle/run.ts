// The long comparison with the kernel of this machine, started by hand as root, or with a Debian kernel in QEMU (5.10, 6.1, 6.12, newest):
//   npx tsx test/oracle/run.ts --sequences 5000 --seed 1 [--kernel 6.1] [--batch 250] [--shrunk 3] [--keep FOLDER] [--record FILE]
// Disagreements are printed and kept as files in FOLDER, the first ones of each batch shrunk to the shortest sequence that still disagrees.
// FILE gets every sequence with the kernel's answers, one a line (what mutate.ts reads).

import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type KernelVersion, parseKernelVersion } from '../../src/catalogue/kernel-version.js';
import { openLab, whyNoLab } from '../lab/lab.js';
import { openFirewall } from './firewall.js';
import { generateSequence } from './generate.js';
import { openGuestLab, whyNoGuest } from './guest-lab.js';
import { type Answered, judgeSequence } from './judge.js';
import { playSequences } from './play.js';
import { PROFILES, settingsFor } from './profiles.js';
import { createRandom } from './random.js';
import { shrink } from './shrink.js';

const { values } = parseArgs({
  options: {
    sequences: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    batch: { type: 'string', default: '250' },
    shrunk: { type: 'string', default: '3' },
    keep: { type: 'string' },
    record: { type: 'string' },
    kernel: { type: 'string' },
  },
});

const obstacle = values.kernel === undefined ? whyNoLab() : whyNoGuest(values.kernel);
if (obstacle !== null) {
  console.error(`cannot compare with the kernel: ${obstacle}`);
  process.exitCode = 2;
} else {
  process.exitCode = await run(Number(values.sequences), Number(values.seed), Number(values.batch));
}

async function run(wanted: number, seed: number, batchSize: number): Promise<number> {
  const lab = values.kernel === undefined ? openLab() : openGuestLab(values.kernel);
  const firewall = await openFirewall(lab);
  const kernel = parseKernelVersion(firewall.release)!;
  const random = createRandom(seed);
  const said = new Map<string, number>();
  const totals = { sequences: 0, packets: 0, leftOut: 0, disagreements: 0 };
  const begunMs = Date.now();
  try {
    for (let batch = 0; totals.sequences < wanted; batch += 1) {
      const profile = PROFILES[batch % PROFILES.length]!;
      const settings = settingsFor(profile, random, kernel);
      const how = { kernel, settings, hasPauses: profile.hasPauses };
      const size = Math.min(batchSize, wanted - totals.sequences);
      const sequences = Array.from({ length: size }, () => generateSequence(random, how));
      const first = Math.floor(batch / 100) * batchSize;
      const all = await playSequences(firewall, settings, sequences, batch % 100, first);
      if (values.record !== undefined)
        appendFileSync(values.record, all.map((one) => `${JSON.stringify(one)}\n`).join(''));
      const parted: Answered[] = [];
      for (const answered of all) {
        const { packets, leftOut, parting } = judgeSequence(kernel, answered);
        totals.packets += packets;
        totals.leftOut += leftOut;
        if (parting !== null) parted.push(answered);
        for (const answer of answered.answers) countSaid(said, answer.verdict, answer.messages);
      }
      totals.sequences += size;
      totals.disagreements += parted.length;
      for (const [n, answered] of parted.entries()) {
        tell(kernel, n < Number(values.shrunk) ? await shrink(firewall, kernel, answered) : answered, profile.name);
      }
      const seconds = ((Date.now() - begunMs) / 1000).toFixed(0);
      console.log(`${JSON.stringify(totals)} after ${seconds} s (${profile.name})`);
    }
  } finally {
    await firewall.close();
  }
  for (const [line, times] of [...said].sort((a, b) => b[1] - a[1]))
    console.log(`${String(times).padStart(8)} ${line}`);
  console.log(`kernel ${firewall.release}, seed ${seed}: ${JSON.stringify(totals)}`);
  return totals.disagreements === 0 ? 0 : 1;
}

function tell(kernel: KernelVersion, answered: Answered, profile: string): void {
  const parting = judgeSequence(kernel, answered).parting;
  console.log(`\ndisagreement at step ${parting?.step} (${profile} ${JSON.stringify(answered.settings)}):`);
  for (const line of parting?.found ?? ['it does not disagree when it is played alone']) console.log(`  ${line}`);
  for (const [n, step] of answered.sequence.steps.entries()) console.log(`  ${n} ${JSON.stringify(step)}`);
  if (values.keep === undefined) return;
  mkdirSync(values.keep, { recursive: true });
  const name = `${answered.sequence.proto}-${parting?.found[0]?.split(':')[0]?.replaceAll(' ', '-')}-${Date.now()}.json`;
  writeFileSync(join(values.keep, name), `${JSON.stringify(answered, null, 2)}\n`);
}

/** Numbers of a line are taken out, so that lines of a kind are counted together. */
function countSaid(said: Map<string, number>, verdict: string | null, messages: readonly string[]): void {
  const lines = messages.map((line) =>
    line.replace(/(?<=bound |outer .*|^\S+ )\d+/g, 'N').replace(/daddr.*/, 'daddr …'),
  );
  for (const line of [verdict ?? 'no verdict', ...lines]) said.set(line, (said.get(line) ?? 0) + 1);
}
