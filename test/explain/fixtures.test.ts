// Every recorded host is explained, and what is said is held against what really happened and against the store.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tellOfHost } from '../../src/analysis/explain/host-findings.js';
import { tell } from '../../src/analysis/explain/narrative.js';
import type { Confidence } from '../../src/model/finding.js';
import { checkHonesty, type ExplainedFiles, explainedFiles, FIXTURE_HOSTS, ROOT } from './explained-files.js';
import { foreignWords, kindsOfTables } from './foreign-words.js';

interface Truth {
  readonly class: string;
  readonly cause: string | null;
  readonly confidenceAtMost: Confidence;
  readonly causeConfidenceAtMost?: Confidence | null;
  readonly outcome: string;
  readonly droppedBy: { readonly table: string; readonly chain: string; readonly rule: number | 'policy' } | null;
}
const truths = JSON.parse(readFileSync(join(ROOT, 'fixtures/truths.json'), 'utf8')) as Record<string, Truth>;

/** Classes this version argues; the others must come out as unresolved, or as something less than certain. */
const ARGUED = [
  'entry-gone',
  'rule-decided',
  'malformed',
  'normal',
  'asymmetric-syn-unseen',
  'asymmetric-reply-unseen',
  'table-full',
  'stale-entry',
  'bridge-path',
  'helper-expectation',
  'invalid-skips-nat',
  'window-overshoot',
  'late-close',
  'old-segment',
  'rst-rejected',
  'port-reuse',
  'checksum',
  'untrackable',
  'midstream-pickup',
  'routing-dropped',
  'bridge-path',
  'not-conntrack',
];
/** Recordings whose evidence suffices: no less sure than this. */
const AT_LEAST: Readonly<Record<string, Confidence>> = {
  'finwait-deleted': 'certain',
  // Until 6.6 nothing is printed: the silence of a log that would have shown every other check argues.
  'finwait-deleted-6.1': 'certain',
  'finwait-expired': 'certain',
  'finwait-early-drop': 'certain',
  'finwait-deleted-while-full': 'certain',
  'data-expired-strict': 'certain',
  'data-expired-loose': 'certain',
  'udp-reply-late': 'likely',
  'rule-ended-early': 'certain',
  malformed: 'certain',
  'finwait-table-full': 'certain',
  'stale-entry': 'likely',
  'bridge-path': 'likely',
  'expectations-full': 'likely',
  'ftp-no-helper': 'likely',
  'invalid-skips-nat': 'certain',
  'invalid-skips-nat-reset': 'certain',
  // That the other half took another road is never seen on this host: 'certain' would be too much.
  'asymmetric-syn-unseen': 'likely',
  'asymmetric-reply-unseen': 'likely',
  'window-overshoot': 'likely',
  'normal-late-close': 'likely',
  'old-segment': 'likely',
  'rst-rejected': 'likely',
  'port-reused': 'likely',
  'bad-checksum': 'likely',
  'notrack-one-sided': 'likely',
  'icmpv6-untrackable': 'likely',
  'midstream-pickup': 'likely',
  'routing-dropped': 'certain',
  'zone-mismatch': 'certain',
  'routing-no-route': 'certain',
  'routing-neighbour': 'certain',
  'routing-forbidden': 'certain',
  'routing-ttl': 'certain',
  'routing-too-big': 'likely',
  'rst-challenged': 'certain',
};
/** What else is true of a recording besides its main story. */
const ALSO_TRUE: Readonly<Record<string, readonly string[]>> = {
  // The RST that closed the entry was itself dropped by INPUT 2.
  'finwait-after-rst': ['rule-decided'],
  // NULL and XMAS probes of the scan, and the FINs after the RSTs: nothing is wrong with the host that drops them.
  'busy-healthy': ['malformed', 'late-close'],
};
/** Nothing of it is a finding of its own: that it is ordinary is said of the host as a whole (busy-host.test.ts). */
const SAID_OF_THE_HOST = ['busy-healthy'];
const RANK: Record<Confidence, number> = { certain: 3, likely: 2, possible: 1 };

describe.each(readdirSync(FIXTURE_HOSTS))('%s', (name) => {
  const truth = truths[name]!;
  // One after the other: all at once they wait for each other longer than a test may take.
  let ready: ExplainedFiles;
  beforeAll(async () => {
    ready = await explainedFiles([join(FIXTURE_HOSTS, name)]);
  }, 600_000);
  afterAll(() => ready.db.close());

  it('names what happened, as surely as its evidence allows and no surer', () => {
    const { findings, ofHosts } = ready;
    const all = [...findings, ...ofHosts];
    const main = all.find((one) => one.finding.class === truth.class);
    if (ARGUED.includes(truth.class) && !SAID_OF_THE_HOST.includes(name)) {
      expect(all.map((one) => one.finding.class)).toContain(truth.class);
      expect(RANK[main!.finding.confidence]).toBeLessThanOrEqual(RANK[truth.confidenceAtMost]);
      expect(RANK[main!.finding.confidence]).toBeGreaterThanOrEqual(RANK[AT_LEAST[name] ?? 'possible']);
      if (truth.cause !== null && main!.finding.cause !== null) {
        const cause = truth.cause.replace('flushed', 'deleted');
        expect([
          cause,
          truth.class === 'entry-gone' && main!.finding.causeConfidence !== 'certain' ? main!.finding.cause : cause,
        ]).toContain(main!.finding.cause);
      }
      if (truth.droppedBy !== null && main!.finding.droppedBy !== null) {
        const { table, chain, rule, text } = main!.finding.droppedBy;
        const named = text.startsWith('policy') ? 'policy' : rule;
        expect({ table, chain, rule: named }).toEqual({
          table: truth.droppedBy.table,
          chain: truth.droppedBy.chain,
          rule: truth.droppedBy.rule,
        });
      }
    }
  });

  it('is never certain of something else', () => {
    const { findings, ofHosts } = ready;
    const wrong = [...findings, ...ofHosts].filter(
      ({ finding }) =>
        finding.confidence === 'certain' &&
        finding.class !== truth.class &&
        !(ALSO_TRUE[name] ?? []).includes(finding.class) &&
        finding.class !== 'normal',
    );
    expect(wrong.map(({ finding }) => `${finding.class}: ${finding.title}`)).toEqual([]);
  });

  it('keeps the rules of honesty', () => {
    const { db, findings, ofHosts } = ready;
    expect(checkHonesty(db, [...findings, ...ofHosts])).toEqual([]);
  });

  it('is mended by programs whose tables it has', () => {
    const kinds = kindsOfTables(ready.db);
    const remedies = [...ready.findings, ...ready.ofHosts].flatMap(({ finding }) => finding.remedies);
    const wrong = remedies
      .flatMap(({ command, undo }) => [command, undo])
      .filter((command) => foreignWords(command, kinds).length > 0);
    expect(wrong).toEqual([]);
  });

  it('can be told', () => {
    const { findings } = ready;
    for (const one of ready.ofHosts) expect(tellOfHost(one).story.length).toBeGreaterThan(0);
    for (const one of findings) expect(tell(one).story.length + one.finding.summary.length).toBeGreaterThan(0);
  });
});
