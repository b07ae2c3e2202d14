// How much an ingest brought, in numbers, for the head of an answer.

import type { Db } from './open-store.js';
import { IS_THEIRS } from './ruleset-reader.js';

/** Ids of hosts as a table for SQL. */
const HOSTS = '(SELECT value FROM json_each(@hosts))';

export interface Totals {
  /** Of the last ingest. */
  readonly sources: number;
  /** Of the same hosts, from ingests before. */
  readonly earlierSources: number;
  readonly names: readonly string[];
  readonly logLines: number;
  /** Packets of captures (pcap, pcapng, tcpdump's text); what NFLOG brought is among the packet lines. */
  readonly captured: number;
  /** When the first and the last of them passed, microseconds since the epoch; NULL: none has a time that is placed. */
  readonly capturedSpan: { readonly firstUs: number; readonly lastUs: number } | null;
  readonly events: number;
  readonly entries: number;
  readonly rules: number;
  readonly sockets: number;
  readonly unread: number;
  /** How clocks were tied together, where more than one source had one. */
  readonly clockNotes: readonly string[];
}

const METHODS: Readonly<Record<string, string>> = {
  'shared-records': 'clocks tied by packets that two sources share',
  'assumed-year': 'year of the log assumed (--year, --tz)',
  'assumed-zone': 'zone of the log assumed to be UTC (--tz)',
  unplaced: 'times since boot are not placed: give --boot-time (uptime -s tells it)',
};

/** Hosts of which an ingest read something, or met it again. */
export function hostsOfIngest(db: Db, ingestId: number): readonly number[] {
  return db
    .prepare('SELECT DISTINCT host_id FROM sources WHERE last_ingest_id = ? ORDER BY host_id')
    .pluck()
    .all(ingestId) as number[];
}

/** The ingest itself when it brought packets; otherwise the last that brought packets of these hosts; otherwise itself. */
export function ingestWithPackets(db: Db, ingestId: number, hostIds: readonly number[]): number {
  const found = db
    .prepare(
      `SELECT s.last_ingest_id FROM sources s WHERE s.last_ingest_id <= @ingest AND s.host_id IN ${HOSTS}
         AND EXISTS (SELECT 1 FROM clocks c JOIN passages p ON p.clock_id = c.id WHERE c.source_id = s.id)
       ORDER BY s.last_ingest_id DESC LIMIT 1`,
    )
    .pluck()
    .get({ ingest: ingestId, hosts: JSON.stringify(hostIds) }) as number | undefined;
  return found ?? ingestId;
}

/**
 * Counts what an answer rests on: packet lines and unread lines of the ingest it looks at, all else of its hosts, whenever it was read.
 * Where a time is asked for, what was seen in it.
 * @param scope ingestId and hostIds; NULL for the whole store; fromUs and toUs microseconds since the epoch
 */
