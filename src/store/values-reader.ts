// What was a setting worth at a snapshot, and by how much did a counter move between two?

import type { Db } from './open-store.js';

export interface ValueAsOf {
  readonly value: string | number | null;
  /** The snapshot that first showed this value, in the same series. */
  readonly sinceSeq: number;
  readonly sourceId: number | null;
  readonly line: number | null;
  /** Whether sysctls were read in this very snapshot; otherwise the value is the last one known before it. */
  readonly isRead: boolean;
}

/** A sysctl's value as of a snapshot; NULL where the series does not know it up to then. @param name 'net.netfilter.nf_conntrack_tcp_loose' */
export function readSysctl(db: Db, snapshotId: number, name: string): ValueAsOf | null {
  const row = db
    .prepare(
      `SELECT v.value, v.seq AS sinceSeq, v.source_id AS sourceId, v.line,
         v.seq = n.seq OR EXISTS (SELECT 1 FROM snapshot_parts p WHERE p.snapshot_id = n.id AND p.part = 'sysctl' AND p.state = 'read') AS isRead
       FROM snapshots n JOIN values_over_time v ON v.series_id = n.series_id AND v.what = 'sysctl' AND v.name = ? AND v.cpu = -1 AND v.seq <= n.seq
       WHERE n.id = ? ORDER BY v.seq DESC LIMIT 1`,
    )
    .get(name, snapshotId) as (Omit<ValueAsOf, 'isRead'> & { isRead: number }) | undefined;
  return row === undefined ? null : { ...row, isRead: row.isRead === 1 };
}

export interface StatisticDelta {
  readonly name: string;
  readonly cpu: number;
  readonly before: number;
  readonly after: number;
  /** How far the counter moved; NULL where it was reset and only `after` is known of it. */
  readonly delta: number | null;
  readonly isReset: boolean;
}

interface StatisticRow {
  readonly name: string;
  readonly cpu: number;
  readonly value: number;
}

/** Kernel counters of the tracker are 32 bits wide (include/net/netns/conntrack.h: ip_conntrack_stat, v6.18). */
const COUNTER_SPAN = 4_294_967_296;
/** Not a counter: every row repeats the namespace's number of entries. */
const GAUGES = new Set(['entries']);

function valuesAt(db: Db, seriesId: number, seq: number): readonly StatisticRow[] {
  return db
    .prepare(
      `SELECT name, cpu, value, max(seq) FROM values_over_time
       WHERE series_id = ? AND what = 'ct-stat' AND seq <= ? AND typeof(value) = 'integer' GROUP BY name, cpu ORDER BY cpu, name`,
    )
    .all(seriesId, seq) as StatisticRow[];
}

/**
 * How each counter of each CPU moved between two snapshots of one series. A counter that fell while no other of its CPU did and that was in
 * the upper half of its range has wrapped; any other fall is a reset (the module was loaded again, the host rebooted).
 * @returns NULL when the snapshots are of different series, or statistics were not read in both
 */
export function readStatisticDeltas(
  db: Db,
  fromSnapshotId: number,
  toSnapshotId: number,
): readonly StatisticDelta[] | null {
  const place = db.prepare(
    `SELECT n.series_id AS seriesId, n.seq, EXISTS (SELECT 1 FROM snapshot_parts p WHERE p.snapshot_id = n.id AND p.part = 'stats'
       AND p.state = 'read') AS isRead FROM snapshots n WHERE n.id = ?`,
  );
  type Place = { seriesId: number; seq: number; isRead: number } | undefined;
  const from = place.get(fromSnapshotId) as Place;
  const to = place.get(toSnapshotId) as Place;
  if (from === undefined || to === undefined || from.seriesId !== to.seriesId || from.isRead + to.isRead < 2)
    return null;

  const before = new Map(valuesAt(db, from.seriesId, from.seq).map((row) => [`${row.cpu} ${row.name}`, row.value]));
  const pairs = valuesAt(db, to.seriesId, to.seq).flatMap((row) => {
    const earlier = before.get(`${row.cpu} ${row.name}`);
    return earlier === undefined || GAUGES.has(row.name) ? [] : [{ ...row, earlier }];
  });
  const falls = new Map<number, number>();
  for (const { cpu, value, earlier } of pairs) if (value < earlier) falls.set(cpu, (falls.get(cpu) ?? 0) + 1);
  const isWrapped = ({ cpu, value, earlier }: (typeof pairs)[number]): boolean =>
    value < earlier && falls.get(cpu) === 1 && earlier >= COUNTER_SPAN / 2 && value < COUNTER_SPAN / 2;
  const resetCpus = new Set(
    pairs.filter((pair) => pair.value < pair.earlier && !isWrapped(pair)).map(({ cpu }) => cpu),
  );
  return pairs.map((pair) => {
    const { name, cpu, value, earlier } = pair;
    // After a reset, counters that did not fall were reset all the same.
    const isReset = resetCpus.has(cpu);
    const moved = isWrapped(pair) ? value + COUNTER_SPAN - earlier : value - earlier;
    return { name, cpu, before: earlier, after: value, delta: isReset ? null : moved, isReset };
  });
}
