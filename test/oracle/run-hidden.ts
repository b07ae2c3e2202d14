// The long random test of the model where packets were not seen; it needs no kernel and no root:
//   npx tsx test/oracle/run-hidden.ts --sequences 2000 --seed 1 [--hiding numbers]
// Each way to hide, or the named one, is played with as many conversations; what the model says wrongly is printed with its seed.

import { parseArgs } from 'node:util';
import { HIDINGS, playHidden } from './hidden.js';

const { values } = parseArgs({
  options: {
    sequences: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    hiding: { type: 'string' },
  },
});
const first = Number(values.seed);
const count = Number(values.sequences);
let wrong = 0;
for (const [name, hiding] of Object.entries(HIDINGS)) {
  if (values.hiding !== undefined && values.hiding !== name) continue;
  const totals = { sequences: 0, judged: 0, sure: 0, wrong: 0 };
  for (let seed = first; seed < first + count; seed += 1) {
    const { judged, sure, faults } = playHidden(seed, hiding);
    totals.sequences += 1;
    totals.judged += judged;
    totals.sure += sure;
    totals.wrong += faults.length;
    for (const fault of faults) console.log(`${name}: ${fault}`);
  }
  wrong += totals.wrong;
  console.log(`${name}: ${JSON.stringify(totals)}`);
}
process.exitCode = wrong === 0 ? 0 : 1;