export function readTotals(
  db: Db,
  {
    ingestId,
    hostIds,
    fromUs,
    toUs,
  }: {
    readonly ingestId: number | null;
    readonly hostIds: readonly number[] | null;
    readonly fromUs: number | null;
    readonly toUs: number | null;
  },
): Totals {
  const values = {
    ingest: ingestId,
    hosts: hostIds === null ? null : JSON.stringify(hostIds),
    from: fromUs,
    to: toUs,
  };
  const isTimed = fromUs !== null || toUs !== null;
  const inTime = (clockUs: string) =>
    isTimed
      ? `(@from IS NULL OR ${clockUs} >= @from - c.offset_us) AND (@to IS NULL OR ${clockUs} <= @to - c.offset_us)`
      : '1';
  const shownInTime = (row: string) =>
    isTimed
      ? `EXISTS (SELECT 1 FROM snapshots n WHERE n.series_id = ${row}.series_id AND n.seq >= ${row}.from_seq AND (${row}.to_seq IS NULL OR n.seq < ${row}.to_seq)
           AND (@from IS NULL OR n.taken_at_us >= @from) AND (@to IS NULL OR n.taken_at_us <= @to))`
      : '1';
  const one = (sql: string) => (db.prepare(sql).get(values) as { n: number | null }).n ?? 0;
  const ofHost = (column: string) => `(@hosts IS NULL OR ${column} IN ${HOSTS})`;
  const mine = `(@ingest IS NULL OR s.last_ingest_id = @ingest) AND ${ofHost('s.host_id')}`;
  const ofSource = ofHost('s.host_id');
  const sources = db
    .prepare(
      `SELECT s.name, s.last_ingest_id = (SELECT max(last_ingest_id) FROM sources) AS isLast FROM sources s WHERE s.part_of IS NULL AND (${ofSource} OR EXISTS (SELECT 1 FROM sources p WHERE p.part_of = s.id AND ${ofHost('p.host_id')})) ORDER BY s.id`,
    )
    .all(values) as { name: string; isLast: number }[];
  const methods = db
    .prepare(
      `SELECT c.method, max(c.error_us) AS error FROM clocks c JOIN sources s ON s.id = c.source_id WHERE ${mine} AND c.kind <> 'none' GROUP BY c.method`,
    )
    .all(values) as { method: string; error: number | null }[];
  const captured = db
    .prepare(
      `SELECT count(*) AS n, min(c.offset_us + p.clock_us) AS firstUs, max(c.offset_us + p.clock_us) AS lastUs
       FROM captured_packets p JOIN clocks c ON c.id = p.clock_id JOIN sources s ON s.id = c.source_id WHERE ${ofSource} AND ${inTime('p.clock_us')}`,
    )
    .get(values) as { n: number; firstUs: number | null; lastUs: number | null };
  return {
    sources: sources.filter(({ isLast }) => isLast === 1).length,
    earlierSources: sources.filter(({ isLast }) => isLast === 0).length,
    names: sources.map((source) => source.name),
    logLines: one(
      isTimed
        ? `SELECT sum(x.steps) AS n FROM clocks c JOIN sources s ON s.id = c.source_id JOIN passages p ON p.clock_id = c.id JOIN paths x ON x.id = p.path_id
           WHERE ${mine} AND ${inTime('p.clock_us')}`
        : `SELECT sum(c.packet_lines) AS n FROM clocks c JOIN sources s ON s.id = c.source_id WHERE ${mine}`,
    ),
    captured: captured.n,
    capturedSpan:
      captured.firstUs === null || captured.lastUs === null
        ? null
        : { firstUs: captured.firstUs, lastUs: captured.lastUs },
    events: one(
      `SELECT count(*) AS n FROM events e JOIN clocks c ON c.id = e.clock_id JOIN sources s ON s.id = c.source_id WHERE e.kind IN ('NEW', 'UPDATE', 'DESTROY') AND ${ofSource} AND ${inTime('e.clock_us')}`,
    ),
    entries: one(
      `SELECT count(*) AS n FROM ct_entry_versions v JOIN series s ON s.id = v.series_id WHERE ${ofSource} AND ${shownInTime('v')}`,
    ),
    rules: one(
      `SELECT max(n) AS n FROM (SELECT count(*) AS n FROM rules r JOIN snapshot_rulesets x ON x.ruleset_id = r.ruleset_id JOIN snapshots t ON t.id = x.snapshot_id JOIN series s ON s.id = t.series_id WHERE r.is_policy = 0 AND ${IS_THEIRS} AND ${ofSource} GROUP BY x.snapshot_id)`,
    ),
    sockets: one(
      `SELECT count(*) AS n FROM sockets_seen k JOIN series s ON s.id = k.series_id WHERE ${ofSource} AND ${shownInTime('k')}`,
    ),
    unread: one(
      `SELECT sum(f.unread) AS n FROM source_forms f JOIN sources s ON s.id = f.source_id WHERE (@ingest IS NULL OR s.last_ingest_id = @ingest) AND (${ofSource} OR EXISTS (SELECT 1 FROM sources p WHERE p.part_of = s.id AND ${ofHost('p.host_id')}))`,
    ),
    clockNotes: methods
      .filter(({ method }) => method in METHODS)
      .map(
        ({ method, error }) =>
          `${METHODS[method]}${error === null ? '' : `, good to ${error < 1000 ? `${error} us` : error < 10_000_000 ? `${(error / 1000).toFixed(1)} ms` : error < 7200e6 ? `${Math.round(error / 1e6)} s` : error < 172_800e6 ? `${Math.round(error / 3600e6)} h` : `${Math.round(error / 86_400e6)} days`}`}`,
      ),
  };
}
