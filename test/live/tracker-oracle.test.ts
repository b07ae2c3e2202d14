// A small, seeded slice of the comparison between the model of the tracker and the kernel under it; test/oracle/run.ts is the long one.

import { describe, expect, it } from 'vitest';
import { parseKernelVersion } from '../../src/catalogue/kernel-version.js';
import { patient } from '../lab/clock.js';
import { whyNoLab } from '../lab/lab.js';
import { openFirewall } from '../oracle/firewall.js';
import { generateSequence } from '../oracle/generate.js';
import { judgeSequence } from '../oracle/judge.js';
import { playSequences } from '../oracle/play.js';
import { PROFILES, settingsFor } from '../oracle/profiles.js';
import { createRandom } from '../oracle/random.js';

const obstacle = whyNoLab();
if (obstacle !== null) console.warn(`tracker oracle skipped: ${obstacle}`);

const SEQUENCES_A_PROFILE = 15;

describe.skipIf(obstacle !== null)('the model of the tracker', () => {
  it(
    'agrees with this kernel about every packet',
    async () => {
      const firewall = await openFirewall();
      try {
        const kernel = parseKernelVersion(firewall.release)!;
        const random = createRandom(20_260);
        let packets = 0;
        for (const [batch, profile] of PROFILES.filter((one) => !one.hasPauses).entries()) {
          const settings = settingsFor(profile, random, kernel);
          const how = { kernel, settings, hasPauses: false };
          const sequences = Array.from({ length: SEQUENCES_A_PROFILE }, () => generateSequence(random, how));
          for (const answered of await playSequences(firewall, settings, sequences, batch)) {
            const judged = judgeSequence(kernel, answered);
            expect(judged.parting, JSON.stringify(answered.sequence.steps)).toBeNull();
            packets += judged.packets;
          }
        }
        expect(packets).toBeGreaterThan(1000);
      } finally {
        await firewall.close();
      }
    },
    patient(60_000),
  );
});
