// What kinds of evidence of a host lie in the store: enough to say which questions it can answer.

import type { RecordedFacts } from '../model/host-setup.js';
import { readCoverage, readHasEvents } from './evidence-reader.js';
import type { Db } from './open-store.js';

/** Coverage tells what was on; a trace is told by its lines. */
export function readRecorded(db: Db, hostId: number): RecordedFacts {
  const all = readCoverage(db, hostId);
  const coverage = all.filter(({ state }) => state === 'complete' || state === 'limited');
  const has = (what: string) => coverage.some((one) => one.what === what);
  return {
    events: readHasEvents(db, hostId) || has('events'),
    trace: hasTrace(db, hostId),
    log: has('log'),
    logInvalid: [
      ...new Set(
        coverage
          .filter(({ what, state }) => state === 'complete' && what.startsWith('log-invalid:'))
          .map(({ what }) => what.slice('log-invalid:'.length)),
      ),
    ],
    gaps: all.flatMap(({ what, lost, why }) => (lost === null || lost === 0 ? [] : [{ what, lost, why }])),
    counterReadings: (
      db
        .prepare(
          `SELECT count(DISTINCT k.snapshot_id) AS n FROM rule_counters k JOIN snapshots n ON n.id = k.snapshot_id JOIN series s ON s.id = n.series_id
          WHERE s.host_id = ?`,
        )
        .get(hostId) as { n: number }
    ).n,
  };
}

function hasTrace(db: Db, hostId: number): boolean {
  return (
    db
      .prepare(
        `SELECT 1 FROM passages p JOIN clocks c ON c.id = p.clock_id JOIN sources s ON s.id = c.source_id
        WHERE s.host_id = ? AND p.path_id IN (SELECT t.path_id FROM path_steps t JOIN heads h ON h.id = t.head_id WHERE h.kind LIKE '%trace') LIMIT 1`,
      )
      .get(hostId) !== undefined
  );
}
