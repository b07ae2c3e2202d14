// Entries that are not translated and not answered while others to the same destination are translated: few rows of a table of any size.

import type { EntryRow } from './evidence-reader.js';
import type { Db } from './open-store.js';

/** Suspects handed back; more are told by their number. */
const MOST_SUSPECTS = 20;

export const ENTRY_ENDS = `t.proto, t.src, t.sport, t.dst, t.dport, r.src AS replySrc, r.sport AS replySport, r.dst AS replyDst, r.dport AS replyDport`;
export const ENTRY_ROW = `v.id AS versionId, n.id AS snapshotId, v.list, v.tuple_id AS tupleId, v.reply_tuple_id AS replyTupleId, v.zone, v.state, v.status, v.ct_id AS ctId, v.helper,
  v.expires_at_us AS expiresAtUs, v.timeout_s AS timeoutS, NULL AS packets, NULL AS replyPackets, v.source_id AS sourceId, v.line, v.series_id AS seriesId, v.from_seq AS fromSeq, v.to_seq AS toSeq`;
export const ENTRY_FROM = `ct_entry_versions v JOIN series s ON s.id = v.series_id JOIN snapshots n ON n.series_id = v.series_id AND n.seq = v.from_seq
  JOIN tuples t ON t.id = v.tuple_id JOIN tuples r ON r.id = v.reply_tuple_id`;
const IS_PLAIN = `(r.src = t.dst AND r.dst = t.src AND r.sport IS t.dport)`;
const IS_TRANSLATED = `(r.src <> t.dst OR r.dst <> t.src)`;
const IS_UNREPLIED = `coalesce(v.status, '') LIKE '%UNREPLIED%'`;

/** An entry with the ends of both directions. */
export interface EntryWithEnds extends EntryRow {
  readonly seriesId: number;
  readonly fromSeq: number;
  /** The first snapshot that no longer shows it; NULL: the last one does. */
  readonly toSeq: number | null;
  readonly proto: number;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
  readonly replySrc: string;
  readonly replySport: number | null;
  readonly replyDst: string;
  readonly replyDport: number | null;
}

/** Unanswered TCP and UDP entries without translation, to destinations that other entries of the host reach translated. */
export function readUntranslatedAmongTranslated(db: Db, hostId: number): readonly EntryWithEnds[] {
  return db
    .prepare(
      `WITH mixed AS MATERIALIZED (
        SELECT t.proto, t.dst, t.dport FROM ct_entry_versions v JOIN series s ON s.id = v.series_id JOIN tuples t ON t.id = v.tuple_id JOIN tuples r ON r.id = v.reply_tuple_id
        WHERE s.host_id = @host AND v.list = 'main' AND t.proto IN (6, 17)
        GROUP BY 1, 2, 3 HAVING sum(${IS_PLAIN} AND ${IS_UNREPLIED}) > 0 AND sum(${IS_TRANSLATED}) > 0 LIMIT 200)
      SELECT ${ENTRY_ROW}, ${ENTRY_ENDS} FROM mixed m JOIN tuples t ON t.dst = m.dst AND t.dport IS m.dport AND t.proto = m.proto
        JOIN ct_entry_versions v ON v.tuple_id = t.id JOIN series s ON s.id = v.series_id JOIN snapshots n ON n.series_id = v.series_id AND n.seq = v.from_seq
        JOIN tuples r ON r.id = v.reply_tuple_id
      WHERE s.host_id = @host AND v.list = 'main' AND ${IS_PLAIN} AND ${IS_UNREPLIED} ORDER BY v.id DESC LIMIT ${MOST_SUSPECTS}`,
    )
    .all({ host: hostId }) as EntryWithEnds[];
}

/** Entries to the same destination that are translated, those of the same source first; at most three. */
export function readTranslatedSiblings(db: Db, hostId: number, own: EntryWithEnds): readonly EntryWithEnds[] {
  return db
    .prepare(
      `SELECT ${ENTRY_ROW}, ${ENTRY_ENDS} FROM ${ENTRY_FROM}
      WHERE t.proto = @proto AND t.dst = @dst AND t.dport IS @dport AND s.host_id = @host AND v.list = 'main' AND ${IS_TRANSLATED}
      ORDER BY t.src = @src DESC, r.src <> @target DESC, v.to_seq IS NULL DESC, v.id DESC LIMIT 3`,
    )
    .all({
      proto: own.proto,
      dst: own.dst,
      dport: own.dport,
      src: own.src,
      target: own.replySrc,
      host: hostId,
    }) as EntryWithEnds[];
}

/** Unanswered UDP entries that are sent to another target than others to the same destination, the latest first. */
export function readRedirectedElsewhere(db: Db, hostId: number): readonly EntryWithEnds[] {
  return db
    .prepare(
      `WITH mixed AS MATERIALIZED (
        SELECT t.dst, t.dport FROM ct_entry_versions v JOIN series s ON s.id = v.series_id JOIN tuples t ON t.id = v.tuple_id JOIN tuples r ON r.id = v.reply_tuple_id
        WHERE s.host_id = @host AND v.list = 'main' AND t.proto = 17 AND r.src <> t.dst
        GROUP BY 1, 2 HAVING min(r.src) <> max(r.src) AND sum(${IS_UNREPLIED}) > 0 LIMIT 200)
      SELECT ${ENTRY_ROW}, ${ENTRY_ENDS} FROM mixed m JOIN tuples t ON t.dst = m.dst AND t.dport IS m.dport AND t.proto = 17
        JOIN ct_entry_versions v ON v.tuple_id = t.id JOIN series s ON s.id = v.series_id JOIN snapshots n ON n.series_id = v.series_id AND n.seq = v.from_seq
        JOIN tuples r ON r.id = v.reply_tuple_id
      WHERE s.host_id = @host AND v.list = 'main' AND r.src <> t.dst AND ${IS_UNREPLIED} ORDER BY v.id DESC LIMIT ${MOST_SUSPECTS}`,
    )
    .all({ host: hostId }) as EntryWithEnds[];
}

/** Whether one snapshot showed both. */
export function areBeside(a: EntryWithEnds, b: EntryWithEnds): boolean {
  return a.seriesId === b.seriesId && (a.toSeq ?? Infinity) > b.fromSeq && (b.toSeq ?? Infinity) > a.fromSeq;
}

/** Unanswered TCP and UDP entries of the main list, the latest first; at most `limit`. */
export function readUnanswered(db: Db, hostId: number, limit: number): readonly EntryWithEnds[] {
  return db
    .prepare(
      `SELECT ${ENTRY_ROW}, ${ENTRY_ENDS} FROM ${ENTRY_FROM}
      WHERE s.host_id = @host AND v.list = 'main' AND t.proto IN (6, 17) AND ${IS_UNREPLIED} ORDER BY v.id DESC LIMIT @limit`,
    )
    .all({ host: hostId, limit }) as EntryWithEnds[];
}
