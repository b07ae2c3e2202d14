// What the store knows about the sources and hosts of one ingest, for its closing report.

import type { ClockKind, ClockMethod } from './clocks.js';
import type { Db } from './open-store.js';

export interface ReportedSource {
  readonly host: string;
  readonly isHostAssumed: boolean;
  /** Release of the newest boot the source, or else its host, is known to belong to; NULL: nothing tells. */
  readonly kernel: string | null;
  /** The worst-placed clock that has rows. */
  readonly clock: { readonly kind: ClockKind; readonly method: ClockMethod; readonly errorUs: number | null } | null;
}

export function reportedSource(db: Db, sourceId: number): ReportedSource {
  const host = db
    .prepare(
      'SELECT h.id, h.name, h.is_assumed AS isAssumed FROM sources s JOIN hosts h ON h.id = s.host_id WHERE s.id = ?',
    )
    .get(sourceId) as { id: number; name: string; isAssumed: number };
  const ofSource = db
    .prepare(
      'SELECT b.kernel_release FROM clocks c JOIN boots b ON b.id = c.boot_id WHERE c.source_id = ? AND b.kernel_release IS NOT NULL ORDER BY c.from_line DESC LIMIT 1',
    )
    .pluck()
    .get(sourceId) as string | undefined;
  const clock = db
    .prepare(
      `SELECT kind, method, error_us AS errorUs FROM clocks WHERE source_id = ? ORDER BY kind = 'none', error_us IS NULL DESC, error_us DESC LIMIT 1`,
    )
    .get(sourceId) as ReportedSource['clock'] | undefined;
  return {
    host: host.name,
    isHostAssumed: host.isAssumed === 1,
    kernel: ofSource ?? kernelOfHost(db, host.id),
    clock: clock ?? null,
  };
}

/** Release of the newest boot of a host that has one. */
export function kernelOfHost(db: Db, hostId: number): string | null {
  return newestRelease(db, hostId)?.release ?? null;
}

/** Whether that release is only mentioned in prose, or is one of a later boot. */
export function isKernelGuessed(db: Db, hostId: number): boolean {
  return newestRelease(db, hostId)?.isGuessed === 1;
}

function newestRelease(db: Db, hostId: number): { readonly release: string; readonly isGuessed: number } | undefined {
  return db
    .prepare(
      'SELECT kernel_release AS release, is_release_guessed AS isGuessed FROM boots WHERE host_id = ? AND kernel_release IS NOT NULL ORDER BY began_at_us IS NULL, began_at_us DESC, id DESC LIMIT 1',
    )
    .get(hostId) as { readonly release: string; readonly isGuessed: number } | undefined;
}

/** Kinds of evidence a host has: coverage that could show something, parts that were read, 'kernel' for a known release. */
export function evidenceOfHosts(db: Db, hostIds: readonly number[]): ReadonlySet<string> {
  const present = new Set<string>();
  const coverage = db
    .prepare("SELECT DISTINCT what FROM coverage WHERE host_id = ? AND state IN ('complete', 'limited')")
    .pluck();
  const parts = db
    .prepare(
      "SELECT DISTINCT p.part FROM snapshot_parts p JOIN snapshots n ON n.id = p.snapshot_id JOIN series s ON s.id = n.series_id WHERE s.host_id = ? AND p.state = 'read'",
    )
    .pluck();
  for (const hostId of hostIds) {
    for (const what of [...(coverage.all(hostId) as string[]), ...(parts.all(hostId) as string[])]) present.add(what);
    if (kernelOfHost(db, hostId) !== null) present.add('kernel');
  }
  return present;
}

/** Sources that calls which never ended have touched: their closing work may not have been done. */
export function sourcesOfKilledCalls(
  db: Db,
  exceptIngestId: number,
): readonly { readonly id: number; readonly hostId: number }[] {
  return db
    .prepare(
      'SELECT s.id, s.host_id AS hostId FROM sources s JOIN ingests i ON i.id = s.last_ingest_id WHERE i.ended_at_us IS NULL AND i.id <> ?',
    )
    .all(exceptIngestId) as { id: number; hostId: number }[];
}

/** Sources a call met, with the host each belongs to now. */
export function sourcesOfCall(db: Db, ingestId: number): readonly { readonly id: number; readonly hostId: number }[] {
  return db.prepare('SELECT id, host_id AS hostId FROM sources WHERE last_ingest_id = ?').all(ingestId) as {
    id: number;
    hostId: number;
  }[];
}
