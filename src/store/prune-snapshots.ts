// Lets old snapshots go, all before a time or most of them where they stand close, with all that only they showed. What a finding or an
// incident refers to stays, and so does what has a name.

import type { Db } from './open-store.js';

export interface Pruned {
  readonly snapshots: number;
  readonly entries: number;
}

const HOUR_US = 3_600_000_000;

/** From that age on, one snapshot of each such stretch stays. The oldest first. */
export const THINNING = [
  { olderThanUs: 7 * 24 * HOUR_US, oneInUs: 6 * HOUR_US },
  { olderThanUs: 48 * HOUR_US, oneInUs: HOUR_US },
] as const;
/** What the person is told of it. */
export const THINNING_WORDS = 'older than 48 hours one an hour stays, older than 7 days one in six hours';

/** So many at least go at a time: finding what they alone showed takes as long for one as for an hour of them. */
const WORTH_IT = 50;

/** Not cited by a finding, not within an incident, and not the newest of its series. CROSS JOIN keeps the order: few rows are cited, each is found by its id. */
const MAY_GO = `r.made_by = 'snapshot' AND n.seq < (SELECT max(m.seq) FROM snapshots m WHERE m.series_id = n.series_id)
  AND NOT EXISTS (SELECT 1 FROM incidents i WHERE n.taken_at_us BETWEEN i.from_at_us AND i.to_at_us)
  AND NOT EXISTS (SELECT 1 FROM finding_evidence e WHERE e.table_name IN ('snapshots', 'snapshot_parts') AND e.row_id = n.id)
  AND NOT EXISTS (SELECT 1 FROM finding_evidence e CROSS JOIN ct_entry_versions v
    WHERE v.id = e.row_id AND e.table_name = 'ct_entries' AND v.series_id = n.series_id AND v.from_seq <= n.seq AND (v.to_seq IS NULL OR v.to_seq > n.seq))
  AND NOT EXISTS (SELECT 1 FROM finding_evidence e CROSS JOIN sockets_seen k
    WHERE k.id = e.row_id AND e.table_name = 'sockets' AND k.series_id = n.series_id AND k.from_seq <= n.seq AND (k.to_seq IS NULL OR k.to_seq > n.seq))`;

/**
 * Removes snapshots that `snapshot take` made before a time, but for the newest of each series, those with a finding's evidence among
 * their rows, and those within an incident. Space goes back to the file and is used again.
 */
export function pruneSnapshots(db: Db, beforeUs: number): Pruned {
  return withoutKeyChecks(db, () => {
    const going = db
      .prepare(`SELECT n.id FROM snapshots n JOIN series r ON r.id = n.series_id WHERE n.taken_at_us < ? AND ${MAY_GO}`)
      .pluck()
      .all(Math.round(beforeUs)) as number[];
    return letGo(db, going);
  });
}

/**
 * Thins out old snapshots as THINNING has it: the first of each stretch stays, and those that people named. Does nothing before it is
 * worth it: call it after each snapshot.
 */
export function thinSnapshots(db: Db, nowUs: number): Pruned {
  return withoutKeyChecks(db, () => {
    const going = new Set<number>();
    for (const [at, { olderThanUs, oneInUs }] of THINNING.entries()) {
      const from = at === 0 ? 0 : nowUs - THINNING[at - 1]!.olderThanUs;
      const ids = db
        .prepare(
          `WITH placed AS (SELECT *, row_number() OVER (PARTITION BY series_id, taken_at_us / CAST(@oneIn AS INTEGER) ORDER BY seq) AS place FROM snapshots
             WHERE taken_at_us >= @from AND taken_at_us < @to)
           SELECT n.id FROM placed n JOIN series r ON r.id = n.series_id WHERE n.place > 1 AND n.name IS NULL AND ${MAY_GO}`,
        )
        .pluck()
        .all({ from: Math.round(from), to: Math.round(nowUs - olderThanUs), oneIn: oneInUs }) as number[];
      for (const id of ids) going.add(id);
    }
    return going.size < WORTH_IT ? { snapshots: 0, entries: 0 } : letGo(db, [...going]);
  });
}

/** One transaction. Looking up whether something still names each row that goes is what it does itself, and better. */
function withoutKeyChecks(db: Db, work: () => Pruned): Pruned {
  const before = db.pragma('foreign_keys', { simple: true }) as number;
  db.pragma('foreign_keys = OFF');
  try {
    return db.transaction(work)();
  } finally {
    db.pragma(`foreign_keys = ${before}`);
  }
}

function letGo(db: Db, going: readonly number[]): Pruned {
  if (going.length === 0) return { snapshots: 0, entries: 0 };
  const ids = JSON.stringify(going);
  const series = db
    .prepare(
      'SELECT series_id AS id, min(seq) AS low, max(seq) AS last FROM snapshots WHERE id IN (SELECT value FROM json_each(?)) GROUP BY 1',
    )
    .all(ids) as { id: number; low: number; last: number }[];
  for (const table of ['snapshot_parts', 'snapshot_rulesets', 'rule_counters', 'expectation_rows', 'socket_lookups'])
    db.prepare(`DELETE FROM ${table} WHERE snapshot_id IN (SELECT value FROM json_each(?))`).run(ids);
  db.prepare('DELETE FROM snapshots WHERE id IN (SELECT value FROM json_each(?))').run(ids);
  const entries = series.reduce((sum, { id, low, last }) => {
    const high = db
      .prepare('SELECT min(seq) FROM snapshots WHERE series_id = ? AND seq > ?')
      .pluck()
      .get(id, last) as number;
    return sum + letRowsGo(db, { series: id, low, high });
  }, 0);
  return { snapshots: going.length, entries };
}

