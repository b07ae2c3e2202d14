// Connections that were sent to another target than they asked for, whose answer need not come back through this host: unanswered
// entries with a new destination near the source.

import type { Db } from './open-store.js';
import type { EntryWithEnds } from './stale-suspects.js';

/** Handed back at most. */
const MOST = 500;

/** Unanswered TCP entries whose destination was translated and whose source was not, the latest first. */
export function readUnansweredRedirected(db: Db, hostId: number): readonly EntryWithEnds[] {
  return db
    .prepare(
      `SELECT v.id AS versionId, n.id AS snapshotId, v.list, v.tuple_id AS tupleId, v.reply_tuple_id AS replyTupleId, v.zone, v.state, v.status, v.ct_id AS ctId, v.helper,
        v.expires_at_us AS expiresAtUs, v.timeout_s AS timeoutS, NULL AS packets, NULL AS replyPackets, v.source_id AS sourceId, v.line,
        v.series_id AS seriesId, v.from_seq AS fromSeq, v.to_seq AS toSeq,
        t.proto, t.src, t.sport, t.dst, t.dport, r.src AS replySrc, r.sport AS replySport, r.dst AS replyDst, r.dport AS replyDport
      FROM ct_entry_versions v JOIN series s ON s.id = v.series_id JOIN snapshots n ON n.series_id = v.series_id AND n.seq = v.from_seq
        JOIN tuples t ON t.id = v.tuple_id JOIN tuples r ON r.id = v.reply_tuple_id
      WHERE s.host_id = @host AND v.list = 'main' AND v.state IN ('SYN_SENT', 'SYN_SENT2', 'SYN_RECV') AND t.proto = 6 AND r.src <> t.dst AND r.dst = t.src
      ORDER BY v.id DESC LIMIT ${MOST}`,
    )
    .all({ host: hostId }) as EntryWithEnds[];
}

/** Whom the target of an entry answers: some of its clients. */
export function readAnsweredClients(db: Db, hostId: number, own: EntryWithEnds): readonly string[] {
  return db
    .prepare(
      `SELECT DISTINCT t.src FROM tuples r JOIN ct_entry_versions v ON v.reply_tuple_id = r.id JOIN series s ON s.id = v.series_id JOIN tuples t ON t.id = v.tuple_id
      WHERE r.src = @src AND r.sport IS @sport AND r.proto = @proto AND s.host_id = @host AND v.list = 'main' AND v.state IN ('ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT')
      LIMIT 50`,
    )
    .pluck()
    .all({ src: own.replySrc, sport: own.replySport, proto: own.proto, host: hostId }) as string[];
}

/** An answered entry to the same target from elsewhere, as the version's id; NULL: none. The target is alive then. */
export function readAnsweredTarget(db: Db, hostId: number, own: EntryWithEnds): number | null {
  const row = db
    .prepare(
      `SELECT v.id FROM tuples r JOIN ct_entry_versions v ON v.reply_tuple_id = r.id JOIN series s ON s.id = v.series_id
      WHERE r.src = @src AND r.sport IS @sport AND r.proto = @proto AND s.host_id = @host AND v.list = 'main' AND v.state IN ('ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT')
      LIMIT 1`,
    )
    .pluck()
    .get({ src: own.replySrc, sport: own.replySport, proto: own.proto, host: hostId }) as number | undefined;
  return row ?? null;
}
