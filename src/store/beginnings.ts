// How many connections began while events were listened to, and how many of them were answered.

import type { Db } from './open-store.js';

export interface Beginnings {
  readonly begun: number;
  /** The other side was seen, by an event of its own. */
  readonly answered: number;
}

/** A stream of more events is not counted through: the first ones tell what kind of host it is. */
const MOST_EVENTS = 500_000;

export function readBeginnings(db: Db, hostId: number): Beginnings {
  return db
    .prepare(
      `SELECT count(*) AS begun, coalesce(sum(answered), 0) AS answered FROM (
        SELECT max(kind = 'NEW') AS begun, max(kind = 'UPDATE') AS answered FROM (
          SELECT e.tuple_id, e.kind FROM events e JOIN clocks c ON c.id = e.clock_id JOIN sources s ON s.id = c.source_id
          WHERE s.host_id = ? AND e.kind IN ('NEW', 'UPDATE') AND e.tuple_id IS NOT NULL LIMIT ${MOST_EVENTS}
        ) GROUP BY tuple_id HAVING begun
      )`,
    )
    .get(hostId) as Beginnings;
}
