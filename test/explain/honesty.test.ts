// Evidence taken away never makes an answer surer: every recorded host is explained again without each of its files in turn.

import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { rankOf } from '../../src/analysis/explain/argument.js';
import { checkHonesty, type ExplainedFiles, explainedFiles, FIXTURE_HOSTS, flowKey } from './explained-files.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-honesty-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder like `host` without one file. */
function without(host: string, left: string, name: string): string {
  const twin = join(folder, name);
  mkdirSync(twin);
  for (const file of readdirSync(host)) {
    if (file !== left) copyFileSync(join(host, file), join(twin, file));
  }
  return twin;
}

/**
 * The files that are taken away: all of them with CTWHY_HONESTY=all; otherwise the manifest and every twelfth, others for each host, so
 * that each kind of file has its turn somewhere.
 */
function takenAway(name: string, files: readonly string[]): readonly string[] {
  if (process.env['CTWHY_HONESTY'] === 'all') return files;
  const turn = [...name].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0);
  return files.filter((file, index) => file === 'MANIFEST' || (index + turn) % 12 === 0);
}

/** What a host is said to be certainly: class, finer cause, flow. */
function certainties({ findings, ofHosts }: ExplainedFiles): ReadonlySet<string> {
  const ofTables = ofHosts
    .filter(({ finding }) => finding.confidence === 'certain')
    .map(({ finding, verdict }) => `${finding.class} of ${verdict.about.flowText}`);
  return new Set([
    ...ofTables,
    ...findings
      .filter(({ finding }) => finding.confidence === 'certain')
      .flatMap(({ finding, subject }) => {
        // Which flow stands for several depends on the order of their times.
        const flow = finding.flow === null ? 'several flows' : flowKey(subject);
        return [
          `${finding.class} of ${flow}`,
          ...(finding.causeConfidence === 'certain' ? [`${finding.cause} of ${flow}`] : []),
        ];
      }),
  ]);
}

describe.each(readdirSync(FIXTURE_HOSTS))('%s', (name) => {
  it('is answered no surer without any of its files', { timeout: 900_000 }, async () => {
    const host = join(FIXTURE_HOSTS, name);
    const whole = await explainedFiles([host]);
    const known = certainties(whole);
    whole.db.close();
    const surer: string[] = [];
    for (const left of takenAway(name, readdirSync(host))) {
      const twin = without(host, left, `${name}-${left}`);
      const twinned = await explainedFiles([twin]);
      const { db, findings, ofHosts } = twinned;
      for (const one of certainties(twinned)) if (!known.has(one)) surer.push(`without ${left}: certain ${one}`);
      for (const { finding, subject } of findings) {
        const same = whole.findings.find(
          (other) => other.finding.class === finding.class && flowKey(other.subject) === flowKey(subject),
        );
        if (same !== undefined && rankOf(finding.confidence) > rankOf(same.finding.confidence))
          surer.push(
            `without ${left}: ${finding.class} ${finding.confidence} instead of ${same.finding.confidence}: ${flowKey(subject)}`,
          );
      }
      expect(checkHonesty(db, [...findings, ...ofHosts]), `${name} without ${left}`).toEqual([]);
      db.close();
      rmSync(twin, { recursive: true, force: true });
    }
    expect(surer).toEqual([]);
  });
});

describe('silence', () => {
  it('is argued from nothing that was lost, not read at that time, or about something else', async () => {
    const { db, findings, ofHosts } = await explainedFiles([join(FIXTURE_HOSTS, 'asymmetric-reply-unseen')]);
    const all = [...findings, ...ofHosts];
    const silences = all.flatMap(({ finding }) => finding.evidence).filter(({ kind }) => kind === 'coverage');
    expect(silences.length).toBeGreaterThan(0);
    expect(checkHonesty(db, all)).toEqual([]);
    for (const [change, says] of [
      ["UPDATE coverage SET state = 'limited'", 'is limited'],
      ["UPDATE coverage SET state = 'complete', to_at_us = 1, from_at_us = 0", 'was not read when the packets came'],
      [
        "UPDATE coverage SET from_at_us = NULL, to_at_us = NULL; INSERT INTO coverage (host_id, what, state) SELECT host_id, what, 'lost' FROM coverage",
        'lost records then',
      ],
      ["UPDATE coverage SET what = 'sockets'", 'could not have shown it'],
      ['DELETE FROM coverage', 'is not there'],
    ] as const) {
      db.exec(change);
      expect(checkHonesty(db, all).join('\n'), change).toContain(says);
    }
    db.close();
  });
});
