// Control connections that no helper is attached to, with what went on between the same two hosts beside them; and how much is expected.

import type { Db } from './open-store.js';

/** Default ports of the kernel's helpers (net/netfilter/nf_conntrack_*.c, v6.18). */
const CONTROL = `((t.proto = 6 AND t.dport IN (21, 1720, 1723, 5060, 6667)) OR (t.proto = 17 AND t.dport IN (69, 1719, 5060, 10080)))`;

export interface ControlConnection {
  readonly versionId: number;
  readonly tupleId: number;
  readonly proto: number;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
  readonly zone: number;
  /** Unanswered entries of other kinds between the same two hosts. */
  readonly unanswered: number;
  /** One of them; NULL: none. */
  readonly otherVersionId: number | null;
  readonly otherProto: number | null;
  readonly otherSport: number | null;
  readonly otherDport: number | null;
}

/** Answered control connections without helper, those with something unanswered beside them first; at most 20. */
export function readControlsWithoutHelper(db: Db, hostId: number): readonly ControlConnection[] {
  return db
    .prepare(
      `WITH control AS MATERIALIZED (
        SELECT v.id AS versionId, t.id AS tupleId, t.proto, t.src, t.sport, t.dst, t.dport, v.zone, v.series_id, v.from_seq, v.to_seq
        FROM tuples t JOIN ct_entry_versions v ON v.tuple_id = t.id JOIN series s ON s.id = v.series_id
        WHERE ${CONTROL} AND s.host_id = @host AND v.list = 'main' AND v.helper IS NULL AND coalesce(v.status, '') NOT LIKE '%UNREPLIED%' GROUP BY t.id LIMIT 200),
      beside AS (
        SELECT c.tupleId, w.id, o.proto, o.sport, o.dport FROM control c JOIN tuples o ON o.src IN (c.src, c.dst) AND o.dst IN (c.src, c.dst) AND o.id <> c.tupleId
          JOIN ct_entry_versions w ON w.tuple_id = o.id AND w.series_id = c.series_id WHERE w.list = 'main' AND coalesce(w.status, '') LIKE '%UNREPLIED%')
      SELECT c.versionId, c.tupleId, c.proto, c.src, c.sport, c.dst, c.dport, c.zone, count(b.id) AS unanswered, min(b.id) AS otherVersionId,
        b.proto AS otherProto, b.sport AS otherSport, b.dport AS otherDport
      FROM control c LEFT JOIN beside b ON b.tupleId = c.tupleId GROUP BY c.tupleId ORDER BY unanswered DESC LIMIT 20`,
    )
    .all({ host: hostId }) as ControlConnection[];
}

export interface ExpectationCount {
  readonly snapshotId: number;
  readonly expectations: number;
}

/** The snapshot with the most expectations; NULL where none listed any. */
export function readExpectationCount(db: Db, hostId: number): ExpectationCount | null {
  const row = db
    .prepare(
      `SELECT x.snapshot_id AS snapshotId, count(*) AS expectations FROM expectation_rows x JOIN snapshots n ON n.id = x.snapshot_id JOIN series s ON s.id = n.series_id
      WHERE s.host_id = ? GROUP BY 1 ORDER BY 2 DESC LIMIT 1`,
    )
    .get(hostId) as ExpectationCount | undefined;
  return row ?? null;
}
