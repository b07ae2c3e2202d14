// Explains files as `ctwhy explain -r` does, in this process, and holds what is said against the store.

import { join } from 'node:path';
import { confidenceOf } from '../../src/analysis/explain/argument.js';
import type { Case } from '../../src/analysis/explain/case.js';
import type { TextSource } from '../../src/analysis/explain/cite.js';
import { citer } from '../../src/analysis/explain/cite.js';
import { type Explained, explain } from '../../src/analysis/explain/explain.js';
import type { HostFinding } from '../../src/analysis/explain/host-findings.js';
import { realHost } from '../../src/host/real-host.js';
import { ingest } from '../../src/ingest/ingest.js';
import type { EvidenceItem, Finding } from '../../src/model/finding.js';
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

/** Where the words of an evidence item come from: the line of its row, or columns of it. Other tables hold what was not there, or when. */
const WORDS_OF: Readonly<Record<string, string>> = {
  // A packet stands where its first line does; extra tells how far behind the others are, where they do not follow at once.
  packets:
    "SELECT source_id, line + coalesce(json_extract(extra, '$.lines[' || step || ']'), step) AS line FROM packets WHERE journey_id = @journeyId AND step = @step",
  ct_events: 'SELECT source_id, line FROM ct_events WHERE id = @id',
  ct_entries: 'SELECT source_id, line FROM ct_entries WHERE version_id = @version_id AND snapshot_id = @snapshot_id',
  sockets: 'SELECT source_id, line FROM sockets WHERE id = @id AND snapshot_id = @snapshot_id',
  host_facts: 'SELECT source_id, line FROM host_facts WHERE id = @id',
  host_events: 'SELECT c.source_id, e.line FROM host_events e JOIN clocks c ON c.id = e.clock_id WHERE e.id = @id',
  kernel_messages: 'SELECT source_id, line FROM kernel_messages WHERE id = @id',
  rules:
    'SELECT text FROM rules WHERE ruleset_id = @ruleset_id AND family = @family AND table_name = @table_name AND chain = @chain AND number = @number',
};

interface Words {
  readonly source_id?: number;
  readonly line?: number | null;
  readonly text?: string;
}

/** What an item says that its row does not; NULL: they agree, or the row has no words of its own (captures, settings, what is not there). */
function misquoted(db: Db, texts: TextSource, item: EvidenceItem): string | null {
  if (item.table === 'rule_counters') {
    const packets = db
      .prepare('SELECT packets FROM rule_counters WHERE rule_id = @rule_id AND snapshot_id = @snapshot_id')
      .pluck()
      .get(item.key);
    return Number.parseInt(item.text, 10) === packets ? null : `the counter stands at ${packets}`;
  }
  const sql = WORDS_OF[item.table];
  if (sql === undefined || item.kind === 'absence') return null;
  const row = db.prepare(sql).get(item.key) as Words | undefined;
  // A rule's policy is told in words of ours: 'policy DROP' for '-P INPUT DROP'.
  if (row?.text !== undefined)
    return row.text === item.text || item.text === `policy ${row.text.split(' ').at(-1)}` ? null : row.text;
  if (row?.source_id === undefined || row.line === undefined || row.line === null) return null;
  const told = texts.textOf(row.source_id, row.line);
  if (told === null || told === item.text) return null;
  return told;
}

interface Watched {
  readonly host_id: number;
  readonly what: string;
  readonly state: string;
}

/** What a stream is called in words that argue from its silence, and what the row that they rest on must be about. */
const STREAMS: readonly (readonly [RegExp, RegExp])[] = [
  [/log_invalid/, /^log-invalid:/],
  [/\bevents?\b/, /^events$/],
  [/\bkernel log\b/, /^log$/],
  [/\btrace\b/, /^trace/],
];

/**
 * Why silence must not be argued from there; NULL: it may. A log and a stream of events show what happened only where they were read, whole and
 * about this very thing, when the packets came: a message that conntrack would have printed is lost with the log that would have held it.
 */
function unheard(db: Db, item: EvidenceItem, { firstSeen, lastSeen }: Finding['packets']): string | null {
  const row = db.prepare('SELECT host_id, what, state FROM coverage WHERE id = ?').get(item.key['id']) as
    | Watched
    | undefined;
  if (row === undefined) return 'nobody watched';
  if (row.state !== 'complete') return `${row.what} is ${row.state}`;
  const meant = STREAMS.find(([words]) => words.test(item.text));
  if (meant !== undefined && !meant[1].test(row.what)) return `${row.what} could not have shown it`;
  if (firstSeen === null || lastSeen === null) return null;
  const span = { fromUs: Date.parse(firstSeen) * 1000, toUs: Date.parse(lastSeen) * 1000 + 999 };
  const within = 'coalesce(from_at_us, @fromUs) <= @toUs AND coalesce(to_at_us, @toUs) >= @fromUs';
  const isThere = db
    .prepare(`SELECT 1 FROM coverage WHERE id = @id AND ${within}`)
    .get({ id: item.key['id'], ...span });
  if (isThere === undefined) return `${row.what} was not read when the packets came`;
  const holders = row.what.startsWith('log-invalid:') ? [row.what, 'log'] : [row.what];
  const lost = db
    .prepare(
      `SELECT what FROM coverage WHERE host_id = @hostId AND state = 'lost' AND what IN (SELECT value FROM json_each(@holders)) AND ${within}`,
    )
    .pluck()
    .get({ hostId: row.host_id, holders: JSON.stringify(holders), ...span });
  return lost === undefined ? null : `${String(lost)} lost records then`;
}

/** Where an explanation breaks the rules of honesty, in words; empty when it keeps them. */
export function checkHonesty(db: Db, findings: readonly Pick<Explained, 'finding' | 'verdict'>[]): readonly string[] {
  const faults: string[] = [];
  const texts = openTextSource(db);
  for (const { finding, verdict } of findings) {
    const name = `${finding.class} (${finding.confidence}) "${finding.title}"`;
    if (finding.evidence.length === 0) faults.push(`${name} rests on nothing`);
    for (const item of finding.evidence) {
      if (!exists(db, item.table, item.key))
        faults.push(`${name} cites a row that is not there: ${item.table} ${JSON.stringify(item.key)}`);
      const told = misquoted(db, texts, item);
      if (told !== null) faults.push(`${name} says '${item.text}' of ${item.source}, where it says '${told}'`);
      const silent = item.kind === 'coverage' ? unheard(db, item, finding.packets) : null;
      if (silent !== null) faults.push(`${name} argues from silence: "${item.text}", though ${silent}`);
      if (item.source.includes('::')) faults.push(`${name} names a place ${item.source}`);
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
