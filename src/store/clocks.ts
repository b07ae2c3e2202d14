// How a source's own clock maps to the epoch. Rows of evidence keep the source's clock; only the few rows here are rewritten
// when more becomes known.

import type { Db } from './open-store.js';

export type ClockKind = 'uptime' | 'wall' | 'epoch' | 'none';
export type ClockMethod =
  | 'epoch'
  | 'boot-time'
  | 'clock-samples'
  | 'shared-records'
  | 'assumed-year'
  | 'assumed-zone'
  | 'unplaced';

export interface ClockPlace {
  /** epoch = clock_us + offset_us ± error_us; NULL: not placed. */
  readonly offsetUs: number | null;
  readonly errorUs: number | null;
  readonly method: ClockMethod;
}

export const UNPLACED: ClockPlace = { offsetUs: null, errorUs: null, method: 'unplaced' };

/** Where a clock starts before anything else is known: an epoch clock is right as printed. */
export function firstPlace(kind: ClockKind, errorUs: number): ClockPlace {
  return kind === 'epoch' ? { offsetUs: 0, errorUs, method: 'epoch' } : UNPLACED;
}

/**
 * Opens a stretch of a source with one even clock.
 * For 'wall' clocks clock_us counts from the epoch as if the printed local time were UTC.
 */
export function addClock(
  db: Db,
  clock: {
    readonly sourceId: number;
    readonly bootId: number | null;
    readonly kind: ClockKind;
    readonly fromLine: number;
    readonly place: ClockPlace;
  },
): number {
  return Number(
    db
      .prepare(
        'INSERT INTO clocks (source_id, boot_id, kind, from_line, offset_us, error_us, method) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        clock.sourceId,
        clock.bootId,
        clock.kind,
        clock.fromLine,
        clock.place.offsetUs,
        clock.place.errorUs,
        clock.place.method,
      ).lastInsertRowid,
  );
}

export function placeClock(db: Db, clockId: number, place: ClockPlace): void {
  db.prepare('UPDATE clocks SET offset_us = ?, error_us = ?, method = ? WHERE id = ?').run(
    place.offsetUs === null ? null : Math.round(place.offsetUs),
    place.errorUs === null ? null : Math.round(place.errorUs),
    place.method,
    clockId,
  );
}

/** The same instant on both clocks: printed in one line, or read one after the other. */
export function addClockSample(
  db: Db,
  sample: {
    readonly bootId: number;
    readonly uptimeUs: number;
    readonly epochUs: number;
    readonly errorUs: number;
    readonly how: string;
  },
): void {
  db.prepare(
    'INSERT OR REPLACE INTO clock_samples (boot_id, uptime_us, epoch_us, error_us, how) VALUES (?, ?, ?, ?, ?)',
  ).run(sample.bootId, Math.round(sample.uptimeUs), Math.round(sample.epochUs), Math.round(sample.errorUs), sample.how);
}

/** Takes a sample back. @param uptimeUs NULL: wherever it was taken, which looks through all samples of the boot */
export function forgetClockSample(db: Db, bootId: number, how: string, uptimeUs: number | null): void {
  if (uptimeUs === null) db.prepare('DELETE FROM clock_samples WHERE boot_id = ? AND how = ?').run(bootId, how);
  else
    db.prepare('DELETE FROM clock_samples WHERE boot_id = ? AND uptime_us = ? AND how = ?').run(
      bootId,
      Math.round(uptimeUs),
      how,
    );
}

export interface ClockRow extends ClockPlace {
  readonly id: number;
  readonly sourceId: number;
  readonly hostId: number;
  readonly bootId: number | null;
  readonly kind: ClockKind;
  readonly fromLine: number;
}

const COLUMNS = `c.id, c.source_id AS sourceId, s.host_id AS hostId, c.boot_id AS bootId, c.kind, c.from_line AS fromLine,
  c.offset_us AS offsetUs, c.error_us AS errorUs, c.method`;

