// Which kernel ran, as the log itself says ('Linux version …'), and what its lists therefore cannot show.

import { bootOf, noteBootBegan, noteKernelRelease } from './hosts.js';
import { kernelOfHost } from './ingest-report.js';
import type { Db } from './open-store.js';

/** Releases that a source's lines name become those of their boots. A log without uptime has no boots of its own: it makes one. */
export function noteReleasesOfSource(db: Db, hostId: number, sourceId: number): void {
  const told = db
    .prepare(
      `SELECT c.id AS clockId, c.boot_id AS bootId, k.clock_us + c.offset_us AS atUs, c.error_us AS errorUs, json_extract(k.extra, '$.release') AS release
       FROM clocks c JOIN kernel_notices k ON k.clock_id = c.id
       WHERE c.source_id = ? AND k.text LIKE 'Linux version %' AND json_extract(k.extra, '$.release') IS NOT NULL ORDER BY k.line`,
    )
    .all(sourceId) as {
    clockId: number;
    bootId: number | null;
    atUs: number | null;
    errorUs: number | null;
    release: string;
  }[];
  const known = db.prepare('SELECT 1 FROM boots WHERE host_id = ? AND kernel_release = ?').pluck();
  for (const { bootId, atUs, errorUs, release } of told) {
    if (bootId !== null) noteKernelRelease(db, bootId, release);
    else if (known.get(hostId, release) === undefined) {
      const made = bootOf(db, hostId, null);
      noteKernelRelease(db, made, release);
      if (atUs !== null && errorUs !== null) noteBootBegan(db, made, atUs, errorUs);
    }
  }
}

export interface ListPart {
  readonly snapshotId: number;
  readonly part: string;
  /** Of the snapshot's boot, or else the newest the host is known to have run; NULL: nothing tells. */
  readonly release: string | null;
  readonly hasEntries: boolean;
}

/** The lists that some kernels cannot show, wherever they were read. */
export function listParts(db: Db, hostId: number, parts: readonly string[]): readonly ListPart[] {
  const newest = kernelOfHost(db, hostId);
  const rows = db
    .prepare(
      `SELECT p.snapshot_id AS snapshotId, p.part, b.kernel_release AS release,
         EXISTS (SELECT 1 FROM ct_entry_versions v WHERE v.series_id = n.series_id AND v.list = substr(p.part, 6) AND v.from_seq <= n.seq AND (v.to_seq IS NULL OR v.to_seq > n.seq)) AS hasEntries
       FROM series s JOIN snapshots n ON n.series_id = s.id JOIN snapshot_parts p ON p.snapshot_id = n.id LEFT JOIN boots b ON b.id = s.boot_id
       WHERE s.host_id = ? AND p.state = 'read' AND p.part IN (SELECT value FROM json_each(?))`,
    )
    .all(hostId, JSON.stringify(parts)) as (Omit<ListPart, 'hasEntries'> & { hasEntries: number })[];
  return rows.map((row) => ({ ...row, release: row.release ?? newest, hasEntries: row.hasEntries === 1 }));
}

/** Sets what a part that was read can show. */
export function restatePart(
  db: Db,
  { snapshotId, part }: Pick<ListPart, 'snapshotId' | 'part'>,
  state: 'read' | 'cannot-show',
  why: string,
): void {
  db.prepare(
    "UPDATE snapshot_parts SET state = ?, why = ? WHERE snapshot_id = ? AND part = ? AND state = 'read' AND (why IS NULL OR ? = 'cannot-show')",
  ).run(state, why, snapshotId, part, state);
}
