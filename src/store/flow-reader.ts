// Tuples that the store knows to be one connection, and where a connection began.

import type { Db } from './open-store.js';

const EACH = '(SELECT value FROM json_each(@ids))';

/**
 * Pairs of tuples of one flow: its original tuple with each other one; for flows that have any of the given tuples.
 * @param hostId whose flows; NULL: of all hosts, for looking tuples up by what people type
 */
export function readFlowPairs(
  db: Db,
  tupleIds: readonly number[],
  hostId: number | null,
): readonly (readonly [number, number])[] {
  return db
    .prepare(
      `SELECT f.orig_tuple_id, m.tuple_id FROM flow_tuples w JOIN flows f ON f.id = w.flow_id JOIN flow_tuples m ON m.flow_id = f.id
      WHERE w.tuple_id IN ${EACH} AND (@host IS NULL OR f.host_id = @host) AND m.tuple_id <> f.orig_tuple_id GROUP BY 1, 2`,
    )
    .raw(true)
    .all({ ids: JSON.stringify(tupleIds), host: hostId }) as [number, number][];
}

/** An entry to the same destination as a flow's, or the flow's own. */
export interface SiblingEntry {
  readonly versionId: number;
  /** 1: of the flow itself. */
  readonly isOwn: number;
  readonly isUnreplied: number;
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

/** Entries of the main list to where a flow goes, its own among them; the latest first, at most `limit`. */
export function readSiblingEntries(
  db: Db,
  hostId: number,
  flow: { readonly id: number; readonly proto: number; readonly dst: string; readonly dport: number | null },
  limit: number,
): readonly SiblingEntry[] {
  return db
    .prepare(
      `SELECT v.id AS versionId, v.tuple_id = @id AS isOwn, coalesce(v.status, '') LIKE '%UNREPLIED%' AS isUnreplied, t.proto, t.src, t.sport, t.dst, t.dport,
        r.src AS replySrc, r.sport AS replySport, r.dst AS replyDst, r.dport AS replyDport
      FROM tuples t JOIN ct_entry_versions v ON v.tuple_id = t.id JOIN tuples r ON r.id = v.reply_tuple_id JOIN series s ON s.id = v.series_id
      WHERE t.proto = @proto AND t.dst = @dst AND t.dport IS @dport AND v.list = 'main' AND s.host_id = @host
      ORDER BY isOwn DESC, v.id DESC LIMIT @limit`,
    )
    .all({ id: flow.id, proto: flow.proto, dst: flow.dst, dport: flow.dport, host: hostId, limit }) as SiblingEntry[];
}

export interface FlowOrigin {
  readonly tupleId: number;
  readonly knownBy: string;
}

/** The original tuple of a host's latest flow among these tuples; NULL when the store has not joined them into one. */
export function readFlowOrigin(db: Db, tupleIds: readonly number[], hostId: number): FlowOrigin | null {
  const row = db
    .prepare(
      `SELECT f.orig_tuple_id AS tupleId, f.direction_known_by AS knownBy FROM flow_tuples w JOIN flows f ON f.id = w.flow_id
      WHERE w.tuple_id IN ${EACH} AND f.host_id = @host
      ORDER BY CASE f.direction_known_by WHEN 'event' THEN 0 WHEN 'entry' THEN 1 WHEN 'syn' THEN 2 ELSE 3 END, f.began_at_us DESC LIMIT 1`,
    )
    .get({ ids: JSON.stringify(tupleIds), host: hostId }) as FlowOrigin | undefined;
  return row ?? null;
}

/**
 * Original and reply tuples of entries that touch any of these tuples: what address translation joined.
 * @param hostId whose entries and events; NULL: of all hosts
 */
export function readEntryPairs(
  db: Db,
  tupleIds: readonly number[],
  hostId: number | null,
): readonly (readonly [number, number])[] {
  const ofEntries = `SELECT v.tuple_id, v.reply_tuple_id FROM ct_entry_versions v JOIN series s ON s.id = v.series_id WHERE (@host IS NULL OR s.host_id = @host)`;
  const ofEvents = `SELECT e.tuple_id, e.reply_tuple_id FROM events e JOIN clocks c ON c.id = e.clock_id JOIN sources s ON s.id = c.source_id WHERE e.reply_tuple_id IS NOT NULL AND (@host IS NULL OR s.host_id = @host)`;
  return db
    .prepare(
      `${ofEntries} AND v.tuple_id IN ${EACH} UNION ${ofEntries} AND v.reply_tuple_id IN ${EACH}
      UNION ${ofEvents} AND e.tuple_id IN ${EACH} UNION ${ofEvents} AND e.reply_tuple_id IN ${EACH}`,
    )
    .raw(true)
    .all({ ids: JSON.stringify(tupleIds), host: hostId }) as [number, number][];
}

export interface LatestFlow extends FlowOrigin {
  readonly hostId: number;
}

/** The latest flow that events or entries show, within hosts, tuples and times of a scope; NULL for none. */
export function readLatestFlow(
  db: Db,
  {
    hostIds,
    tupleIds,
    fromUs,
    toUs,
  }: {
    readonly hostIds: readonly number[] | null;
    readonly tupleIds: readonly number[] | null;
    readonly fromUs: number | null;
    readonly toUs: number | null;
  },
): LatestFlow | null {
  const list = (ids: readonly number[] | null) => (ids === null ? null : JSON.stringify(ids));
  const row = db
    .prepare(
      `SELECT f.host_id AS hostId, f.orig_tuple_id AS tupleId, f.direction_known_by AS knownBy FROM flows f
      WHERE f.direction_known_by IN ('event', 'entry') AND (@hosts IS NULL OR f.host_id IN (SELECT value FROM json_each(@hosts)))
        AND (@tuples IS NULL OR f.id IN (SELECT w.flow_id FROM flow_tuples w WHERE w.tuple_id IN (SELECT value FROM json_each(@tuples))))
        AND (@fromUs IS NULL OR f.ended_at_us IS NULL OR f.ended_at_us >= @fromUs) AND (@toUs IS NULL OR f.began_at_us IS NULL OR f.began_at_us <= @toUs)
      ORDER BY coalesce(f.ended_at_us, f.began_at_us) DESC, f.id DESC LIMIT 1`,
    )
    .get({ hosts: list(hostIds), tuples: list(tupleIds), fromUs, toUs }) as LatestFlow | undefined;
  return row ?? null;
}
