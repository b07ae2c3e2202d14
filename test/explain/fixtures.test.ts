// Every recorded host is explained, and what is said is held against what really happened and against the store.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { citer } from '../../src/analysis/explain/cite.js';
import { type Explained, explain } from '../../src/analysis/explain/explain.js';
import { tell } from '../../src/analysis/explain/narrative.js';
import { realHost } from '../../src/host/real-host.js';
import { ingest } from '../../src/ingest/ingest.js';
import type { Confidence } from '../../src/model/finding.js';
import { WHOLE_STORE } from '../../src/store/case-reader.js';
import { type Db, openStoreForWriting } from '../../src/store/open-store.js';
import { openTextSource } from '../../src/store/text-source.js';

const ROOT = new URL('../../', import.meta.url).pathname;
const HOSTS = join(ROOT, 'fixtures/hosts');
const folder = mkdtempSync(join(tmpdir(), 'ctwhy-fixtures-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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
const ARGUED = ['entry-gone', 'rule-decided', 'malformed', 'normal'];
/** What else is true of a recording besides its main story. */
const ALSO_TRUE: Readonly<Record<string, readonly string[]>> = {
  // The RST that closed the entry was itself dropped by INPUT 2.
  'finwait-after-rst': ['rule-decided'],
};
const RANK: Record<Confidence, number> = { certain: 3, likely: 2, possible: 1 };

const clock = { nowUs: () => 1_795_300_000_000_000, monotonicMs: () => 0 };

async function explained(
  files: readonly string[],
  name: string,
): Promise<{ readonly db: Db; readonly findings: readonly Explained[] }> {
  const db = openStoreForWriting(
    realHost(),
    { path: join(folder, `${name}.db`), migrationsFolder: join(ROOT, 'migrations') },
    clock.nowUs(),
  );
  await ingest({ host: realHost(), clock }, db, files);
  return { db, findings: explain(db, WHOLE_STORE, citer(openTextSource(db))).explained };
}

/** Whether the row an evidence item names is in the store. */
function exists(db: Db, table: string, key: Readonly<Record<string, number | string>>): boolean {
  const columns: Readonly<Record<string, string>> = { journeyId: 'journey_id' };
  const where = Object.keys(key).map((name) => `${columns[name] ?? name} = @${name}`);
  return db.prepare(`SELECT 1 FROM ${table} WHERE ${where.join(' AND ')} LIMIT 1`).get(key) !== undefined;
}

describe.each(readdirSync(HOSTS))('%s', (name) => {
  const truth = truths[name]!;
  const ready = explained([join(HOSTS, name)], name);

  it('names what happened, as surely as its evidence allows and no surer', async () => {
    const { findings } = await ready;
    const main = findings.find((one) => one.finding.class === truth.class);
    if (ARGUED.includes(truth.class)) {
      expect(findings.map((one) => one.finding.class)).toContain(truth.class);
      expect(RANK[main!.finding.confidence]).toBeLessThanOrEqual(RANK[truth.confidenceAtMost]);
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

  it('is never certain of something else', async () => {
    const { findings } = await ready;
    const wrong = findings.filter(
      ({ finding }) =>
        finding.confidence === 'certain' &&
        finding.class !== truth.class &&
        !(ALSO_TRUE[name] ?? []).includes(finding.class) &&
        finding.class !== 'normal',
    );
    expect(wrong.map(({ finding }) => `${finding.class}: ${finding.title}`)).toEqual([]);
  });

  it('cites only rows that exist, and is certain only with every look-alike ruled out by one', async () => {
    const { db, findings } = await ready;
    for (const { finding, verdict } of findings) {
      expect(finding.evidence.length).toBeGreaterThan(0);
      for (const item of finding.evidence)
        expect(exists(db, item.table, item.key), `${item.table} ${JSON.stringify(item.key)} of ${finding.title}`).toBe(
          true,
        );
      if (finding.confidence === 'certain')
        expect(
          verdict.argument.lookAlikes.filter((one) => one.ruledOut === null || one.ruledOut.evidence.length === 0),
        ).toEqual([]);
    }
  });

  it('argues absence only from parts that were read', async () => {
    const { db, findings } = await ready;
    for (const item of findings.flatMap(({ finding }) => finding.evidence).filter((one) => one.kind === 'absence')) {
      expect(
        db
          .prepare('SELECT state FROM snapshot_parts WHERE snapshot_id = @snapshot_id AND part = @part')
          .pluck()
          .get(item.key),
      ).toBe('read');
    }
  });

  it('can be told', async () => {
    const { findings } = await ready;
    for (const one of findings) expect(tell(one).story.length + one.finding.summary.length).toBeGreaterThan(0);
  });
});
