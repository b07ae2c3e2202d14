// What differs between two snapshots: entries, settings, facts of the host, rules. Rows only; what they mean is the analysis's.

import type { Db } from './open-store.js';
import { IS_THEIRS } from './ruleset-reader.js';

export interface SnapshotPlace {
  readonly id: number;
  readonly seriesId: number;
  readonly seq: number;
}

export interface EntrySeen {
  readonly versionId: number;
  readonly list: string;
  readonly tupleId: number;
  readonly zone: number;
  readonly zoneOrig: number | null;
  readonly zoneReply: number | null;
  readonly proto: number;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
  readonly replySrc: string | null;
  readonly replySport: number | null;
  readonly replyDst: string | null;
  readonly replyDport: number | null;
  readonly state: string | null;
  readonly status: string | null;
  readonly ctId: number | null;
  readonly mark: number | null;
  readonly startedAtUs: number | null;
  readonly expiresAtUs: number | null;
  readonly timeoutS: number | null;
}

const COLUMNS = `v.id AS versionId, v.list, v.tuple_id AS tupleId, v.zone, v.zone_orig AS zoneOrig, v.zone_reply AS zoneReply, t.proto, t.src, t.sport,
  t.dst, t.dport, r.src AS replySrc, r.sport AS replySport, r.dst AS replyDst, r.dport AS replyDport, v.state, v.status, v.ct_id AS ctId, v.mark, v.started_at_us AS startedAtUs,
  coalesce((SELECT m.expires_at_us FROM ct_entry_moves m WHERE m.version_id = v.id AND m.seq <= @at ORDER BY m.seq DESC LIMIT 1), v.expires_at_us) AS expiresAtUs,
  coalesce((SELECT m.timeout_s FROM ct_entry_moves m WHERE m.version_id = v.id AND m.seq <= @at ORDER BY m.seq DESC LIMIT 1), v.timeout_s) AS timeoutS`;
const FROM = 'ct_entry_versions v JOIN tuples t ON t.id = v.tuple_id LEFT JOIN tuples r ON r.id = v.reply_tuple_id';
const AT = "v.series_id = @series AND v.list = 'main' AND v.from_seq <= @at AND (v.to_seq IS NULL OR v.to_seq > @at)";

/**
 * Versions of entries of the main list that one of two snapshots shows and the other does not, in order of their ids. Of one series only
 * what ended or began between them is looked at; of two, everything is.
 */
export function* entriesOnlyIn(db: Db, of: SnapshotPlace, other: SnapshotPlace): Generator<EntrySeen> {
  const values = { series: of.seriesId, at: of.seq, other: other.seq };
  if (of.seriesId !== other.seriesId) {
    yield* db
      .prepare(`SELECT ${COLUMNS} FROM ${FROM} WHERE ${AT} ORDER BY v.id`)
      .iterate(values) as Iterable<EntrySeen>;
    return;
  }
  const ended = `v.series_id = @series AND v.list = 'main' AND v.from_seq <= @at AND v.to_seq > @at AND v.to_seq <= @other`;
  const begun = `v.from_seq > @other AND ${AT}`;
  yield* db
    .prepare(`SELECT ${COLUMNS} FROM ${FROM} WHERE ${of.seq < other.seq ? ended : begun} ORDER BY v.id`)
    .iterate(values) as Iterable<EntrySeen>;
}

export interface KeptGroup {
  readonly proto: number;
  readonly state: string | null;
  readonly entries: number;
  /** Of these a packet lengthened the life between the two. */
  readonly refreshed: number;
}

const MOVED = 'EXISTS (SELECT 1 FROM ct_entry_moves m WHERE m.version_id = v.id AND m.seq > @at AND m.seq <= @other)';
const BOTH = `${AT} AND (v.to_seq IS NULL OR v.to_seq > @other)`;

/** Entries that both snapshots of one series show in the same state, the earlier first; empty for snapshots of two series. */
export function readKept(db: Db, from: SnapshotPlace, to: SnapshotPlace): readonly KeptGroup[] {
  if (from.seriesId !== to.seriesId) return [];
  return db
    .prepare(
      `SELECT t.proto, v.state, count(*) AS entries, sum(${MOVED}) AS refreshed FROM ct_entry_versions v JOIN tuples t ON t.id = v.tuple_id
       WHERE ${BOTH} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2`,
    )
    .all({ series: from.seriesId, at: from.seq, other: to.seq }) as KeptGroup[];
}

