// Takes in one snapshot of the tracker, streamed: entries, expectations, statistics, values, and which parts could be read at all.

import type { CtEntry, CtList, CtStatistics, Expectation } from '../model/conntrack.js';
import type { LinePrint } from '../model/line-print.js';
import { openEntryVersions } from './entry-versions.js';
import type { Db } from './open-store.js';
import { openTuples, type Tuples } from './tuples.js';
import { openValues, type ValueKind } from './values-over-time.js';

export interface SnapshotRow {
  readonly id: number;
  readonly seriesId: number;
  /** Position in the series; only the newest can be written to. */
  readonly seq: number;
  /** How far the times of reading may be off, microseconds; NULL counts as exact. */
  readonly errorUs: number | null;
  /** All of it is written by this one writer in one transaction, and nobody else writes in it. */
  readonly isAlone?: boolean;
}

export interface PartReading {
  /** 'list:main', 'list:main:ip' (one family only), 'expectations', 'stats', 'sysctl', 'count', … */
  readonly part: string;
  readonly state: 'read' | 'failed' | 'cannot-show';
  readonly atUs: number | null;
  readonly tookUs: number | null;
  readonly sourceId: number | null;
  readonly firstLine: number | null;
  readonly why: string | null;
}

export interface SnapshotCounts {
  readonly entryCount: number | null;
  readonly entryMax: number | null;
}

export interface SnapshotWriter {
  readonly snapshotId: number;
  readonly seq: number;
  /** @param atUs epoch time of the reading, microseconds; NULL: not known, then no expiry is worked out */
  entry(
    list: CtList,
    entry: CtEntry,
    atUs: number | null,
    sourceId: number | null,
    line: number,
    print?: LinePrint | null,
  ): void;
  /** Takes in a line of a listing that the snapshot before showed in its place; false: it did not, the line has to be read. */
  shownAgain(print: LinePrint, atUs: number): boolean;
  expectation(expectation: Expectation, sourceId: number | null, line: number): void;
  statistics(statistics: CtStatistics, sourceId: number | null, line: number): void;
  value(
    what: ValueKind,
    name: string,
    cpu: number,
    value: string | number | null,
    sourceId: number | null,
    line: number | null,
  ): void;
  /** Notes a part; one that was read is not made unread by a second attempt that failed. */
  part(part: PartReading): void;
  /** Ends what this snapshot did not show, and lets go of its memory. Nothing may follow. */
  finish(counts?: SnapshotCounts): void;
}

/** Series with a writer at work: versions of two snapshots cannot be compared while the earlier one is still being read. */
const seriesAtWork = new WeakMap<Db, Set<number>>();

/**
 * Opens a snapshot that is in the store already for its evidence. Everything runs in the caller's transaction; memory is sixty bytes for
 * each entry of the snapshot before, loaded with the first entry.
 * @throws Error when the series has a newer snapshot, or another one open (both are errors of the caller)
 */