/** Clocks of a host in order of source and line. */
export function clocksOfHost(db: Db, hostId: number): readonly ClockRow[] {
  return db
    .prepare(
      `SELECT ${COLUMNS} FROM clocks c JOIN sources s ON s.id = c.source_id WHERE s.host_id = ? ORDER BY c.source_id, c.from_line`,
    )
    .all(hostId) as ClockRow[];
}

export function clocksOfSource(db: Db, sourceId: number): readonly ClockRow[] {
  return db
    .prepare(
      `SELECT ${COLUMNS} FROM clocks c JOIN sources s ON s.id = c.source_id WHERE c.source_id = ? ORDER BY c.from_line`,
    )
    .all(sourceId) as ClockRow[];
}

export interface ClockSample {
  readonly uptimeUs: number;
  readonly epochUs: number;
  readonly errorUs: number;
  readonly how: string;
}

export function samplesOfBoot(db: Db, bootId: number): readonly ClockSample[] {
  return db
    .prepare(
      'SELECT uptime_us AS uptimeUs, epoch_us AS epochUs, error_us AS errorUs, how FROM clock_samples WHERE boot_id = ? ORDER BY uptime_us',
    )
    .all(bootId) as ClockSample[];
}

/** Tables whose rows carry a source's own clock. */
const TIMED_TABLES = ['passages', 'kernel_notices', 'events', 'captured_packets', 'host_events'] as const;

/** First and last stamp on a clock, of all kinds of rows; NULL for a clock without rows. */
export function spanOfClock(db: Db, clockId: number): { readonly firstUs: number; readonly lastUs: number } | null {
  const sql = TIMED_TABLES.map(
    (table) => `SELECT min(clock_us) AS low, max(clock_us) AS high FROM ${table} WHERE clock_id = :clock`,
  ).join(' UNION ALL ');
  const span = db.prepare(`SELECT min(low) AS firstUs, max(high) AS lastUs FROM (${sql})`).get({ clock: clockId }) as {
    firstUs: number | null;
    lastUs: number | null;
  };
  return span.firstUs === null || span.lastUs === null ? null : { firstUs: span.firstUs, lastUs: span.lastUs };
}

/** Enough pairs to place a clock; more only cost time. */
const MOST_PAIRS = 5000;

/**
 * Records that two clocks share: the first packet of a connection in a log (a SYN; of other protocols the first on this clock)
 * and its NEW event or its capture.
 * The event's clock must be an epoch one. Tuples that began more often than three times in either are left out.
 */
export function sharedRecords(
  db: Db,
  clockId: number,
  epochClockId: number,
): readonly { readonly key: number; readonly clockUs: number; readonly epochUs: number; readonly isSyn: number }[] {
  return db
    .prepare(
      `WITH born AS MATERIALIZED (
         SELECT tuple_id, clock_us FROM events WHERE clock_id = :epoch AND kind = 'NEW' AND clock_us IS NOT NULL
         UNION ALL
         SELECT tuple_id, clock_us FROM captured_packets WHERE clock_id = :epoch AND flags = 'SYN' AND tuple_id IS NOT NULL AND clock_us IS NOT NULL),
       rare AS MATERIALIZED (SELECT tuple_id FROM born GROUP BY tuple_id HAVING count(*) <= 3 LIMIT ${MOST_PAIRS})
       SELECT b.tuple_id AS key, p.clock_us AS clockUs, b.clock_us AS epochUs, f.l4 = 'tcp' AS isSyn
       FROM rare r CROSS JOIN passages p ON p.tuple_id = r.tuple_id AND +p.clock_id = :clock CROSS JOIN born b ON b.tuple_id = r.tuple_id
         JOIN path_steps s ON s.path_id = p.path_id AND s.step = 0 JOIN shapes f ON f.id = s.shape_id
       WHERE CASE f.l4 WHEN 'tcp' THEN f.flags = 'SYN'
         ELSE p.clock_us = (SELECT min(q.clock_us) FROM passages q WHERE q.tuple_id = p.tuple_id AND +q.clock_id = p.clock_id) END LIMIT ${MOST_PAIRS}`,
    )
    .all({ clock: clockId, epoch: epochClockId }) as { key: number; clockUs: number; epochUs: number; isSyn: number }[];
}
