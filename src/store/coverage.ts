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

export function addCoverage(db: Db, coverage: Coverage): void {
  db.prepare(
    `INSERT INTO coverage (host_id, source_id, boot_id, namespace_id, what, from_at_us, to_at_us, state, lost, why)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    coverage.hostId,
    coverage.sourceId,
    coverage.bootId,
    coverage.namespaceId,
    coverage.what,
    coverage.fromAtUs === null ? null : Math.round(coverage.fromAtUs),
    coverage.toAtUs === null ? null : Math.round(coverage.toAtUs),
    coverage.state,
    coverage.lost,
    coverage.why,
  );
}

/** Takes back what was worked out for a source: a source that has grown, or a clock that was placed anew, is worked out again. */
export function forgetCoverageOfSource(db: Db, sourceId: number): void {
  db.prepare('DELETE FROM coverage WHERE source_id = ?').run(sourceId);
}
