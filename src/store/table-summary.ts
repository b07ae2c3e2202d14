// What stores hold besides packets, in few rows: for evidence that tells of tables only.

import type { Db } from './open-store.js';

const MOST = 5;

export interface EntryKind {
  readonly proto: number;
  readonly state: string | null;
  readonly status: string | null;
  readonly entries: number;
  readonly sourceId: number | null;
  readonly line: number | null;
}

/** Entries of the main list by protocol, state and status, the most frequent first. */
export function readEntryKinds(db: Db): readonly EntryKind[] {
  return db
    .prepare(
      `SELECT t.proto, v.state, v.status, count(*) AS entries, min(v.source_id) AS sourceId, min(v.line) AS line FROM ct_entry_versions v JOIN tuples t ON t.id = v.tuple_id
      WHERE v.list = 'main' GROUP BY 1, 2, 3 ORDER BY entries DESC LIMIT ${MOST}`,
    )
    .all() as EntryKind[];
}

export interface UntranslatedEntry {
  readonly proto: number;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
  /** Entries to the same destination whose answers go to another address than the one they came from. */
  readonly translated: number;
  readonly sourceId: number | null;
  readonly line: number | null;
}

/** Entries without translation to destinations that others reach translated. */
export function readUntranslated(db: Db): readonly UntranslatedEntry[] {
  return db
    .prepare(
      `WITH mixed AS MATERIALIZED (
        SELECT t.proto, t.dst, t.dport, sum(r.src <> t.dst OR r.dst <> t.src) AS translated FROM ct_entry_versions v JOIN tuples t ON t.id = v.tuple_id
          JOIN tuples r ON r.id = v.reply_tuple_id WHERE v.list = 'main'
        GROUP BY 1, 2, 3 HAVING translated > 0 AND sum(r.src = t.dst AND r.dst = t.src) > 0 LIMIT ${10 * MOST})
      SELECT t.proto, t.src, t.sport, t.dst, t.dport, v.source_id AS sourceId, v.line, m.translated
      FROM mixed m JOIN tuples t ON t.dst = m.dst AND t.dport IS m.dport AND t.proto = m.proto JOIN ct_entry_versions v ON v.tuple_id = t.id
        JOIN tuples r ON r.id = v.reply_tuple_id
      WHERE v.list = 'main' AND r.src = t.dst AND r.dst = t.src LIMIT ${MOST}`,
    )
    .all() as UntranslatedEntry[];
}

export interface EventCourse {
  readonly tupleId: number;
  readonly proto: number;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
  readonly sourceId: number;
  readonly firstLine: number;
  readonly lastLine: number;
  /** JSON: [kind, state, status, timeout in s] of each event, in order. */
  readonly steps: string;
}

/** The first connections that events tell of, each with its course. */
export function readEventCourses(db: Db): readonly EventCourse[] {
  return db
    .prepare(
      `SELECT o.*, t.proto, t.src, t.sport, t.dst, t.dport FROM (
        SELECT e.tuple_id AS tupleId, c.source_id AS sourceId, min(e.line) AS firstLine, max(e.line) AS lastLine,
          json_group_array(json_array(e.kind, e.state, e.status, e.timeout_s)) AS steps
        FROM (SELECT * FROM events WHERE kind IN ('NEW', 'UPDATE', 'DESTROY') ORDER BY id LIMIT 2000) e JOIN clocks c ON c.id = e.clock_id
        GROUP BY e.tuple_id, c.source_id ORDER BY count(*) DESC LIMIT ${MOST}) o JOIN tuples t ON t.id = o.tupleId ORDER BY o.sourceId, o.firstLine`,
    )
    .all() as EventCourse[];
}

export interface ValueSum {
  readonly name: string;
  readonly total: number;
  readonly sourceId: number | null;
}

/** Counters of conntrack -S that are not zero, summed over CPUs, as last read. */
export function readStatisticSums(db: Db): readonly ValueSum[] {
  return db
    .prepare(
      `SELECT name, sum(value) AS total, min(source_id) AS sourceId FROM values_over_time v WHERE what = 'ct-stat' AND typeof(value) = 'integer'
        AND seq = (SELECT max(seq) FROM values_over_time w WHERE w.series_id = v.series_id AND w.what = v.what AND w.name = v.name AND w.cpu = v.cpu)
      GROUP BY name HAVING total > 0 ORDER BY name`,
    )
    .all() as ValueSum[];
}

export interface SettingRow {
  readonly name: string;
  readonly value: string | number | null;
  readonly sourceId: number | null;
  readonly line: number | null;
}

/** Settings of the tracker as last read, at most some. */
export function readTrackerSettings(db: Db): readonly SettingRow[] {
  return db
    .prepare(
      `SELECT name, value, max(seq), source_id AS sourceId, line FROM values_over_time WHERE what = 'sysctl' AND name LIKE '%conntrack%' GROUP BY name ORDER BY name LIMIT ${MOST}`,
    )
    .all() as SettingRow[];
}
