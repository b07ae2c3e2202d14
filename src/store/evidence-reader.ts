// What the analysis reads of everything that is not a packet: events, entries, sockets, snapshots, host events, coverage, sources.

import type { Db } from './open-store.js';

const EACH = '(SELECT value FROM json_each(?))';

export interface EventRow {
  readonly id: number;
  readonly atUs: number | null;
  readonly errorUs: number | null;
  readonly kind: string;
  readonly tupleId: number;
  readonly replyTupleId: number | null;
  readonly state: string | null;
  readonly status: string | null;
  readonly timeoutS: number | null;
  readonly zone: number | null;
  readonly ctId: number | null;
  readonly portId: number | null;
  readonly isUserSpace: number | null;
  readonly packets: number | null;
  readonly replyPackets: number | null;
  /** How long the entry lived, in whole seconds, as a DESTROY tells where nf_conntrack_timestamp is on. */
  readonly deltaTimeS: number | null;
  readonly namespaceId: number | null;
  readonly sourceId: number;
  readonly line: number;
}

/** Events whose original or reply tuple is one of these, in order of their stream. */
export function readEvents(db: Db, hostId: number, tupleIds: readonly number[]): readonly EventRow[] {
  const ids = JSON.stringify(tupleIds);
  return db
    .prepare(
      `SELECT e.id, e.clock_us + c.offset_us AS atUs, c.error_us AS errorUs, e.kind, e.tuple_id AS tupleId, e.reply_tuple_id AS replyTupleId, e.state, e.status,
        e.timeout_s AS timeoutS, e.zone, e.ct_id AS ctId, e.port_id AS portId, e.is_user_space AS isUserSpace, e.packets, e.reply_packets AS replyPackets,
        json_extract(e.extra, '$.deltaTimeS') AS deltaTimeS, e.namespace_id AS namespaceId, c.source_id AS sourceId, e.line
      FROM (SELECT * FROM events WHERE tuple_id IN ${EACH} UNION SELECT * FROM events WHERE reply_tuple_id IN ${EACH}) e
        JOIN clocks c ON c.id = e.clock_id JOIN sources s ON s.id = c.source_id
      WHERE s.host_id = ? AND e.kind IN ('NEW', 'UPDATE', 'DESTROY') ORDER BY c.source_id, e.line`,
    )
    .all(ids, ids, hostId) as EventRow[];
}

/** Whether any event of a host was read: a statement that events were listened to is worth nothing without their stream. */
export function readHasEvents(db: Db, hostId: number): boolean {
  return (
    db
      .prepare(
        'SELECT 1 FROM events e JOIN clocks c ON c.id = e.clock_id JOIN sources s ON s.id = c.source_id WHERE s.host_id = ? LIMIT 1',
      )
      .get(hostId) !== undefined
  );
}

export interface SnapshotRow {
  /** Of which network namespace; NULL: not told. */
  readonly namespaceId: number | null;
  readonly id: number;
  readonly seriesId: number;
  readonly seq: number;
  readonly takenAtUs: number | null;
  readonly errorUs: number | null;
  readonly name: string | null;
  readonly entryCount: number | null;
  readonly entryMax: number | null;
}

/** Snapshots of a host in order of time (series by series where times are not known). */
export function readSnapshots(db: Db, hostId: number): readonly SnapshotRow[] {
  return db
    .prepare(
      `SELECT n.id, n.series_id AS seriesId, n.seq, n.taken_at_us AS takenAtUs, n.error_us AS errorUs, n.name, n.entry_count AS entryCount, n.entry_max AS entryMax,
        r.namespace_id AS namespaceId
      FROM snapshots n JOIN series r ON r.id = n.series_id WHERE r.host_id = ? ORDER BY n.taken_at_us IS NULL, n.taken_at_us, n.series_id, n.seq`,
    )
    .all(hostId) as SnapshotRow[];
}

export interface SnapshotPartRow {
  readonly snapshotId: number;
  readonly part: string;
  readonly state: 'read' | 'failed' | 'cannot-show';
  readonly atUs: number | null;
  readonly sourceId: number | null;
  readonly firstLine: number | null;
  readonly why: string | null;
}

