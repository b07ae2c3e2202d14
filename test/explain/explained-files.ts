// Explains files as `ctwhy explain -r` does, in this process, and holds what is said against the store.

import { join } from 'node:path';
import { confidenceOf } from '../../src/analysis/explain/argument.js';
import type { Case } from '../../src/analysis/explain/case.js';
import { citer } from '../../src/analysis/explain/cite.js';
import { type Explained, explain } from '../../src/analysis/explain/explain.js';
import type { HostFinding } from '../../src/analysis/explain/host-findings.js';
import { realHost } from '../../src/host/real-host.js';
import { ingest } from '../../src/ingest/ingest.js';
import { WHOLE_STORE } from '../../src/store/case-reader.js';
import { type Db, openStoreForWriting } from '../../src/store/open-store.js';
import { openTextSource } from '../../src/store/text-source.js';

export const ROOT = new URL('../../', import.meta.url).pathname;
export const FIXTURE_HOSTS = join(ROOT, 'fixtures/hosts');

const clock = { nowUs: () => 1_795_300_000_000_000, monotonicMs: () => 0 };

export interface ExplainedFiles {
  readonly db: Db;
  /** What packets tell. */
  readonly findings: readonly Explained[];
  /** What no packet tells. */
  readonly ofHosts: readonly HostFinding[];
}

/** Explains files from a store in memory; the caller closes it. */
export async function explainedFiles(files: readonly string[]): Promise<ExplainedFiles> {
  const db = openStoreForWriting(
    realHost(),
    { path: ':memory:', migrationsFolder: join(ROOT, 'migrations') },
    clock.nowUs(),
  );
  await ingest({ host: realHost(), clock }, db, files);
  const { explained, ofHosts } = explain(db, WHOLE_STORE, citer(openTextSource(db)));
  return { db, findings: explained, ofHosts };
}

/** A connection as both of its directions name it. */
export function flowKey({ flow }: Case): string {
  const ends = [`${flow.src} ${flow.sport}`, `${flow.dst} ${flow.dport}`].sort();
  return `${flow.proto} ${ends.join(' ')}`;
}

/** Whether the row an evidence item names is in the store. */
function exists(db: Db, table: string, key: Readonly<Record<string, number | string>>): boolean {
  const columns: Readonly<Record<string, string>> = { journeyId: 'journey_id' };
  const where = Object.keys(key).map((name) => `${columns[name] ?? name} = @${name}`);
  return db.prepare(`SELECT 1 FROM ${table} WHERE ${where.join(' AND ')} LIMIT 1`).get(key) !== undefined;
}

/** Where an explanation breaks the rules of honesty, in words; empty when it keeps them. */
export function checkHonesty(db: Db, findings: readonly Pick<Explained, 'finding' | 'verdict'>[]): readonly string[] {
  const faults: string[] = [];
  for (const { finding, verdict } of findings) {
    const name = `${finding.class} (${finding.confidence}) "${finding.title}"`;
    if (finding.evidence.length === 0) faults.push(`${name} rests on nothing`);
    for (const item of finding.evidence) {
      if (!exists(db, item.table, item.key))
        faults.push(`${name} cites a row that is not there: ${item.table} ${JSON.stringify(item.key)}`);
      if (item.kind !== 'absence') continue;
      const part = db
        .prepare('SELECT state FROM snapshot_parts WHERE snapshot_id = @snapshot_id AND part = @part')
        .pluck()
        .get(item.key);
      if (part !== 'read') faults.push(`${name} argues absence from a part that was not read: ${item.source}`);
    }
    const argued = [
      { argument: verdict.argument, confidence: finding.confidence },
      ...(verdict.led === null ? [] : [{ argument: verdict.led, confidence: finding.causeConfidence }]),
    ];
    for (const { argument, confidence } of argued) {
      if (confidence !== 'certain') continue;
      for (const one of argument.lookAlikes)
        if (one.ruledOut === null || one.ruledOut.evidence.length === 0)
          faults.push(`${name} is certain of ${argument.id} though ${one.cause} is not ruled out`);
      for (const step of argument.steps)
        if (step.is !== 'shown' || step.evidence.length === 0)
          faults.push(`${name} is certain of ${argument.id} though a step is ${step.is}: ${step.says}`);
    }
    if (confidenceOf(verdict.argument) !== 'certain' && finding.missing.length === 0)
      faults.push(`${name} does not say what would settle it`);
  }
  return faults;
}
