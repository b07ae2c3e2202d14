// Entries that tell by themselves how they came to be: taken up in the middle and not answered, or cut to the time of a closed connection.

import type { Db } from './open-store.js';
import { ENTRY_ENDS, ENTRY_FROM, ENTRY_ROW, type EntryWithEnds } from './stale-suspects.js';

/** Handed back at most; more say the same again. */
const MOST = 20;
/** Of many readings of a large table the first movements are looked at. */
const LOOKED_AT = 200_000;

/** Unanswered TCP entries in ESTABLISHED, the latest first. */
export function readUnansweredEstablished(db: Db, hostId: number): readonly EntryWithEnds[] {
  return db
    .prepare(
      `SELECT ${ENTRY_ROW}, ${ENTRY_ENDS} FROM ${ENTRY_FROM}
      WHERE s.host_id = @host AND v.list = 'main' AND t.proto = 6 AND v.state = 'ESTABLISHED' AND v.status LIKE '%UNREPLIED%'
      ORDER BY v.id DESC LIMIT ${MOST}`,
    )
    .all({ host: hostId }) as EntryWithEnds[];
}

export interface CutEntry {
  readonly versionId: number;
  readonly tupleId: number;
  readonly replyTupleId: number;
  readonly proto: number;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
  readonly zone: number;
  /** The readings before and after. */
  readonly beforeSnapshotId: number;
  readonly afterSnapshotId: number;
  readonly beforeS: number;
  readonly afterS: number;
  /** An entry of both readings that lost little time between them: so little time passed. NULL: none. */
  readonly witnessId: number | null;
  readonly witnessLostS: number | null;
}

/**
 * ASSURED connections in ESTABLISHED that had much time left at one reading and at most `shortS` seconds at the next, in the same state.
 * Only where a time between the readings is known to have been short: by another entry that both show.
 */
export function readCutEntries(db: Db, hostId: number, shortS: number, longS: number): readonly CutEntry[] {
  const left = (version: string, seq: string) =>
    `coalesce((SELECT m.timeout_s FROM ct_entry_moves m WHERE m.version_id = ${version}.id AND m.seq <= ${seq} ORDER BY m.seq DESC LIMIT 1), ${version}.timeout_s)`;
  return db
    .prepare(
      `WITH cut AS (
        SELECT v.id, v.series_id, v.tuple_id, v.reply_tuple_id, v.zone, m.seq, m.timeout_s AS afterS, ${left('v', 'm.seq - 1')} AS beforeS
        FROM (SELECT * FROM ct_entry_moves LIMIT ${LOOKED_AT}) m JOIN ct_entry_versions v ON v.id = m.version_id JOIN series s ON s.id = v.series_id
        WHERE m.timeout_s BETWEEN 0 AND @short AND s.host_id = @host AND v.list = 'main' AND v.state = 'ESTABLISHED' AND v.status LIKE '%ASSURED%' LIMIT 200),
      told AS (
        SELECT c.*, w.id AS witnessId, ${left('w', 'c.seq - 1')} - ${left('w', 'c.seq')} AS lostS
        FROM cut c JOIN ct_entry_versions w ON w.series_id = c.series_id AND w.id <> c.id AND w.list = 'main' AND w.from_seq < c.seq AND (w.to_seq IS NULL OR w.to_seq > c.seq)
        WHERE c.beforeS >= @long)
      SELECT c.id AS versionId, c.tuple_id AS tupleId, c.reply_tuple_id AS replyTupleId, c.zone, t.proto, t.src, t.sport, t.dst, t.dport,
        b.id AS beforeSnapshotId, a.id AS afterSnapshotId, c.beforeS, c.afterS, c.witnessId, min(c.lostS) AS witnessLostS
      FROM told c JOIN tuples t ON t.id = c.tuple_id JOIN snapshots a ON a.series_id = c.series_id AND a.seq = c.seq
        JOIN snapshots b ON b.series_id = c.series_id AND b.seq = c.seq - 1
      WHERE c.lostS BETWEEN 0 AND 600 AND c.lostS < c.beforeS / 2 GROUP BY c.id ORDER BY c.id LIMIT ${MOST}`,
    )
    .all({ host: hostId, short: shortS, long: longS }) as CutEntry[];
}
