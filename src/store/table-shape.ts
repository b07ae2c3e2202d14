// What a table of entries is made of, in few rows, however many entries it has: how long each listing is, which kinds of entries fill
// it, which addresses and ports they share.

import type { Db } from './open-store.js';

/** Snapshots looked at, the latest of each series: more say the same again. */
const SNAPSHOTS_LOOKED_AT = 8;

const LATEST = `latest AS (
  SELECT n.id, n.series_id, n.seq FROM snapshots n JOIN series s ON s.id = n.series_id WHERE s.host_id = @host ORDER BY n.series_id DESC, n.seq DESC LIMIT ${SNAPSHOTS_LOOKED_AT})`;
const SEEN_IN = 'v.series_id = n.series_id AND v.from_seq <= n.seq AND (v.to_seq IS NULL OR v.to_seq > n.seq)';

export interface ListSize {
  readonly snapshotId: number;
  /** 'main', 'dying', 'unconfirmed'. */
  readonly list: string;
  readonly entries: number;
  readonly ipv4: number;
  readonly ipv6: number;
  /** Inode of the namespace it is of; NULL: not known. */
  readonly netns: number | null;
}

/** How many entries each list of the latest snapshots has; lists without an entry have no row. */
export function readListSizes(db: Db, hostId: number): readonly ListSize[] {
  return db
    .prepare(
      `WITH ${LATEST}
      SELECT n.id AS snapshotId, v.list, count(*) AS entries, sum(instr(t.src, ':') = 0) AS ipv4, sum(instr(t.src, ':') > 0) AS ipv6, x.inode AS netns
      FROM latest n JOIN series s ON s.id = n.series_id LEFT JOIN namespaces x ON x.id = s.namespace_id
        JOIN ct_entry_versions v ON ${SEEN_IN} JOIN tuples t ON t.id = v.tuple_id
      GROUP BY 1, 2 ORDER BY 1, 2`,
    )
    .all({ host: hostId }) as ListSize[];
}

export interface EntryKindShare {
  readonly proto: number;
  readonly state: string | null;
  readonly isUnreplied: number;
  readonly isAssured: number;
  readonly entries: number;
  /** Entries that have seen at most two packets of one side and one of the other; NULL: packets are not counted. */
  readonly fewPackets: number | null;
  /** Seconds left, the least and the most; NULL: not printed. */
  readonly leastLeftS: number | null;
  readonly mostLeftS: number | null;
  /** One of them, as an example. */
  readonly versionId: number;
}

/** The kinds of entries of one snapshot's main list, the most frequent first. */
export function readEntryShares(db: Db, snapshotId: number): readonly EntryKindShare[] {
  return db
    .prepare(
      `WITH entry AS (
        SELECT t.proto, v.state, coalesce(v.status, '') LIKE '%UNREPLIED%' AS isUnreplied, coalesce(v.status, '') LIKE '%ASSURED%' AS isAssured, v.timeout_s AS leftS, v.id,
          (SELECT m.packets <= 2 AND m.reply_packets <= 2 FROM ct_entry_moves m WHERE m.version_id = v.id ORDER BY m.seq DESC LIMIT 1) AS isFew
        FROM snapshots n JOIN ct_entry_versions v ON ${SEEN_IN} JOIN tuples t ON t.id = v.tuple_id WHERE n.id = @snapshot AND v.list = 'main')
      SELECT proto, state, isUnreplied, isAssured, count(*) AS entries, sum(isFew) AS fewPackets, min(leftS) AS leastLeftS, max(leftS) AS mostLeftS, min(id) AS versionId
      FROM entry GROUP BY 1, 2, 3, 4 ORDER BY entries DESC`,
    )
    .all({ snapshot: snapshotId }) as EntryKindShare[];
}

/** What entries are narrowed to. NULL: any. */
export interface EntryChoice {
  readonly proto: number | null;
  readonly states: readonly string[] | null;
  readonly isUnreplied: boolean | null;
}

export interface EntryTop {
  readonly what: 'src' | 'dst' | 'service';
  /** '192.0.2.1', or 'address port' of a service. */
  readonly value: string;
  readonly entries: number;
  /** How many different addresses and ports are at the other end of these. */
  readonly others: number;
  readonly versionId: number;
}

/** The sources, destinations and services (destination and port) with the most entries of a choice, one row each. */
export function readEntryTops(db: Db, snapshotId: number, choice: EntryChoice): readonly EntryTop[] {
  return db
    .prepare(
      `WITH entry AS MATERIALIZED (
        SELECT t.src, t.dst, t.dport, v.id FROM snapshots n JOIN ct_entry_versions v ON ${SEEN_IN} JOIN tuples t ON t.id = v.tuple_id
        WHERE n.id = @snapshot AND v.list = 'main' AND (@proto IS NULL OR t.proto = @proto)
          AND (@states IS NULL OR v.state IN (SELECT value FROM json_each(@states)))
          AND (@unreplied IS NULL OR (coalesce(v.status, '') LIKE '%UNREPLIED%') = @unreplied))
      SELECT * FROM (SELECT 'src' AS what, src AS value, count(*) AS entries, count(DISTINCT dst || ' ' || coalesce(dport, '')) AS others, min(id) AS versionId FROM entry GROUP BY src ORDER BY entries DESC LIMIT 1)
      UNION ALL SELECT * FROM (SELECT 'dst', dst, count(*) AS entries, count(DISTINCT src), min(id) FROM entry GROUP BY dst ORDER BY entries DESC LIMIT 1)
      UNION ALL SELECT * FROM (SELECT 'service', dst || ' ' || coalesce(dport, ''), count(*) AS entries, count(DISTINCT src), min(id) FROM entry GROUP BY dst, dport ORDER BY entries DESC LIMIT 1)`,
    )
    .all({
      snapshot: snapshotId,
      proto: choice.proto,
      states: choice.states === null ? null : JSON.stringify(choice.states),
      unreplied: choice.isUnreplied === null ? null : Number(choice.isUnreplied),
    }) as EntryTop[];
}
