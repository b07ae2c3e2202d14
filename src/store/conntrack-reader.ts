// What did the tracker know of a flow, when, and what became of it? Plain rows for the analysis; absence is told apart from not having looked.

import type { Db } from './open-store.js';
import { idList } from './tuple-lookup.js';

export interface EntrySighting {
  readonly snapshotId: number;
  readonly seriesId: number;
  readonly seq: number;
  readonly takenAtUs: number | null;
  readonly errorUs: number | null;
  readonly snapshotName: string | null;
  readonly versionId: number;
  readonly list: string;
  readonly tupleId: number;
  readonly replyTupleId: number | null;
  readonly proto: number;
  readonly origSrc: string;
  readonly origDst: string;
  readonly origSport: number | null;
  readonly origDport: number | null;
  readonly origExtra: string | null;
  readonly replySrc: string | null;
  readonly replyDst: string | null;
  readonly replySport: number | null;
  readonly replyDport: number | null;
  readonly zone: number;
  readonly ctId: number | null;
  readonly state: string | null;
  readonly status: string | null;
  readonly mark: number | null;
  readonly helper: string | null;
  /** Exact from XML; a second either way where it was worked out from delta-time. */
  readonly startedAtUs: number | null;
  /** Reading plus seconds left: up to a second early, since printed seconds are rounded down. NULL: reading time or seconds unknown. */
  readonly expiresAtUs: number | null;
  readonly timeoutS: number | null;
  readonly packets: number | null;
  readonly bytes: number | null;
  readonly replyPackets: number | null;
  readonly replyBytes: number | null;
  /** Where this version was first read. */
  readonly sourceId: number | null;
  readonly line: number | null;
}

/**
 * Entries whose original or reply tuple is one of these, in each snapshot that showed them, in order of series, seq, list.
 * @param tupleIds from tupleIds(): with both ends of a tuple among them, entries are found on either side of NAT
 * @param snapshotId only of this snapshot; NULL: of all
 */
export function readEntries(
  db: Db,
  tupleIds: readonly number[],
  snapshotId: number | null = null,
): readonly EntrySighting[] {
  return db
    .prepare(
      `WITH wanted (id) AS (SELECT value FROM json_each(:ids)),
         versions (id) AS (SELECT v.id FROM ct_entry_versions v JOIN wanted w ON v.tuple_id = w.id
           UNION SELECT v.id FROM ct_entry_versions v JOIN wanted w ON v.reply_tuple_id = w.id)
       SELECT n.id AS snapshotId, n.series_id AS seriesId, n.seq, n.taken_at_us AS takenAtUs, n.error_us AS errorUs, n.name AS snapshotName,
         v.id AS versionId, v.list, v.tuple_id AS tupleId, v.reply_tuple_id AS replyTupleId, o.proto, o.src AS origSrc, o.dst AS origDst,
         o.sport AS origSport, o.dport AS origDport, o.extra AS origExtra, r.src AS replySrc, r.dst AS replyDst, r.sport AS replySport,
         r.dport AS replyDport, v.zone, v.ct_id AS ctId, v.state, v.status, v.mark, v.helper, v.started_at_us AS startedAtUs,
         CASE WHEN m.version_id IS NULL THEN v.expires_at_us ELSE m.expires_at_us END AS expiresAtUs,
         CASE WHEN m.version_id IS NULL THEN v.timeout_s ELSE m.timeout_s END AS timeoutS,
         m.packets, m.bytes, m.reply_packets AS replyPackets, m.reply_bytes AS replyBytes, v.source_id AS sourceId, v.line
       FROM versions x JOIN ct_entry_versions v ON v.id = x.id
         JOIN snapshots n ON n.series_id = v.series_id AND n.seq >= v.from_seq AND (v.to_seq IS NULL OR n.seq < v.to_seq)
         JOIN tuples o ON o.id = v.tuple_id LEFT JOIN tuples r ON r.id = v.reply_tuple_id
         LEFT JOIN ct_entry_moves m ON m.version_id = v.id
           AND m.seq = (SELECT max(seq) FROM ct_entry_moves WHERE version_id = v.id AND seq <= n.seq)
       WHERE :snapshot IS NULL OR n.id = :snapshot
       ORDER BY n.series_id, n.seq, v.list, v.id`,
    )
    .all({ ids: idList(tupleIds), snapshot: snapshotId }) as EntrySighting[];
}

export type Presence = 'seen' | 'absent' | 'not-read';

export interface ListReading {
  readonly snapshotId: number;
  readonly seriesId: number;
  readonly seq: number;
  /** When this list was read; the snapshot's time where the part keeps none. */
  readonly atUs: number | null;
  readonly errorUs: number | null;
  readonly presence: Presence;
  /** Why the list could not be read, or what limits the reading. */
  readonly why: string | null;
  readonly sourceId: number | null;
  readonly firstLine: number | null;
}

