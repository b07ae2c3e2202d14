// Lets old snapshots go with all that only they showed. What a finding or an incident refers to stays.

import type { Db } from './open-store.js';

export interface Pruned {
  readonly snapshots: number;
  readonly entries: number;
}

/**
 * Removes snapshots that `snapshot take` made before a time, but for the newest of each series, those with a finding's evidence among
 * their rows, and those within an incident. Space goes back to the file and is used again.
 */
export function pruneSnapshots(db: Db, beforeUs: number): Pruned {
  return db.transaction(() => {
    const going = db
      .prepare(
        `SELECT n.id FROM snapshots n JOIN series r ON r.id = n.series_id
         WHERE r.made_by = 'snapshot' AND n.taken_at_us < @before
           AND n.seq < (SELECT max(m.seq) FROM snapshots m WHERE m.series_id = n.series_id)
           AND NOT EXISTS (SELECT 1 FROM incidents i WHERE n.taken_at_us BETWEEN i.from_at_us AND i.to_at_us)
           AND NOT EXISTS (SELECT 1 FROM finding_evidence e WHERE e.table_name IN ('snapshots', 'snapshot_parts') AND e.row_id = n.id)
           AND NOT EXISTS (SELECT 1 FROM finding_evidence e JOIN ct_entry_versions v ON v.id = e.row_id
             WHERE e.table_name = 'ct_entries' AND v.series_id = n.series_id AND v.from_seq <= n.seq AND (v.to_seq IS NULL OR v.to_seq > n.seq))
           AND NOT EXISTS (SELECT 1 FROM finding_evidence e JOIN sockets_seen k ON k.id = e.row_id
             WHERE e.table_name = 'sockets' AND k.series_id = n.series_id AND k.from_seq <= n.seq AND (k.to_seq IS NULL OR k.to_seq > n.seq))`,
      )
      .pluck()
      .all({ before: Math.round(beforeUs) }) as number[];
    if (going.length === 0) return { snapshots: 0, entries: 0 };
    const ids = JSON.stringify(going);
    const series = db
      .prepare('SELECT DISTINCT series_id FROM snapshots WHERE id IN (SELECT value FROM json_each(?))')
      .pluck()
      .all(ids) as number[];
    for (const table of ['snapshot_parts', 'snapshot_rulesets', 'rule_counters', 'expectation_rows', 'socket_lookups'])
      db.prepare(`DELETE FROM ${table} WHERE snapshot_id IN (SELECT value FROM json_each(?))`).run(ids);
    db.prepare('DELETE FROM snapshots WHERE id IN (SELECT value FROM json_each(?))').run(ids);
    const entries = series.reduce((sum, id) => sum + pruneSeries(db, id), 0);
    return { snapshots: going.length, entries };
  })();
}

/** Rows that no snapshot left shows, or that a later row stands for in every snapshot left. */
function pruneSeries(db: Db, series: number): number {
  const { least } = db.prepare('SELECT min(seq) AS least FROM snapshots WHERE series_id = ?').get(series) as {
    least: number;
  };
  const values = { series, least };
  db.prepare(
    `DELETE FROM ct_entry_moves WHERE version_id IN (SELECT id FROM ct_entry_versions WHERE series_id = @series AND to_seq <= @least)`,
  ).run(values);
  db.prepare(
    `DELETE FROM ct_entry_moves AS m WHERE m.seq < @least AND m.version_id IN (SELECT id FROM ct_entry_versions WHERE series_id = @series)
       AND EXISTS (SELECT 1 FROM ct_entry_moves l WHERE l.version_id = m.version_id AND l.seq > m.seq AND l.seq <= @least)`,
  ).run(values);
  db.exec('CREATE TEMP TABLE IF NOT EXISTS tuples_let_go (id INTEGER PRIMARY KEY)');
  db.prepare(
    `INSERT OR IGNORE INTO tuples_let_go SELECT tuple_id FROM ct_entry_versions WHERE series_id = @series AND to_seq <= @least
     UNION SELECT reply_tuple_id FROM ct_entry_versions WHERE series_id = @series AND to_seq <= @least AND reply_tuple_id IS NOT NULL`,
  ).run(values);
  const { changes } = db
    .prepare('DELETE FROM ct_entry_versions WHERE series_id = @series AND to_seq <= @least')
    .run(values);
  db.prepare(
    `DELETE FROM values_over_time AS v WHERE v.series_id = @series AND v.seq < @least
       AND EXISTS (SELECT 1 FROM values_over_time l WHERE l.series_id = v.series_id AND l.what = v.what AND l.name = v.name AND l.cpu = v.cpu
         AND l.seq > v.seq AND l.seq <= @least)`,
  ).run(values);
  for (const table of ['sockets_seen', 'host_facts'])
    db.prepare(`DELETE FROM ${table} WHERE series_id = @series AND to_seq <= @least`).run(values);
  letTuplesGo(db);
  return changes;
}

/** Connections that entries alone told of, and tuples that nothing names any more. */
function letTuplesGo(db: Db): void {
  const named = (column: string) =>
    `EXISTS (SELECT 1 FROM ct_entry_versions v WHERE v.tuple_id = ${column}) OR EXISTS (SELECT 1 FROM ct_entry_versions v WHERE v.reply_tuple_id = ${column})
       OR EXISTS (SELECT 1 FROM events e WHERE e.tuple_id = ${column}) OR EXISTS (SELECT 1 FROM events e WHERE e.reply_tuple_id = ${column})`;
  db.exec(`DELETE FROM tuples_let_go AS g WHERE ${named('g.id')}`);
  db.exec(
    `CREATE TEMP TABLE IF NOT EXISTS flows_let_go (id INTEGER PRIMARY KEY);
     INSERT OR IGNORE INTO flows_let_go SELECT f.id FROM tuples_let_go g JOIN flow_tuples ft ON ft.tuple_id = g.id JOIN flows f ON f.id = ft.flow_id
       WHERE f.direction_known_by = 'entry' AND NOT EXISTS (SELECT 1 FROM findings d WHERE d.flow_id = f.id)
         AND NOT EXISTS (SELECT 1 FROM flow_tuples o WHERE o.flow_id = f.id AND o.tuple_id NOT IN (SELECT id FROM tuples_let_go));
     DELETE FROM flow_tuples WHERE tuple_id IN (SELECT id FROM tuples_let_go) AND flow_id IN (SELECT id FROM flows_let_go);
     DELETE FROM flows WHERE id IN (SELECT id FROM flows_let_go);
     DROP TABLE flows_let_go;
     DROP TABLE tuples_let_go;`,
  );
}
