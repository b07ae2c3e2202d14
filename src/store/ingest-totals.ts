// How much an ingest brought, in numbers, for the head of an answer.

import type { Db } from './open-store.js';

export interface Totals {
  readonly sources: number;
  readonly names: readonly string[];
  readonly logLines: number;
  readonly events: number;
  readonly entries: number;
  readonly rules: number;
  readonly sockets: number;
  readonly unread: number;
  /** How clocks were tied together, where more than one source had one. */
  readonly clockNotes: readonly string[];
}

const METHODS: Readonly<Record<string, string>> = {
  'shared-records': 'clocks tied by packets that two sources share',
  'assumed-year': 'year of the log assumed',
  'assumed-zone': 'zone of the log assumed to be UTC',
  unplaced: 'some times could not be placed',
};

/** @param ingestId NULL for the whole store */
export function readTotals(db: Db, ingestId: number | null): Totals {
  const one = (sql: string) => (db.prepare(sql).get({ ingest: ingestId }) as { n: number | null }).n ?? 0;
  const mine = '(@ingest IS NULL OR s.last_ingest_id = @ingest)';
  const sources = db
    .prepare(`SELECT name FROM sources s WHERE s.part_of IS NULL AND ${mine} ORDER BY id`)
    .all({ ingest: ingestId }) as {
    name: string;
  }[];
  const methods = db
    .prepare(
      `SELECT c.method, max(c.error_us) AS error FROM clocks c JOIN sources s ON s.id = c.source_id WHERE ${mine} GROUP BY c.method`,
    )
    .all({ ingest: ingestId }) as { method: string; error: number | null }[];
  const forms = (pattern: string) =>
    one(
      `SELECT sum(f.records) AS n FROM source_forms f JOIN sources s ON s.id = f.source_id WHERE ${mine} AND f.form ${pattern}`,
    );
  return {
    sources: sources.length,
    names: sources.map((source) => source.name),
    logLines: one(
      `SELECT sum(x.steps) AS n FROM passages p JOIN paths x ON x.id = p.path_id JOIN clocks c ON c.id = p.clock_id JOIN sources s ON s.id = c.source_id WHERE ${mine}`,
    ),
    events: forms("= 'conntrack -E'"),
    entries: one('SELECT count(*) AS n FROM ct_entry_versions WHERE @ingest IS NULL OR 1'),
    rules: one(
      'SELECT max(n) AS n FROM (SELECT count(*) AS n FROM rules r JOIN snapshot_rulesets x ON x.ruleset_id = r.ruleset_id WHERE r.is_policy = 0 AND (@ingest IS NULL OR 1) GROUP BY x.snapshot_id)',
    ),
    sockets: one('SELECT count(*) AS n FROM sockets_seen WHERE @ingest IS NULL OR 1'),
    unread: one(`SELECT sum(f.unread) AS n FROM source_forms f JOIN sources s ON s.id = f.source_id WHERE ${mine}`),
    clockNotes: methods
      .filter(({ method }) => method in METHODS)
      .map(
        ({ method, error }) =>
          `${METHODS[method]}${error === null ? '' : `, good to ${error < 1000 ? `${error} us` : error < 10_000_000 ? `${(error / 1000).toFixed(1)} ms` : error < 7200e6 ? `${Math.round(error / 1e6)} s` : error < 172_800e6 ? `${Math.round(error / 3600e6)} h` : `${Math.round(error / 86_400e6)} days`}`}`,
      ),
  };
}