/** Entries in one of these states that both snapshots show and no packet touched in between. */
export function readUntouched(
  db: Db,
  from: SnapshotPlace,
  to: SnapshotPlace,
  states: readonly string[],
): readonly EntrySeen[] {
  if (from.seriesId !== to.seriesId) return [];
  return db
    .prepare(
      `SELECT ${COLUMNS} FROM ${FROM} WHERE ${BOTH} AND v.state IN (SELECT value FROM json_each(@states)) AND NOT ${MOVED} ORDER BY v.id`,
    )
    .all({ series: from.seriesId, at: from.seq, other: to.seq, states: JSON.stringify(states) }) as EntrySeen[];
}

export interface EntryWithoutSocket {
  readonly state: string | null;
  readonly local: string;
  readonly lport: number;
  readonly peer: string;
  readonly pport: number;
}

/**
 * ESTABLISHED TCP entries of the host itself that no socket belongs to, in a snapshot that read all sockets and the addresses: the program
 * went without a word to the peer, or never was.
 */
export function entriesWithoutSocket(
  db: Db,
  { seriesId, seq }: SnapshotPlace,
  most: number,
): readonly EntryWithoutSocket[] {
  // The connecting side is known by the original tuple, the accepting side by the reply: behind redirection its own port is there.
  const side = (tuple: string) =>
    `SELECT v.state, e.src AS local, e.sport AS lport, e.dst AS peer, e.dport AS pport FROM ct_entry_versions v JOIN tuples e ON e.id = v.${tuple}
     WHERE ${AT} AND e.proto = 6 AND v.state = 'ESTABLISHED'
       AND EXISTS (SELECT 1 FROM host_facts f WHERE f.series_id = @series AND f.kind = 'address' AND f.from_seq <= @at AND (f.to_seq IS NULL OR f.to_seq > @at)
         AND json_extract(f.data, '$.local') = e.src)
       AND NOT EXISTS (SELECT 1 FROM sockets_seen k WHERE k.series_id = @series AND k.from_seq <= @at AND (k.to_seq IS NULL OR k.to_seq > @at)
         AND k.proto = 6 AND k.local = e.src AND k.lport = e.sport AND k.peer = e.dst AND k.pport = e.dport)`;
  return db
    .prepare(`${side('tuple_id')} UNION ${side('reply_tuple_id')} ORDER BY 2, 3, 4, 5 LIMIT @most`)
    .all({ series: seriesId, at: seq, most }) as EntryWithoutSocket[];
}

/** Values of a kind as of a snapshot, by name. */
export function readSettings(db: Db, { seriesId, seq }: SnapshotPlace): ReadonlyMap<string, string> {
  const rows = db
    .prepare(
      `SELECT name, value, max(seq) FROM values_over_time WHERE series_id = ? AND what = 'sysctl' AND cpu = -1 AND seq <= ? GROUP BY name ORDER BY name`,
    )
    .all(seriesId, seq) as { name: string; value: string | number | null }[];
  return new Map(rows.flatMap(({ name, value }) => (value === null ? [] : [[name, String(value)] as const])));
}

export interface FactSeen {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Addresses, routes and other facts that a snapshot itself read. */
export function readFactsOf(db: Db, { seriesId, seq }: SnapshotPlace): readonly FactSeen[] {
  const rows = db
    .prepare(
      'SELECT kind, data FROM host_facts WHERE series_id = ? AND from_seq <= ? AND (to_seq IS NULL OR to_seq > ?) ORDER BY kind, id',
    )
    .all(seriesId, seq, seq) as { kind: string; data: string }[];
  return rows.map(({ kind, data }) => ({ kind, data: JSON.parse(data) as Record<string, unknown> }));
}

export interface RuleSeen {
  readonly backend: string;
  readonly form: string;
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly number: number;
  readonly text: string;
}

/** Rules and policies that a snapshot showed, in order, without those of ctwhy. */
export function readRulesOf(db: Db, snapshotId: number): readonly RuleSeen[] {
  return db
    .prepare(
      `SELECT s.backend, s.form, r.family, r.table_name AS "table", r.chain, r.number, r.text FROM snapshot_rulesets x
         JOIN rulesets s ON s.id = x.ruleset_id JOIN rules r ON r.ruleset_id = s.id WHERE x.snapshot_id = ? AND ${IS_THEIRS}
       ORDER BY s.backend, s.form, r.family, r.table_name, r.chain, r.number`,
    )
    .all(snapshotId) as RuleSeen[];
}
