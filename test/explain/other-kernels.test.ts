// Recordings of other kernels, and what is left of them when nobody had prepared anything: `npm run test:kernels -- --incidents` plays and
// judges more of them on the kernels themselves.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { judgeRecorded, makePoor } from '../kernels/judge-recorded.js';
import { explainedFiles, FIXTURE_HOSTS, ROOT } from './explained-files.js';

const NAMES = readdirSync(FIXTURE_HOSTS).filter((name) => /-\d+\.\d+$/.test(name));

it.each(NAMES)(
  'names what happened from all evidence and from little: %s',
  async (name) => {
    const judged = await judgeRecorded(join(ROOT, 'fixtures'), [name]);
    expect(judged.map(({ evidence }) => evidence)).toEqual(['whole', 'poor']);
    for (const { said, faults } of judged) expect(faults, said).toEqual([]);
  },
  180_000,
);

it('does not say of what this host itself sent that the answer went past it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ctwhy-own-'));
  try {
    const poor = join(folder, 'poor');
    makePoor(join(FIXTURE_HOSTS, 'finwait-deleted-6.1'), poor);
    rmSync(join(poor, 'conntrack-L.txt'));
    const { db, findings } = await explainedFiles([poor]);
    db.close();
    expect(findings.map(({ finding }) => finding.class)).toContain('unresolved');
    expect(findings.map(({ finding }) => finding.class)).not.toContain('asymmetric-reply-unseen');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 180_000);
