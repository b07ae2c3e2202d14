// Sockets that wait for the end of their connection, as the last snapshot that lists sockets found them.

import type { SocketRow } from './evidence-reader.js';
import type { Db } from './open-store.js';

export interface StuckSocket extends SocketRow {
  readonly seriesId: number;
  readonly seq: number;
  /** Tuples of the connection, both directions, as far as anything names them. */
  readonly tupleIds: readonly number[];
}

const MOST = 50;

/** TCP sockets in FIN-WAIT-1 or LAST-ACK; the first ones. */
export function readStuckSockets(db: Db, hostId: number): readonly StuckSocket[] {
  const last = db
    .prepare(
      `SELECT n.id, n.series_id AS seriesId, n.seq, q.at_us AS atUs FROM snapshot_parts q JOIN snapshots n ON n.id = q.snapshot_id JOIN series r ON r.id = n.series_id
      WHERE r.host_id = ? AND q.part = 'sockets' AND q.state = 'read' ORDER BY n.taken_at_us IS NULL, n.taken_at_us, n.series_id, n.seq`,
    )
    .all(hostId)
    .at(-1) as { id: number; seriesId: number; seq: number; atUs: number | null } | undefined;
  if (last === undefined) return [];
  const rows = db
    .prepare(
      `SELECT k.id, k.state, k.local, k.lport, k.peer, k.pport, k.send_q AS sendQ, k.timer, k.timer_ms AS timerMs, k.retrans, k.process, k.info, k.source_id AS sourceId, k.line
      FROM sockets_seen k WHERE k.series_id = @seriesId AND k.from_seq <= @seq AND (k.to_seq IS NULL OR k.to_seq > @seq) AND k.proto = 6
        AND k.state IN ('FIN-WAIT-1', 'LAST-ACK') AND k.peer IS NOT NULL ORDER BY k.id LIMIT ${MOST}`,
    )
    .all({ seriesId: last.seriesId, seq: last.seq }) as Omit<SocketRow, 'snapshotId' | 'atUs'>[];
  const tuples = db
    .prepare(
      `SELECT id FROM tuples WHERE proto = 6 AND src = @a AND sport = @ap AND dst = @b AND dport = @bp
      UNION SELECT id FROM tuples WHERE proto = 6 AND src = @b AND sport = @bp AND dst = @a AND dport = @ap`,
    )
    .pluck();
  return rows.map((row) => ({
    ...row,
    snapshotId: last.id,
    atUs: last.atUs,
    seriesId: last.seriesId,
    seq: last.seq,
    tupleIds: tuples.all({ a: row.local, ap: row.lport, b: row.peer, bp: row.pport }) as number[],
  }));
}