export function readSnapshotParts(db: Db, hostId: number): readonly SnapshotPartRow[] {
  return db
    .prepare(
      `SELECT q.snapshot_id AS snapshotId, q.part, q.state, q.at_us AS atUs, q.source_id AS sourceId, q.first_line AS firstLine, q.why
      FROM snapshot_parts q JOIN snapshots n ON n.id = q.snapshot_id JOIN series r ON r.id = n.series_id WHERE r.host_id = ?`,
    )
    .all(hostId) as SnapshotPartRow[];
}

export interface EntryRow {
  readonly versionId: number;
  readonly snapshotId: number;
  readonly list: string;
  readonly tupleId: number;
  readonly replyTupleId: number;
  readonly zone: number;
  readonly state: string | null;
  readonly status: string | null;
  readonly ctId: number | null;
  readonly helper: string | null;
  readonly expiresAtUs: number | null;
  readonly timeoutS: number | null;
  readonly packets: number | null;
  readonly replyPackets: number | null;
  readonly sourceId: number | null;
  readonly line: number | null;
}

/** Entries whose original or reply tuple is one of these, per snapshot that saw them. */
export function readEntries(db: Db, hostId: number, tupleIds: readonly number[]): readonly EntryRow[] {
  const ids = JSON.stringify(tupleIds);
  const lastMove = (column: string) =>
    `(SELECT m.${column} FROM ct_entry_moves m WHERE m.version_id = v.id AND m.seq <= n.seq ORDER BY m.seq DESC LIMIT 1)`;
  return db
    .prepare(
      `SELECT v.id AS versionId, n.id AS snapshotId, v.list, v.tuple_id AS tupleId, v.reply_tuple_id AS replyTupleId, v.zone, v.state, v.status, v.ct_id AS ctId, v.helper,
        coalesce(${lastMove('expires_at_us')}, v.expires_at_us) AS expiresAtUs, coalesce(${lastMove('timeout_s')}, v.timeout_s) AS timeoutS,
        ${lastMove('packets')} AS packets, ${lastMove('reply_packets')} AS replyPackets, v.source_id AS sourceId, v.line
      FROM (SELECT * FROM ct_entry_versions WHERE tuple_id IN ${EACH} UNION SELECT * FROM ct_entry_versions WHERE reply_tuple_id IN ${EACH}) v
        JOIN series r ON r.id = v.series_id JOIN snapshots n ON n.series_id = v.series_id AND v.from_seq <= n.seq AND (v.to_seq IS NULL OR v.to_seq > n.seq)
      WHERE r.host_id = ? ORDER BY n.taken_at_us, n.seq`,
    )
    .all(ids, ids, hostId) as EntryRow[];
}

/** Entries by their version, as the first snapshot that saw each has it; in the order asked for. */
export function readEntryVersions(db: Db, versionIds: readonly number[]): readonly EntryRow[] {
  const rows = db
    .prepare(
      `SELECT v.id AS versionId, n.id AS snapshotId, v.list, v.tuple_id AS tupleId, v.reply_tuple_id AS replyTupleId, v.zone, v.state, v.status, v.ct_id AS ctId, v.helper,
        v.expires_at_us AS expiresAtUs, v.timeout_s AS timeoutS, NULL AS packets, NULL AS replyPackets, v.source_id AS sourceId, v.line
      FROM ct_entry_versions v JOIN snapshots n ON n.series_id = v.series_id AND n.seq = v.from_seq WHERE v.id IN ${EACH}`,
    )
    .all(JSON.stringify(versionIds)) as EntryRow[];
  const byId = new Map(rows.map((row) => [row.versionId, row]));
  return versionIds.map((id) => byId.get(id)).filter((row): row is EntryRow => row !== undefined);
}

export interface SocketRow {
  readonly id: number;
  readonly snapshotId: number;
  readonly atUs: number | null;
  readonly state: string;
  readonly local: string;
  readonly lport: number | null;
  readonly peer: string | null;
  readonly pport: number | null;
  readonly sendQ: number | null;
  readonly timer: string | null;
  readonly timerMs: number | null;
  readonly retrans: number | null;
  readonly process: string | null;
  readonly info: string | null;
  readonly sourceId: number | null;
  readonly line: number | null;
}

