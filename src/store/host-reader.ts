// What a snapshot knew of its host: sockets of a flow, addresses, routes and other facts.
// Parts of a host are often read once in an incident: where a snapshot has no such part, the last one before it answers, else the
// first one after it; every answer names the snapshot it rests on.

import type { HostFactKind } from '../model/host-fact.js';
import type { Socket } from '../model/socket.js';
import type { Tuple } from '../model/tuple.js';
import { canonicalAddress, isInPrefix } from '../text/address.js';
import { addressBytes } from '../text/address-bytes.js';
import type { Db } from './open-store.js';

export interface SeenSocket {
  /** Row of sockets_seen. */
  readonly id: number;
  readonly seriesId: number;
  /** Snapshots of the series that showed it unchanged, both included. */
  readonly fromSeq: number;
  readonly lastSeq: number;
  /** When the first and the last of them were taken; NULL where nothing tells. */
  readonly firstSeenAtUs: number | null;
  readonly lastSeenAtUs: number | null;
  /** Whether the tuple's source is the local end; false: its destination is. */
  readonly isSourceLocal: boolean;
  readonly socket: Socket;
  readonly sourceId: number | null;
  readonly line: number | null;
}

interface SocketRow {
  readonly id: number;
  readonly series_id: number;
  readonly from_seq: number;
  readonly last_seq: number;
  readonly first_at: number | null;
  readonly last_at: number | null;
  readonly proto: number;
  readonly state: string;
  readonly local: string;
  readonly lport: number | null;
  readonly peer: string | null;
  readonly pport: number | null;
  readonly recv_q: number | null;
  readonly send_q: number | null;
  readonly timer: string | null;
  readonly timer_ms: number | null;
  readonly retrans: number | null;
  readonly uid: number | null;
  readonly inode: number | null;
  readonly process: string | null;
  readonly info: string | null;
  readonly source_id: number | null;
  readonly line: number | null;
}

function seenSocket(row: SocketRow, tuple: Tuple): SeenSocket {
  return {
    id: row.id,
    seriesId: row.series_id,
    fromSeq: row.from_seq,
    lastSeq: row.last_seq,
    firstSeenAtUs: row.first_at,
    lastSeenAtUs: row.last_at,
    isSourceLocal: row.local === tuple.src && row.lport === tuple.sport,
    socket: {
      proto: row.proto,
      state: row.state,
      local: row.local,
      lport: row.lport,
      peer: row.peer,
      pport: row.pport,
      recvQ: row.recv_q,
      sendQ: row.send_q,
      timer: row.timer,
      timerMs: row.timer_ms,
      retrans: row.retrans,
      uid: row.uid,
      inode: row.inode,
      process: row.process,
      info: row.info === null ? {} : (JSON.parse(row.info) as Socket['info']),
    },
    sourceId: row.source_id,
    line: row.line,
  };
}

/**
 * Sockets of a flow, whichever end is local, oldest first.
 * @param seriesId of which host and namespace; NULL: any in the store
 */
export function socketsOfTuple(db: Db, tuple: Tuple, seriesId: number | null = null): readonly SeenSocket[] {
  const rows = db
    .prepare(
      `SELECT k.*, coalesce(k.to_seq, m.last + 1) - 1 AS last_seq, a.taken_at_us AS first_at, z.taken_at_us AS last_at
       FROM sockets_seen k
         JOIN (SELECT series_id, max(seq) AS last FROM snapshots GROUP BY series_id) m ON m.series_id = k.series_id
         LEFT JOIN snapshots a ON a.series_id = k.series_id AND a.seq = k.from_seq
         LEFT JOIN snapshots z ON z.series_id = k.series_id AND z.seq = coalesce(k.to_seq, m.last + 1) - 1
       WHERE k.proto = @proto AND (@series IS NULL OR k.series_id = @series)
         AND ((k.peer = @dst AND k.pport IS @dport AND k.local = @src AND k.lport IS @sport)
           OR (k.peer = @src AND k.pport IS @sport AND k.local = @dst AND k.lport IS @dport))
       ORDER BY k.series_id, k.from_seq, k.id`,
    )
    .all({
      proto: tuple.proto,
      series: seriesId,
      src: tuple.src,
      dst: tuple.dst,
      sport: tuple.sport,
      dport: tuple.dport,
    }) as SocketRow[];
  return rows.map((row) => seenSocket(row, tuple));
}

export interface SeenFact {
  /** Row of host_facts. */
  readonly id: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly sourceId: number | null;
  readonly line: number | null;
}

export interface FactsAsOf {
  /** Position of the snapshot that showed them. */
  readonly seq: number;
  /** false: read in another snapshot than the one asked for. */
  readonly isOwn: boolean;
  readonly facts: readonly SeenFact[];
}

function positionOf(db: Db, snapshotId: number): { readonly seriesId: number; readonly seq: number } | null {
  const row = db.prepare('SELECT series_id AS seriesId, seq FROM snapshots WHERE id = ?').get(snapshotId);
  return (row as { seriesId: number; seq: number } | undefined) ?? null;
}

/** The facts of a kind as a snapshot, or the nearest one that read them, saw them; NULL when none of its series did. */
export function hostFactsAsOf(db: Db, snapshotId: number, kind: HostFactKind): FactsAsOf | null {
  const position = positionOf(db, snapshotId);
  if (position === null) return null;
  const { at } = db
    .prepare(
      `SELECT coalesce(
         (SELECT max(min(coalesce(to_seq, @seq + 1) - 1, @seq)) FROM host_facts WHERE series_id = @series AND kind = @kind AND from_seq <= @seq),
         (SELECT min(from_seq) FROM host_facts WHERE series_id = @series AND kind = @kind)) AS at`,
    )
    .get({ seq: position.seq, series: position.seriesId, kind }) as { at: number | null };
  if (at === null) return null;
  const rows = db
    .prepare(
      `SELECT id, data, source_id AS sourceId, line FROM host_facts
       WHERE series_id = ? AND kind = ? AND from_seq <= ? AND (to_seq IS NULL OR to_seq > ?) ORDER BY id`,
    )
    .all(position.seriesId, kind, at, at) as {
    id: number;
    data: string;
    sourceId: number | null;
    line: number | null;
  }[];
  return {
    seq: at,
    isOwn: at === position.seq,
    facts: rows.map(({ data, ...row }) => ({ ...row, data: JSON.parse(data) as SeenFact['data'] })),
  };
}

/**
 * Whether an address is one of the host's own, by its addresses and by the routes of its local table (which also hold what
 * `ip route add local …` and anycast made its own). NULL when no snapshot of the series read either.
 */
export function isLocalAddress(db: Db, snapshotId: number, address: string): boolean | null {
  const wanted = canonicalAddress(address);
  if (addressBytes(wanted) === null) return null;
  if (wanted === '::1' || isInPrefix(wanted, '127.0.0.0/8')) return true;
  const addresses = hostFactsAsOf(db, snapshotId, 'address');
  if (addresses?.facts.some(({ data }) => canonicalAddress(String(data['local'])) === wanted) === true) return true;
  const routes = hostFactsAsOf(db, snapshotId, 'route');
  const isRouted = routes?.facts.some(
    ({ data }) => (data['type'] === 'local' || data['type'] === 'anycast') && isInPrefix(wanted, String(data['dst'])),
  );
  if (isRouted === true) return true;
  // Routes without the local table (plain `ip route`) say nothing about what is missing in them.
  const hasLocalTable = routes?.facts.some(({ data }) => data['type'] === 'local') === true;
  return addresses === null && !hasLocalTable ? null : false;
}
