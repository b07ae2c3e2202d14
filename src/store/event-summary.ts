// What streams of events hold, in few rows: which connections an event-told cause should look at, and how much there is at all.

import type { Db } from './open-store.js';

const OF_HOST = 'JOIN clocks c ON c.id = e.clock_id JOIN sources s ON s.id = c.source_id WHERE s.host_id = ?';

export interface EvidenceSizes {
  /** Passages of packets, from logs, traces and NFLOG. */
  readonly packets: number;
  readonly captured: number;
  readonly events: number;
  /** Connections that events name. */
  readonly eventFlows: number;
  readonly entries: number;
  readonly sockets: number;
}

/** How much of each kind a host's evidence has; each is counted up to some thousand only. */
export function readEvidenceSizes(db: Db, hostId: number): EvidenceSizes {
  const count = (sql: string) =>
    db.prepare(`SELECT count(*) FROM (SELECT 1 ${sql} LIMIT 5000)`).pluck().get(hostId) as number;
  return {
    packets: count(
      'FROM passages p JOIN clocks c ON c.id = p.clock_id JOIN sources s ON s.id = c.source_id WHERE s.host_id = ?',
    ),
    captured: count(
      'FROM captured_packets p JOIN clocks c ON c.id = p.clock_id JOIN sources s ON s.id = c.source_id WHERE s.host_id = ?',
    ),
    events: count(`FROM events e ${OF_HOST}`),
    eventFlows: count(`FROM (SELECT DISTINCT e.tuple_id FROM events e ${OF_HOST})`),
    entries: count(
      "FROM ct_entry_versions v JOIN series r ON r.id = v.series_id WHERE r.host_id = ? AND v.list = 'main'",
    ),
    sockets: count('FROM sockets_seen k JOIN series r ON r.id = k.series_id WHERE r.host_id = ?'),
  };
}

const MOST_FLOWS = 50;

/** Connections that were offloaded at some time and whose end is on record; the first ones. */
export function readOffloadedEnds(db: Db, hostId: number): readonly number[] {
  return db
    .prepare(
      `SELECT DISTINCT e.tuple_id FROM events e ${OF_HOST} AND e.kind = 'DESTROY'
        AND EXISTS (SELECT 1 FROM events u WHERE u.tuple_id = e.tuple_id AND u.kind <> 'DESTROY' AND u.status LIKE '%OFFLOAD%') ORDER BY e.id LIMIT ${MOST_FLOWS}`,
    )
    .pluck()
    .all(hostId) as number[];
}

/** Connections of TCP that events tell of, in order; the first ones. */
export function readTcpEventFlows(db: Db, hostId: number): readonly number[] {
  return db
    .prepare(
      `SELECT e.tuple_id FROM events e JOIN tuples t ON t.id = e.tuple_id ${OF_HOST} AND t.proto = 6 GROUP BY 1 ORDER BY min(e.id) LIMIT ${MOST_FLOWS}`,
    )
    .pluck()
    .all(hostId) as number[];
}

/** Connections of TCP whose entry was made in ESTABLISHED, without a SYN; the first ones. */
export function readMidstreamBirths(db: Db, hostId: number): readonly number[] {
  return db
    .prepare(
      `SELECT e.tuple_id FROM events e JOIN tuples t ON t.id = e.tuple_id ${OF_HOST} AND t.proto = 6 AND e.kind = 'NEW' AND e.state = 'ESTABLISHED'
      GROUP BY 1 ORDER BY min(e.id) LIMIT ${MOST_FLOWS}`,
    )
    .pluck()
    .all(hostId) as number[];
}