/** Sockets between two ends, whichever of them is local. */
export function readSockets(
  db: Db,
  hostId: number,
  a: { readonly address: string; readonly port: number | null },
  b: { readonly address: string; readonly port: number | null },
): readonly SocketRow[] {
  return db
    .prepare(
      `SELECT k.id, n.id AS snapshotId, q.at_us AS atUs, k.state, k.local, k.lport, k.peer, k.pport, k.send_q AS sendQ, k.timer, k.timer_ms AS timerMs, k.retrans,
        k.process, k.info, k.source_id AS sourceId, k.line
      FROM (SELECT * FROM sockets_seen WHERE local = @a AND lport IS @ap AND peer = @b AND pport IS @bp
        UNION SELECT * FROM sockets_seen WHERE local = @b AND lport IS @bp AND peer = @a AND pport IS @ap) k
        JOIN series r ON r.id = k.series_id JOIN snapshots n ON n.series_id = k.series_id AND k.from_seq <= n.seq AND (k.to_seq IS NULL OR k.to_seq > n.seq)
        LEFT JOIN snapshot_parts q ON q.snapshot_id = n.id AND q.part = 'sockets'
      WHERE r.host_id = @host ORDER BY n.taken_at_us, n.seq`,
    )
    .all({ a: a.address, ap: a.port, b: b.address, bp: b.port, host: hostId }) as SocketRow[];
}

export interface HostEventRow {
  readonly id: number;
  readonly atUs: number | null;
  readonly errorUs: number | null;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly sourceId: number;
  readonly line: number;
}

export function readHostEvents(db: Db, hostId: number): readonly HostEventRow[] {
  const rows = db
    .prepare(
      `SELECT e.id, e.clock_us + c.offset_us AS atUs, c.error_us AS errorUs, e.kind, e.data, c.source_id AS sourceId, e.line
      FROM host_events e JOIN clocks c ON c.id = e.clock_id JOIN sources s ON s.id = c.source_id WHERE s.host_id = ? ORDER BY e.id`,
    )
    .all(hostId) as (Omit<HostEventRow, 'data'> & { data: string })[];
  return rows.map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> }));
}

export interface CoverageRow {
  readonly id: number;
  readonly what: string;
  readonly fromUs: number | null;
  readonly toUs: number | null;
  readonly state: 'complete' | 'limited' | 'lost' | 'cannot-show' | 'off';
  readonly lost: number | null;
  readonly why: string | null;
  readonly sourceId: number | null;
}

export function readCoverage(db: Db, hostId: number): readonly CoverageRow[] {
  return db
    .prepare(
      'SELECT id, what, from_at_us AS fromUs, to_at_us AS toUs, state, lost, why, source_id AS sourceId FROM coverage WHERE host_id = ? ORDER BY id',
    )
    .all(hostId) as CoverageRow[];
}

/** A sysctl or counter as each snapshot that names it found it. */
export interface ValueRow {
  readonly what: string;
  readonly name: string;
  readonly cpu: number;
  readonly snapshotId: number;
  readonly seriesId: number;
  readonly seq: number;
  readonly value: string | number | null;
  readonly sourceId: number | null;
  readonly line: number | null;
}

/** Values of a host as of each snapshot: a value stands until a later one replaces it. */
export function readValues(db: Db, hostId: number, what: 'sysctl' | 'ct-stat' | 'nstat'): readonly ValueRow[] {
  return db
    .prepare(
      `SELECT v.what, v.name, v.cpu, n.id AS snapshotId, v.series_id AS seriesId, v.seq, v.value, v.source_id AS sourceId, v.line
      FROM values_over_time v JOIN series r ON r.id = v.series_id JOIN snapshots n ON n.series_id = v.series_id AND n.seq = v.seq
      WHERE r.host_id = ? AND v.what = ? ORDER BY n.taken_at_us, n.seq`,
    )
    .all(hostId, what) as ValueRow[];
}

export interface HostRow {
  readonly id: number;
  readonly name: string;
  readonly isAssumed: number;
}

export function readHosts(db: Db): readonly HostRow[] {
  return db.prepare('SELECT id, name, is_assumed AS isAssumed FROM hosts ORDER BY id').all() as HostRow[];
}

export interface BootRow {
  readonly id: number;
  readonly hostId: number;
  readonly bootUuid: string | null;
  readonly kernelRelease: string | null;
  /** Mentioned in prose, or that of a later boot. */
  readonly isReleaseGuessed: boolean;
}

