// Packets that a capture saw on the wire, of one connection.

import type { Db } from './open-store.js';

export interface CapturedRow {
  readonly id: number;
  readonly atUs: number | null;
  readonly errorUs: number | null;
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
      `SELECT p.id, p.clock_us + c.offset_us AS atUs, c.error_us AS errorUs, c.source_id AS sourceId, p.line, p.tuple_id AS tupleId, p.interface,
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
