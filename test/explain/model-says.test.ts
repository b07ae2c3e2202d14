// The model of the tracker as one more piece of evidence: it agrees with the kernel, contradicts it and makes an answer less sure, or names the
// check where the kernel was silent.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Argument, confidenceOf, type Step, shown } from '../../src/analysis/explain/argument.js';
import { withModel } from '../../src/analysis/explain/model-says.js';
import type { EvidenceItem } from '../../src/model/finding.js';
import { runCommand } from '../helpers/run-command.js';
import { patient } from '../lab/clock.js';
import { checkHonesty, explainedFiles, FIXTURE_HOSTS } from './explained-files.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-model-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Change = (file: string, text: string) => string;

/** A recorded host with some of its files changed. */
function changed(name: string, files: readonly string[], change: Change): string {
  const host = mkdtempSync(join(folder, `${name}-`));
  cpSync(join(FIXTURE_HOSTS, name), host, { recursive: true });
  for (const file of files) writeFileSync(join(host, file), change(file, readFileSync(join(host, file), 'utf8')));
  return host;
}

const HOST = 'window-scale-stripped';
const EVIDENCE: EvidenceItem = {
  kind: 'log',
  at: null,
  atErrorUs: null,
  uptimeUs: null,
  source: 'kern.log:1',
  text: 'a line',
  table: 'packets',
  key: { journeyId: 1, step: 0 },
};

/** What the model says of the packets that were INVALID. */
async function saidOf(host: string): Promise<{ readonly model: Step | undefined }> {
  const { db, findings } = await explainedFiles([host]);
  expect(checkHonesty(db, findings)).toEqual([]);
  db.close();
  const { verdict } = findings.find((one) => one.finding.outcome === 'INVALID')!;
  return { model: verdict.argument.steps.find(({ says }) => /\bmodel\b/.test(says)) };
}

describe('the model in explain', () => {
  it(
    'agrees: one more step that is shown',
    async () => {
      const { model } = await saidOf(join(FIXTURE_HOSTS, HOST));
      expect(model?.says).toBe('the model of the tracker answers the same: tcp-seq-over-upper-bound');
      expect([model?.is, model?.evidence[0]?.kind]).toEqual(['shown', 'model']);
      expect(model?.evidence[0]?.source).toContain('ctwhy replay --flow');
    },
    patient(120_000),
  );

  it(
    'disagrees: it is said, and the answer is less sure',
    async () => {
      // With these settings the kernel cannot have refused it.
      const host = changed(HOST, ['sysctl.txt'], (_, text) => text.replace(/(nf_conntrack_tcp_be_liberal = )0/, '$11'));
      const { model } = await saidOf(host);
      expect(model?.says).toBe(
        'the model of the tracker says something else where the kernel said tcp-seq-over-upper-bound: packets or settings are missing here',
      );
      const sure: Argument = { id: 'x', steps: [shown('it is so', [EVIDENCE])], lookAlikes: [] };
      expect([confidenceOf(sure), confidenceOf(withModel(sure, model!))]).toEqual(['certain', 'likely']);
      const { stdout } = await runCommand(['explain', '-r', host], { width: 200 });
      expect(stdout.replace(/\s+/g, ' ')).toContain('the model of the tracker says something else where');
    },
    patient(120_000),
  );

  it(
    'fills a silence: log_invalid was off, the packets tell which check it was',
    async () => {
      const host = changed(HOST, ['kern.log', 'MANIFEST', 'sysctl.txt'], (file, text) =>
        file === 'sysctl.txt'
          ? text.replace(/(nf_conntrack_log_invalid = )6/, '$10')
          : text.replace(/^(.*nf_ct_proto_6: .*|coverage log-invalid.*)\n/gm, ''),
      );
      const { model } = await saidOf(host);
      expect(model?.says).toContain('by the model the check that failed is tcp-seq-over-upper-bound: ');
      expect(model?.is).toBe('shown');
    },
    patient(120_000),
  );
});