export function readBoots(db: Db): readonly BootRow[] {
  const rows = db
    .prepare(
      'SELECT id, host_id AS hostId, boot_uuid AS bootUuid, kernel_release AS kernelRelease, is_release_guessed AS isReleaseGuessed FROM boots ORDER BY id',
    )
    .all() as (Omit<BootRow, 'isReleaseGuessed'> & { readonly isReleaseGuessed: number })[];
  return rows.map((row) => ({ ...row, isReleaseGuessed: row.isReleaseGuessed === 1 }));
}

/** Whether evidence of a host was read in a namespace that is not its first: one that has a name there. */
export function readHasNamedNamespace(db: Db, hostId: number): boolean {
  return (
    db
      .prepare(
        `SELECT 1 FROM namespaces n JOIN boots b ON b.id = n.boot_id
        WHERE b.host_id = ? AND coalesce(n.is_initial, 0) = 0 AND n.name IS NOT NULL AND n.name <> 'init' LIMIT 1`,
      )
      .get(hostId) !== undefined
  );
}

/** Names of a host's network namespaces other than its first, by their key; those that no name leads to are left out. */
export function readNetnsNames(db: Db, hostId: number): ReadonlyMap<number, string> {
  const rows = db
    .prepare(
      `SELECT n.id, n.name FROM namespaces n JOIN boots b ON b.id = n.boot_id
      WHERE b.host_id = ? AND coalesce(n.is_initial, 0) = 0 AND n.name IS NOT NULL AND n.name <> 'init'`,
    )
    .all(hostId) as { readonly id: number; readonly name: string }[];
  return new Map(rows.map(({ id, name }) => [id, name]));
}

export interface SourceRow {
  readonly id: number;
  readonly hostId: number;
  readonly name: string;
  readonly kind: string;
  readonly readAtUs: number | null;
  readonly lines: number;
}

export function readSources(db: Db, ingestId: number | null): readonly SourceRow[] {
  return db
    .prepare(
      'SELECT id, host_id AS hostId, name, kind, read_at_us AS readAtUs, done_lines AS lines FROM sources WHERE @ingest IS NULL OR last_ingest_id = @ingest ORDER BY id',
    )
    .all({ ingest: ingestId }) as SourceRow[];
}

/** Host facts (addresses, routes …) with the snapshot that saw them. */
export interface HostFactRow {
  readonly id: number;
  readonly snapshotId: number;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly sourceId: number | null;
  readonly line: number | null;
}

export function readHostFacts(db: Db, hostId: number, kinds: readonly string[]): readonly HostFactRow[] {
  const rows = db
    .prepare(
      `SELECT f.id, n.id AS snapshotId, f.kind, f.data, f.source_id AS sourceId, f.line
      FROM host_facts f JOIN series r ON r.id = f.series_id JOIN snapshots n ON n.series_id = f.series_id AND f.from_seq <= n.seq AND (f.to_seq IS NULL OR f.to_seq > n.seq)
      WHERE r.host_id = ? AND f.kind IN ${EACH} ORDER BY f.id`,
    )
    .all(hostId, JSON.stringify(kinds)) as (Omit<HostFactRow, 'data'> & { data: string })[];
  return rows.map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> }));
}

export interface NoticeRow {
  readonly id: number;
  readonly atUs: number | null;
  readonly errorUs: number | null;
  readonly kind: string;
  readonly reasonId: string | null;
  readonly count: number | null;
  readonly text: string;
  readonly sourceId: number;
  readonly line: number;
}

/** Kernel messages without a packet, those with a reason or a count first of interest; at most `limit`. */
export function readNotices(db: Db, hostId: number, limit: number): readonly NoticeRow[] {
  return db
    .prepare(
      `SELECT k.id, k.clock_us + c.offset_us AS atUs, c.error_us AS errorUs, k.kind, k.reason_id AS reasonId, k.count, k.text, c.source_id AS sourceId, k.line
      FROM kernel_notices k JOIN clocks c ON c.id = k.clock_id JOIN sources s ON s.id = c.source_id WHERE s.host_id = ? ORDER BY k.id LIMIT ?`,
    )
    .all(hostId, limit) as NoticeRow[];
}
