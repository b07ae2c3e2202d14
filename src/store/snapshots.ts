// Snapshots: what was read of a host at one moment, in order of time, each part with its own time of reading.

import type { Db } from './open-store.js';

export type SnapshotMaker = 'ingest' | 'snapshot' | 'capture';
export type PartState = 'read' | 'failed' | 'cannot-show';

export interface SeriesPlace {
  readonly hostId: number;
  readonly bootId: number | null;
  readonly namespaceId: number | null;
  readonly madeBy: SnapshotMaker;
}

/** A series that nothing was put into yet. */
export function addSeries(db: Db, place: SeriesPlace): number {
  return Number(
    db
      .prepare('INSERT INTO series (host_id, boot_id, namespace_id, made_by) VALUES (?, ?, ?, ?)')
      .run(place.hostId, place.bootId, place.namespaceId, place.madeBy).lastInsertRowid,
  );
}

/**
 * The series that a snapshot taken at a time continues: the newest of that host, boot, namespace and maker whose last snapshot
 * is known to be older. A snapshot of unknown time, or one older than the newest, opens a series of its own.
 */
export function seriesFor(db: Db, place: SeriesPlace, takenAtUs: number | null): number {
  const newest = db
    .prepare(
      `SELECT s.id, (SELECT max(n.taken_at_us) FROM snapshots n WHERE n.series_id = s.id) AS last,
         (SELECT count(*) FROM snapshots n WHERE n.series_id = s.id AND n.taken_at_us IS NULL) AS untimed
       FROM series s WHERE s.host_id = ? AND s.boot_id IS ? AND s.namespace_id IS ? AND s.made_by = ? ORDER BY s.id DESC LIMIT 1`,
    )
    .get(place.hostId, place.bootId, place.namespaceId, place.madeBy) as
    | { id: number; last: number | null; untimed: number }
    | undefined;
  if (
    newest !== undefined &&
    takenAtUs !== null &&
    newest.untimed === 0 &&
    (newest.last === null || newest.last < takenAtUs)
  )
    return newest.id;
  return addSeries(db, place);
}

export interface Snapshot {
  readonly id: number;
  readonly seriesId: number;
  readonly seq: number;
}

export interface NewSnapshot {
  readonly seriesId: number;
  readonly takenAtUs: number | null;
  readonly tookUs: number | null;
  readonly errorUs: number | null;
  /** 'before', 'after', … */
  readonly name: string | null;
}

/** The next snapshot of a series. */
export function addSnapshot(db: Db, snapshot: NewSnapshot): Snapshot {
  const { seq } = db
    .prepare('SELECT coalesce(max(seq), 0) + 1 AS seq FROM snapshots WHERE series_id = ?')
    .get(snapshot.seriesId) as { seq: number };
  const id = Number(
    db
      .prepare('INSERT INTO snapshots (series_id, seq, taken_at_us, took_us, error_us, name) VALUES (?, ?, ?, ?, ?, ?)')
      .run(snapshot.seriesId, seq, snapshot.takenAtUs, snapshot.tookUs, snapshot.errorUs, snapshot.name)
      .lastInsertRowid,
  );
  return { id, seriesId: snapshot.seriesId, seq };
}

export interface SnapshotPart {
  /** 'list:main', 'count', 'stats', 'sysctl', 'sockets', 'rules:ip:nft', … */
  readonly part: string;
  readonly state: PartState;
  /** Middle of the reading; NULL: nothing tells. */
  readonly atUs: number | null;
  readonly tookUs: number | null;
  readonly sourceId: number | null;
  readonly firstLine: number | null;
  readonly why: string | null;
}

/** Notes a part of a snapshot. A part that was read is not made unread by a second attempt that failed. */
export function addPart(db: Db, snapshotId: number, part: SnapshotPart): void {
  db.prepare(
    `INSERT INTO snapshot_parts (snapshot_id, part, state, at_us, took_us, source_id, first_line, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (snapshot_id, part) DO UPDATE SET state = excluded.state, at_us = coalesce(excluded.at_us, at_us),
       took_us = coalesce(excluded.took_us, took_us), source_id = excluded.source_id, first_line = excluded.first_line, why = excluded.why
     WHERE snapshot_parts.state <> 'read'`,
  ).run(snapshotId, part.part, part.state, part.atUs, part.tookUs, part.sourceId, part.firstLine, part.why);
}

/** The snapshot's own time, from what its parts tell: the middle between the first and the last of them. */
export function settleSnapshotTime(db: Db, snapshotId: number): void {
  const { low, high } = db
    .prepare(
      `SELECT min(at_us - coalesce(took_us, 0) / 2) AS low, max(at_us + (coalesce(took_us, 0) + 1) / 2) AS high FROM snapshot_parts
       WHERE snapshot_id = ? AND state = 'read' AND at_us IS NOT NULL`,
    )
    .get(snapshotId) as { low: number | null; high: number | null };
  if (low === null || high === null) return;
  db.prepare('UPDATE snapshots SET taken_at_us = ?, took_us = ? WHERE id = ?').run(
    Math.round((low + high) / 2),
    high - low,
    snapshotId,
  );
}

/** nf_conntrack_count and its maximum at the time; NULL leaves what is there. */
export function noteCounts(db: Db, snapshotId: number, entryCount: number | null, entryMax: number | null): void {
  db.prepare(
    'UPDATE snapshots SET entry_count = coalesce(?, entry_count), entry_max = coalesce(?, entry_max) WHERE id = ?',
  ).run(entryCount, entryMax, snapshotId);
}

/** Snapshots that hold a part read from a source, with the names of those parts. */
export function snapshotsOfSource(
  db: Db,
  sourceId: number,
): readonly { readonly snapshot: Snapshot; readonly parts: readonly string[] }[] {
  const rows = db
    .prepare(
      `SELECT n.id, n.series_id AS seriesId, n.seq, p.part FROM snapshot_parts p JOIN snapshots n ON n.id = p.snapshot_id
       WHERE p.source_id = ? ORDER BY n.id`,
    )
    .all(sourceId) as (Snapshot & { readonly part: string })[];
  const found = new Map<number, { snapshot: Snapshot; parts: string[] }>();
  for (const { part, ...snapshot } of rows) {
    const known = found.get(snapshot.id);
    if (known === undefined) found.set(snapshot.id, { snapshot, parts: [part] });
    else known.parts.push(part);
  }
  return [...found.values()];
}

/** Whether no later snapshot of its series was begun. */
export function isNewest(db: Db, snapshot: Snapshot): boolean {
  return (
    db.prepare('SELECT max(seq) FROM snapshots WHERE series_id = ?').pluck().get(snapshot.seriesId) === snapshot.seq
  );
}
