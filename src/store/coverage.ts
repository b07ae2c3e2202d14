// When each source could show what. Absence may be argued inside 'complete' only.

import type { Db } from './open-store.js';

export type CoverageState = 'complete' | 'limited' | 'lost' | 'cannot-show' | 'off';

export interface Coverage {
  readonly hostId: number;
  readonly sourceId: number | null;
  readonly bootId: number | null;
  readonly namespaceId: number | null;
  /** 'log', 'log-invalid:tcp', 'trace', 'events', 'list:main', 'list:unconfirmed', 'sockets', 'rules:ip', 'counters', … */
  readonly what: string;
  readonly fromAtUs: number | null;
  readonly toAtUs: number | null;
  readonly state: CoverageState;
  /** Records known to be missing. */
  readonly lost: number | null;
  readonly why: string | null;
}

/** Adds a row, unless the very same is there already (what a manifest states is read again with every call). */
export function addCoverage(db: Db, coverage: Coverage): void {
  db.prepare(
    `INSERT INTO coverage (host_id, source_id, boot_id, namespace_id, what, from_at_us, to_at_us, state, lost, why)
     SELECT @hostId, @sourceId, @bootId, @namespaceId, @what, @fromAtUs, @toAtUs, @state, @lost, @why
     WHERE NOT EXISTS (SELECT 1 FROM coverage WHERE host_id = @hostId AND what = @what AND state = @state AND source_id IS @sourceId
       AND boot_id IS @bootId AND namespace_id IS @namespaceId AND from_at_us IS @fromAtUs AND to_at_us IS @toAtUs AND lost IS @lost AND why IS @why)`,
  ).run({
    ...coverage,
    fromAtUs: coverage.fromAtUs === null ? null : Math.round(coverage.fromAtUs),
    toAtUs: coverage.toAtUs === null ? null : Math.round(coverage.toAtUs),
  });
}

/**
 * States again what was stated of a namespace when it was last looked at: the row then reaches up to now, instead of a new one each time.
 * @param lastAtUs when that was; NULL: never
 */
export function extendCoverage(db: Db, coverage: Coverage, lastAtUs: number | null): void {
  const { changes } =
    lastAtUs === null
      ? { changes: 0 }
      : db
          .prepare(
            `UPDATE coverage SET to_at_us = @toAtUs WHERE id = (SELECT max(id) FROM coverage WHERE host_id = @hostId AND boot_id IS @bootId
               AND namespace_id IS @namespaceId AND source_id IS NULL AND what = @what AND state = @state AND why IS @why AND to_at_us >= @lastAtUs)`,
          )
          .run({ ...coverage, lastAtUs });
  if (changes === 0) addCoverage(db, coverage);
}

/** Takes back what was worked out for a source: a source that has grown, or a clock that was placed anew, is worked out again. */
export function forgetCoverageOfSource(db: Db, sourceId: number): void {
  db.prepare('DELETE FROM coverage WHERE source_id = ?').run(sourceId);
}
