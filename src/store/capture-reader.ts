// Packets that a capture saw on the wire, of one connection.

import type { Db } from './open-store.js';

export interface CapturedRow {
  readonly id: number;
  readonly atUs: number | null;
  readonly errorUs: number | null;
  /** Microseconds on the capture's own clock, which also tells spans where no date places it; NULL: the line bears no time. */
  readonly clockUs: number | null;
  readonly clockId: number;
  readonly sourceId: number;
  readonly line: number;
  readonly tupleId: number;
  readonly interface: string | null;
  readonly len: number | null;
  readonly ipId: number | null;
  readonly ttl: number | null;
  readonly flags: string | null;
  readonly seq: number | null;
  readonly ack: number | null;
  readonly window: number | null;
  readonly payload: number | null;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Microseconds from one captured packet to another; NULL: their times cannot be compared. */
export function elapsedUs(from: CapturedRow, to: CapturedRow): number | null {
  if (from.clockId === to.clockId && from.clockUs !== null && to.clockUs !== null) return to.clockUs - from.clockUs;
  return from.atUs === null || to.atUs === null ? null : to.atUs - from.atUs;
}

/** Captured packets of these tuples in order of time. @param limit at most so many, the earliest */
export function readCaptured(
  db: Db,
  hostId: number,
  tupleIds: readonly number[],
  fromUs: number | null,
  toUs: number | null,
  limit: number,
): readonly CapturedRow[] {
  const rows = db
    .prepare(
      `SELECT p.id, p.clock_us + c.offset_us AS atUs, c.error_us AS errorUs, p.clock_us AS clockUs, p.clock_id AS clockId,
        c.source_id AS sourceId, p.line, p.tuple_id AS tupleId, p.interface,
        p.len, p.ip_id AS ipId, p.ttl, p.flags, p.seq, p.ack, p.window, p.payload, p.extra
      FROM captured_packets p JOIN clocks c ON c.id = p.clock_id JOIN sources s ON s.id = c.source_id
      WHERE s.host_id = @hostId AND p.tuple_id IN (SELECT value FROM json_each(@tuples))
        AND (@fromUs IS NULL OR p.clock_us + c.offset_us >= @fromUs) AND (@toUs IS NULL OR p.clock_us + c.offset_us <= @toUs)
      ORDER BY p.clock_us + c.offset_us, p.id LIMIT @limit`,
    )
    .all({ hostId, tuples: JSON.stringify(tupleIds), fromUs, toUs, limit }) as (Omit<CapturedRow, 'extra'> & {
    extra: string | null;
  })[];
  return rows.map((row) => ({
    ...row,
    extra: row.extra === null ? {} : (JSON.parse(row.extra) as Record<string, unknown>),
  }));
}

/** Tuples that captures saw, with the host and how many packets each; limited to these tuples where some are given. */
export function readCapturedTuples(
  db: Db,
  tupleIds: readonly number[] | null,
): readonly { readonly hostId: number; readonly tupleId: number; readonly count: number }[] {
  return db
    .prepare(
      `SELECT s.host_id AS hostId, p.tuple_id AS tupleId, count(*) AS count FROM captured_packets p JOIN clocks c ON c.id = p.clock_id
        JOIN sources s ON s.id = c.source_id
      WHERE p.tuple_id IS NOT NULL AND (@tuples IS NULL OR p.tuple_id IN (SELECT value FROM json_each(@tuples))) GROUP BY 1, 2 ORDER BY 3 DESC`,
    )
    .all({ tuples: tupleIds === null ? null : JSON.stringify(tupleIds) }) as {
    hostId: number;
    tupleId: number;
    count: number;
  }[];
}

/** Tuples of captured packets that a SYN and a RST went by, the latest first: somebody opened, and gave up. */
export function readOpenedAndReset(db: Db, hostId: number, limit: number): readonly number[] {
  return db
    .prepare(
      `SELECT p.tuple_id FROM captured_packets p JOIN clocks c ON c.id = p.clock_id JOIN sources s ON s.id = c.source_id
      WHERE s.host_id = ? AND p.tuple_id IS NOT NULL AND p.flags IN ('SYN', 'SYN ECE CWR', 'RST', 'RST ACK')
      GROUP BY 1 HAVING min(p.flags LIKE 'RST%') = 0 AND max(p.flags LIKE 'RST%') = 1 ORDER BY max(p.id) DESC LIMIT ?`,
    )
    .pluck()
    .all(hostId, limit) as number[];
}
