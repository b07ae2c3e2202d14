// Which snapshots are there, what could each of them show, and how many entries of which kind did it see?

import type { Db } from './open-store.js';

export interface SnapshotFacts {
  readonly id: number;
  readonly seriesId: number;
  readonly seq: number;
  readonly host: string;
  readonly kernel: string | null;
  readonly bootUuid: string | null;
  /** Name of the namespace, its inode where it has none; NULL: the first one, or not told. */
  readonly netns: string | null;
  readonly takenAtUs: number | null;
  readonly tookUs: number | null;
  readonly name: string | null;
  /** 'snapshot', 'capture', 'ingest'. */
  readonly madeBy: string;
  /** nf_conntrack_count and its maximum. */
  readonly entryCount: number | null;
  readonly entryMax: number | null;
}

const FACTS = `SELECT n.id, n.series_id AS seriesId, n.seq, h.name AS host, b.kernel_release AS kernel, b.boot_uuid AS bootUuid,
    CASE WHEN s.is_initial = 1 THEN NULL ELSE coalesce(s.name, CAST(s.inode AS TEXT)) END AS netns, n.taken_at_us AS takenAtUs,
    n.took_us AS tookUs, n.name, r.made_by AS madeBy, n.entry_count AS entryCount, n.entry_max AS entryMax
  FROM snapshots n JOIN series r ON r.id = n.series_id JOIN hosts h ON h.id = r.host_id LEFT JOIN boots b ON b.id = r.boot_id
    LEFT JOIN namespaces s ON s.id = r.namespace_id`;
const IN_ORDER = 'ORDER BY n.taken_at_us IS NOT NULL, n.taken_at_us, n.id';

/** All snapshots in order of time, those of unknown time first. */
export function listSnapshots(db: Db): readonly SnapshotFacts[] {
  return db.prepare(`${FACTS} ${IN_ORDER}`).all() as SnapshotFacts[];
}

export function snapshotById(db: Db, id: number): SnapshotFacts | null {
  return (db.prepare(`${FACTS} WHERE n.id = ?`).get(id) as SnapshotFacts | undefined) ?? null;
}

/** The newest of a name. */
export function snapshotByName(db: Db, name: string): SnapshotFacts | null {
  return (
    (db.prepare(`${FACTS} WHERE n.name = ? ${IN_ORDER} DESC LIMIT 1`).get(name) as SnapshotFacts | undefined) ?? null
  );
}

/** The last snapshot of a time or before it; the first one behind it where there is none. */
export function snapshotAt(db: Db, atUs: number): SnapshotFacts | null {
  const before = db
    .prepare(`${FACTS} WHERE n.taken_at_us <= ? ORDER BY n.taken_at_us DESC, n.id DESC LIMIT 1`)
    .get(atUs);
  const behind =
    before ?? db.prepare(`${FACTS} WHERE n.taken_at_us > ? ORDER BY n.taken_at_us, n.id LIMIT 1`).get(atUs);
  return (behind as SnapshotFacts | undefined) ?? null;
}

/** The newest snapshot, and the one that it is best compared with: the one before it of the same host and namespace. */
export function lastTwoSnapshots(db: Db): readonly SnapshotFacts[] {
  const all = listSnapshots(db);
  const last = all.at(-1);
  if (last === undefined) return [];
  const before = all
    .slice(0, -1)
    .filter((one) => one.host === last.host && one.netns === last.netns)
    .at(-1);
  return before === undefined ? [last] : [before, last];
}

export interface PartFacts {
  readonly part: string;
  readonly state: 'read' | 'failed' | 'cannot-show';
  readonly atUs: number | null;
  readonly tookUs: number | null;
  readonly why: string | null;
}

export function readParts(db: Db, snapshotId: number): readonly PartFacts[] {
  return db
    .prepare(
      'SELECT part, state, at_us AS atUs, took_us AS tookUs, why FROM snapshot_parts WHERE snapshot_id = ? ORDER BY at_us IS NULL, at_us, part',
    )
    .all(snapshotId) as PartFacts[];
}

const LIVES = 'v.series_id = @series AND v.from_seq <= @seq AND (v.to_seq IS NULL OR v.to_seq > @seq)';

export interface EntryGroup {
  readonly list: string;
  readonly proto: number;
  readonly state: string | null;
  readonly isAssured: 0 | 1;
  readonly isUnreplied: 0 | 1;
  readonly entries: number;
}

/** Entries of a snapshot by list, protocol, state and whether both sides were heard. */
export function readEntryGroups(
  db: Db,
  { seriesId, seq }: { readonly seriesId: number; readonly seq: number },
): readonly EntryGroup[] {
  return db
    .prepare(
      `SELECT v.list, t.proto, v.state, ifnull(instr(v.status, 'ASSURED') > 0, 0) AS isAssured,
         ifnull(instr(v.status, 'UNREPLIED') > 0, 0) AS isUnreplied, count(*) AS entries
       FROM ct_entry_versions v JOIN tuples t ON t.id = v.tuple_id WHERE ${LIVES} GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 6 DESC, 2, 3`,
    )
    .all({ series: seriesId, seq }) as EntryGroup[];
}

/** How many entries the main list of a snapshot showed. */
export function countEntries(db: Db, { seriesId, seq }: { readonly seriesId: number; readonly seq: number }): number {
  return db
    .prepare(`SELECT count(*) FROM ct_entry_versions v WHERE ${LIVES} AND v.list = 'main'`)
    .pluck()
    .get({ series: seriesId, seq }) as number;
}

/** Statistics of the tracker at a snapshot, summed over its CPUs. */
export function readStatisticSums(
  db: Db,
  { seriesId, seq }: { readonly seriesId: number; readonly seq: number },
): ReadonlyMap<string, number> {
  const rows = db
    .prepare(
      `SELECT name, sum(value) AS value FROM (SELECT name, cpu, value, max(seq) FROM values_over_time
         WHERE series_id = ? AND what = 'ct-stat' AND seq <= ? AND typeof(value) = 'integer' GROUP BY name, cpu) GROUP BY name`,
    )
    .all(seriesId, seq) as { name: string; value: number }[];
  return new Map(rows.map(({ name, value }) => [name, value]));
}

/** Entries that a snapshot saw first: made since the one before it, or changed since. */
export function countBorn(db: Db, { seriesId, seq }: { readonly seriesId: number; readonly seq: number }): number {
  return db
    .prepare(
      // From what ended: of a first snapshot that is nothing, and all of its entries began.
      `SELECT (SELECT count(*) FROM ct_entry_versions v WHERE v.series_id = @series AND v.to_seq IS NULL AND v.from_seq = @seq AND v.list = 'main')
         - (SELECT count(DISTINCT v.id) FROM ct_entry_versions b CROSS JOIN ct_entry_versions v ON v.tuple_id = b.tuple_id
           WHERE b.series_id = @series AND b.to_seq = @seq AND b.list = 'main' AND v.series_id = @series AND v.to_seq IS NULL AND v.from_seq = @seq
             AND v.zone = b.zone AND v.list = b.list AND v.ct_id IS b.ct_id)`,
    )
    .pluck()
    .get({ series: seriesId, seq }) as number;
}