interface Stretch {
  readonly series: number;
  /** The first snapshot that went. */
  readonly low: number;
  /** The first one left behind all that went. */
  readonly high: number;
}

/** Rows of a stretch that no snapshot left shows, or that a later row stands for in every snapshot left. */
function letRowsGo(db: Db, stretch: Stretch): number {
  const left = (from: string, to: string): string =>
    `EXISTS (SELECT 1 FROM snapshots n WHERE n.series_id = @series AND n.seq >= ${from} AND n.seq < ${to})`;
  const next = (seq: string): string =>
    `(SELECT min(n.seq) FROM snapshots n WHERE n.series_id = @series AND n.seq >= ${seq})`;
  const unshown = (table: string): string =>
    `${table} WHERE series_id = @series AND to_seq > @low AND to_seq <= @high AND NOT ${left('from_seq', 'to_seq')}`;
  db.exec(
    `CREATE TEMP TABLE versions_let_go (id INTEGER PRIMARY KEY);
     CREATE TEMP TABLE tuples_let_go (id INTEGER PRIMARY KEY)`,
  );
  db.prepare(`INSERT INTO versions_let_go SELECT id FROM ${unshown('ct_entry_versions')}`).run(stretch);
  db.exec(
    `INSERT OR IGNORE INTO tuples_let_go
       SELECT v.tuple_id FROM versions_let_go g CROSS JOIN ct_entry_versions v ON v.id = g.id
       UNION SELECT v.reply_tuple_id FROM versions_let_go g CROSS JOIN ct_entry_versions v ON v.id = g.id WHERE v.reply_tuple_id IS NOT NULL;
     DELETE FROM ct_entry_moves WHERE version_id IN (SELECT id FROM versions_let_go)`,
  );
  const { changes } = db.prepare('DELETE FROM ct_entry_versions WHERE id IN (SELECT id FROM versions_let_go)').run();
  db.prepare(
    `DELETE FROM ct_entry_moves AS m WHERE m.seq >= @low AND m.seq < @high
       AND EXISTS (SELECT 1 FROM ct_entry_versions v WHERE v.id = m.version_id AND v.series_id = @series
         AND (v.to_seq <= ${next('m.seq')}
           OR EXISTS (SELECT 1 FROM ct_entry_moves l WHERE l.version_id = m.version_id AND l.seq > m.seq AND l.seq <= ${next('m.seq')})))`,
  ).run(stretch);
  db.prepare(
    `DELETE FROM values_over_time AS v WHERE v.series_id = @series AND v.seq >= @low AND v.seq < @high
       AND EXISTS (SELECT 1 FROM values_over_time l WHERE l.series_id = v.series_id AND l.what = v.what AND l.name = v.name AND l.cpu = v.cpu
         AND l.seq > v.seq AND l.seq <= ${next('v.seq')})`,
  ).run(stretch);
  for (const table of ['sockets_seen', 'host_facts']) db.prepare(`DELETE FROM ${unshown(table)}`).run(stretch);
  letTuplesGo(db);
  db.exec('DROP TABLE versions_let_go');
  return changes;
}

/** Connections that entries alone told of, and then the tuples that nothing names any more. */
function letTuplesGo(db: Db): void {
  const named = (column: string) =>
    `EXISTS (SELECT 1 FROM ct_entry_versions v WHERE v.tuple_id = ${column}) OR EXISTS (SELECT 1 FROM ct_entry_versions v WHERE v.reply_tuple_id = ${column})
       OR EXISTS (SELECT 1 FROM events e WHERE e.tuple_id = ${column}) OR EXISTS (SELECT 1 FROM events e WHERE e.reply_tuple_id = ${column})`;
  db.exec(`DELETE FROM tuples_let_go AS g WHERE ${named('g.id')}`);
  db.exec(
    `CREATE TEMP TABLE flows_let_go (id INTEGER PRIMARY KEY);
     INSERT OR IGNORE INTO flows_let_go SELECT f.id FROM tuples_let_go g CROSS JOIN flow_tuples ft ON ft.tuple_id = g.id CROSS JOIN flows f ON f.id = ft.flow_id
       WHERE f.direction_known_by = 'entry' AND NOT EXISTS (SELECT 1 FROM findings d WHERE d.flow_id = f.id)
         AND NOT EXISTS (SELECT 1 FROM flow_tuples o WHERE o.flow_id = f.id AND o.tuple_id NOT IN (SELECT id FROM tuples_let_go));
     DELETE FROM flow_tuples WHERE flow_id IN (SELECT id FROM flows_let_go);
     DELETE FROM flows WHERE id IN (SELECT id FROM flows_let_go);
     DELETE FROM tuples WHERE id IN (SELECT g.id FROM tuples_let_go g
       WHERE NOT EXISTS (SELECT 1 FROM flow_tuples f WHERE f.tuple_id = g.id) AND NOT EXISTS (SELECT 1 FROM flows f WHERE f.orig_tuple_id = g.id)
         AND NOT EXISTS (SELECT 1 FROM passages p WHERE p.tuple_id = g.id) AND NOT EXISTS (SELECT 1 FROM passages p WHERE p.tuple2_id = g.id)
         AND NOT EXISTS (SELECT 1 FROM passages p WHERE p.tuple3_id = g.id) AND NOT EXISTS (SELECT 1 FROM captured_packets c WHERE c.tuple_id = g.id)
         AND g.id NOT IN (SELECT tuple_id FROM expectation_rows) AND g.id NOT IN (SELECT master_tuple_id FROM expectation_rows WHERE master_tuple_id IS NOT NULL));
     DROP TABLE flows_let_go;
     DROP TABLE tuples_let_go;`,
  );
}
