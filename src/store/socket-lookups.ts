// Which sockets have no entry in the same snapshot, and what the tracker said when it was asked for each.

import type { Db } from './open-store.js';

export type LookupOutcome = 'no-entry' | 'entry' | 'socket-gone' | 'failed';

export interface SocketToLookUp {
  readonly id: number;
  readonly proto: number;
  readonly state: string;
  readonly local: string;
  readonly lport: number;
  readonly peer: string;
  readonly pport: number;
  readonly inode: number | null;
  readonly sendQ: number | null;
  readonly timer: string | null;
}

/**
 * TCP sockets with a peer that neither direction of any entry of the main list names, in a snapshot.
 * @param most no more than this many
 */
export function socketsWithoutEntry(db: Db, seriesId: number, seq: number, most: number): readonly SocketToLookUp[] {
  const of = (tuple: string, [local, lport, peer, pport]: readonly string[]) =>
    `NOT EXISTS (SELECT 1 FROM tuples t JOIN ct_entry_versions v ON v.${tuple} = t.id
       WHERE t.proto = k.proto AND t.src = k.${local} AND t.sport = k.${lport} AND t.dst = k.${peer} AND t.dport = k.${pport}
         AND v.series_id = k.series_id AND v.list = 'main' AND v.from_seq <= @seq AND (v.to_seq IS NULL OR v.to_seq > @seq))`;
  const out = ['local', 'lport', 'peer', 'pport'];
  const back = ['peer', 'pport', 'local', 'lport'];
  return db
    .prepare(
      `SELECT k.id, k.proto, k.state, k.local, k.lport, k.peer, k.pport, k.inode, k.send_q AS sendQ, k.timer FROM sockets_seen k
       WHERE k.series_id = @series AND k.from_seq <= @seq AND (k.to_seq IS NULL OR k.to_seq > @seq) AND k.proto = 6
         AND k.state NOT IN ('LISTEN', 'UNCONN') AND k.lport IS NOT NULL AND k.pport IS NOT NULL AND k.peer IS NOT NULL
         AND ${of('tuple_id', out)} AND ${of('reply_tuple_id', out)} AND ${of('tuple_id', back)} AND ${of('reply_tuple_id', back)}
       ORDER BY k.id LIMIT @most`,
    )
    .all({ series: seriesId, seq, most }) as SocketToLookUp[];
}

/** Notes what became of a lookup. */
export function noteLookup(
  db: Db,
  snapshotId: number,
  socketId: number,
  atUs: number,
  outcome: LookupOutcome,
  why: string | null,
): void {
  db.prepare(
    'INSERT OR REPLACE INTO socket_lookups (snapshot_id, socket_id, at_us, outcome, why) VALUES (?, ?, ?, ?, ?)',
  ).run(snapshotId, socketId, atUs, outcome, why);
}

export interface SocketLookup {
  readonly state: string;
  readonly local: string;
  readonly lport: number;
  readonly peer: string;
  readonly pport: number;
  readonly sendQ: number | null;
  readonly timer: string | null;
  readonly atUs: number;
  readonly outcome: LookupOutcome;
  readonly why: string | null;
}

/** What the tracker said of the sockets of a snapshot that no list named. */
export function socketsLookedUp(db: Db, snapshotId: number): readonly SocketLookup[] {
  return db
    .prepare(
      `SELECT k.state, k.local, k.lport, k.peer, k.pport, k.send_q AS sendQ, k.timer, l.at_us AS atUs, l.outcome, l.why
       FROM socket_lookups l JOIN sockets_seen k ON k.id = l.socket_id WHERE l.snapshot_id = ? ORDER BY k.id`,
    )
    .all(snapshotId) as SocketLookup[];
}
