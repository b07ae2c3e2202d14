// Entries whose answers go to another port though no address is translated, and the entry that holds the port they asked for.

import type { Db } from './open-store.js';

export interface RemappedEntry {
  readonly versionId: number;
  readonly tupleId: number;
  readonly replyTupleId: number;
  readonly proto: number;
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  /** The port that answers go to instead. */
  readonly replyDport: number;
  /** The entry whose answers would look the same; NULL: not in this listing. */
  readonly holderId: number | null;
}

/** Of a larger table the first entries are looked at. */
const LOOKED_AT = 200_000;

export function readRemappedEntries(db: Db, hostId: number): readonly RemappedEntry[] {
  return db
    .prepare(
      `SELECT v.id AS versionId, v.tuple_id AS tupleId, v.reply_tuple_id AS replyTupleId, t.proto, t.src, t.sport, t.dst, t.dport, r.dport AS replyDport,
        (SELECT w.id FROM tuples a JOIN ct_entry_versions w ON w.reply_tuple_id = a.id
          WHERE a.src = t.dst AND a.sport = t.dport AND a.dst = t.src AND a.dport = t.sport AND a.proto = t.proto AND w.series_id = v.series_id AND w.id <> v.id LIMIT 1) AS holderId
      FROM (SELECT e.* FROM ct_entry_versions e JOIN series s ON s.id = e.series_id WHERE s.host_id = ? AND e.list = 'main' LIMIT ${LOOKED_AT}) v
        JOIN tuples t ON t.id = v.tuple_id JOIN tuples r ON r.id = v.reply_tuple_id
      WHERE t.proto IN (6, 17) AND r.src = t.dst AND r.sport = t.dport AND r.dst = t.src AND r.dport <> t.sport LIMIT 20`,
    )
    .all(hostId) as RemappedEntry[];
}