export function openSnapshot(db: Db, snapshot: SnapshotRow, tuples: Tuples = openTuples(db)): SnapshotWriter {
  const { id: snapshotId, seriesId, seq, errorUs } = snapshot;
  const { newest } = db.prepare('SELECT max(seq) AS newest FROM snapshots WHERE series_id = ?').get(seriesId) as {
    newest: number | null;
  };
  if (newest !== seq) throw new Error(`snapshot ${seq} of series ${seriesId} is not the newest (${newest})`);
  const atWork = seriesAtWork.get(db) ?? new Set();
  seriesAtWork.set(db, atWork);
  if (atWork.has(seriesId)) throw new Error(`series ${seriesId} has another snapshot open`);
  atWork.add(seriesId);

  const versionPlace = { snapshotId, seriesId, seq, errorUs: errorUs ?? 0, isAlone: snapshot.isAlone === true };
  let versions: ReturnType<typeof openEntryVersions> | null = null;
  const values = openValues(db, seriesId, seq);
  const insertExpectation = db.prepare(
    `INSERT INTO expectation_rows (snapshot_id, tuple_id, mask_src, mask_dst, mask_sport, mask_dport, master_tuple_id, timeout_s, zone,
       class, flags, helper, source_id, line) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertPart = db.prepare(
    `INSERT INTO snapshot_parts (snapshot_id, part, state, at_us, took_us, source_id, first_line, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (snapshot_id, part) DO UPDATE SET state = excluded.state, at_us = coalesce(excluded.at_us, at_us),
       took_us = coalesce(excluded.took_us, took_us), source_id = excluded.source_id, first_line = excluded.first_line, why = excluded.why
     WHERE snapshot_parts.state <> 'read'`,
  );

  return {
    snapshotId,
    seq,
    entry(list, entry, atUs, sourceId, line, print) {
      versions ??= openEntryVersions(db, versionPlace, tuples);
      versions.entry(list, entry, atUs, sourceId, line, print);
    },
    shownAgain(print, atUs) {
      versions ??= openEntryVersions(db, versionPlace, tuples);
      return versions.shownAgain(print, atUs);
    },
    expectation(expectation, sourceId, line) {
      insertExpectation.run(
        snapshotId,
        tuples.id(expectation.tuple),
        expectation.maskSrc,
        expectation.maskDst,
        expectation.maskSport,
        expectation.maskDport,
        expectation.master === null ? null : tuples.id(expectation.master),
        expectation.timeoutS,
        expectation.zone,
        expectation.class,
        expectation.flags,
        expectation.helper,
        sourceId,
        line,
      );
    },
    statistics({ cpu, values: counters }, sourceId, line) {
      for (const [name, value] of Object.entries(counters)) values.value('ct-stat', name, cpu, value, sourceId, line);
    },
    value: values.value,
    part(part) {
      // The versions look up which lists were read before them, so they are opened before the first part is noted.
      if (part.part.startsWith('list:')) versions ??= openEntryVersions(db, versionPlace, tuples);
      insertPart.run(
        snapshotId,
        part.part,
        part.state,
        part.atUs,
        part.tookUs,
        part.sourceId,
        part.firstLine,
        part.why,
      );
    },
    finish(counts) {
      versions ??= openEntryVersions(db, versionPlace, tuples);
      versions.finish();
      versions = null;
      atWork.delete(seriesId);
      if (counts === undefined) return;
      db.prepare(
        'UPDATE snapshots SET entry_count = coalesce(?, entry_count), entry_max = coalesce(?, entry_max) WHERE id = ?',
      ).run(counts.entryCount, counts.entryMax, snapshotId);
    },
  };
}

export interface NewSnapshot {
  readonly seriesId: number;
  /** Middle of the reading, epoch microseconds. */
  readonly takenAtUs: number | null;
  readonly tookUs: number | null;
  readonly errorUs: number | null;
  /** 'before', 'after', … */
  readonly name: string | null;
  /** All of it is written by this one writer in one transaction, and nobody else writes in it: that is faster. */
  readonly isAlone?: boolean;
}

/** Adds the next snapshot of a series and opens it. @throws Error as openSnapshot does */
export function beginSnapshot(db: Db, snapshot: NewSnapshot, tuples: Tuples = openTuples(db)): SnapshotWriter {
  const { seriesId, takenAtUs, tookUs, errorUs, name } = snapshot;
  const seq = db
    .prepare('SELECT coalesce(max(seq), 0) + 1 FROM snapshots WHERE series_id = ?')
    .pluck()
    .get(seriesId) as number;
  const inserted = db
    .prepare('INSERT INTO snapshots (series_id, seq, taken_at_us, took_us, error_us, name) VALUES (?, ?, ?, ?, ?, ?)')
    .run(seriesId, seq, takenAtUs, tookUs, errorUs, name);
  const { isAlone = false } = snapshot;
  return openSnapshot(db, { id: Number(inserted.lastInsertRowid), seriesId, seq, errorUs, isAlone }, tuples);
}

/** After a rolled-back transaction: forgets the snapshots that were open in it. */
export function abandonSnapshots(db: Db): void {
  seriesAtWork.delete(db);
}