/**
 * For each snapshot in order: was the flow in a list, was it not, or was the list not read? 'absent' is said only where the list was read
 * whole, for the flow's family: a part 'list:main' that was read and has no `why`, or 'list:main:ip' and 'list:main:ip6' for one family.
 */
export function readPresence(
  db: Db,
  tupleIds: readonly number[],
  list: string,
  family: 'ip' | 'ip6',
): readonly ListReading[] {
  return db
    .prepare(
      `WITH wanted (id) AS (SELECT value FROM json_each(:ids)),
         versions (series_id, from_seq, to_seq) AS (
           SELECT series_id, from_seq, to_seq FROM ct_entry_versions v JOIN wanted w ON v.tuple_id = w.id WHERE v.list = :list
           UNION ALL SELECT series_id, from_seq, to_seq FROM ct_entry_versions v JOIN wanted w ON v.reply_tuple_id = w.id WHERE v.list = :list),
         parts AS (SELECT p.*, row_number() OVER (PARTITION BY snapshot_id ORDER BY state = 'read' AND why IS NULL DESC, part) AS nth
           FROM snapshot_parts p WHERE part IN ('list:' || :list, 'list:' || :list || ':' || :family))
       SELECT n.id AS snapshotId, n.series_id AS seriesId, n.seq, coalesce(p.at_us, n.taken_at_us) AS atUs, n.error_us AS errorUs,
         CASE WHEN EXISTS (SELECT 1 FROM versions v WHERE v.series_id = n.series_id AND v.from_seq <= n.seq
               AND (v.to_seq IS NULL OR v.to_seq > n.seq)) THEN 'seen'
           WHEN p.state = 'read' AND p.why IS NULL THEN 'absent' ELSE 'not-read' END AS presence,
         p.why, p.source_id AS sourceId, p.first_line AS firstLine
       FROM snapshots n LEFT JOIN parts p ON p.snapshot_id = n.id AND p.nth = 1
       ORDER BY n.series_id, n.seq`,
    )
    .all({ ids: idList(tupleIds), list, family }) as ListReading[];
}

export interface EventRow {
  readonly id: number;
  /** NULL: the stream's clock is not placed. */
  readonly seenAtUs: number | null;
  readonly errorUs: number | null;
  readonly clockId: number;
  readonly clockUs: number | null;
  readonly sourceId: number;
  readonly line: number;
  readonly kind: string;
  readonly tupleId: number;
  readonly replyTupleId: number | null;
  readonly namespaceId: number | null;
  readonly zone: number | null;
  readonly ctId: number | null;
  readonly state: string | null;
  readonly status: string | null;
  readonly timeoutS: number | null;
  readonly mark: number | null;
  readonly portId: number | null;
  readonly isUserSpace: 0 | 1 | null;
  readonly packets: number | null;
  readonly bytes: number | null;
  readonly replyPackets: number | null;
  readonly replyBytes: number | null;
  readonly startedAtUs: number | null;
  readonly stoppedAtUs: number | null;
  /** JSON, by the model's names: helper, labels, deltaTimeS, master, … */
  readonly extra: string | null;
}

/** Events whose original or reply tuple is one of these, in order of time; unplaced ones last, in the order of their lines. */
export function readEvents(db: Db, tupleIds: readonly number[]): readonly EventRow[] {
  return db
    .prepare(
      `WITH wanted (id) AS (SELECT value FROM json_each(?)),
         found (id) AS (SELECT e.id FROM events e JOIN wanted w ON e.tuple_id = w.id
           UNION SELECT e.id FROM events e JOIN wanted w ON e.reply_tuple_id = w.id)
       SELECT e.id, e.clock_us + c.offset_us AS seenAtUs, c.error_us AS errorUs, e.clock_id AS clockId, e.clock_us AS clockUs,
         c.source_id AS sourceId, e.line, e.kind, e.tuple_id AS tupleId, e.reply_tuple_id AS replyTupleId, e.namespace_id AS namespaceId,
         e.zone, e.ct_id AS ctId, e.state, e.status, e.timeout_s AS timeoutS, e.mark, e.port_id AS portId, e.is_user_space AS isUserSpace,
         e.packets, e.bytes, e.reply_packets AS replyPackets, e.reply_bytes AS replyBytes, e.started_at_us AS startedAtUs,
         e.stopped_at_us AS stoppedAtUs, e.extra
       FROM found f JOIN events e ON e.id = f.id JOIN clocks c ON c.id = e.clock_id
       ORDER BY seenAtUs IS NULL, seenAtUs, c.source_id, e.line`,
    )
    .all(idList(tupleIds)) as EventRow[];
}
