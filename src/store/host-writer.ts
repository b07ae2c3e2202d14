// Sockets and facts of a host as a snapshot saw them. What did not change since the snapshot before spans both in one row.

import type { HostFact } from '../model/host-fact.js';
import type { Socket } from '../model/socket.js';
import type { Db } from './open-store.js';

/** The snapshot that a listing belongs to, and where it was read. */
export interface ListingPosition {
  readonly seriesId: number;
  /** Position of the snapshot in its series, from 1. */
  readonly seq: number;
  readonly sourceId: number | null;
}

/** Writes the rows of one listing. Writing the same listing into the same snapshot again changes nothing. */
export interface RowWriter<Row> {
  /** @param from the source of this row, where a listing has several */
  write(row: Row, line: number, from?: number): void;
}

type SqlValue = string | number | null;

interface Spans {
  readonly table: 'sockets_seen' | 'host_facts';
  readonly columns: readonly string[];
}

const SOCKETS: Spans = {
  table: 'sockets_seen',
  columns: [
    'proto',
    'state',
    'local',
    'lport',
    'peer',
    'pport',
    'recv_q',
    'send_q',
    'timer',
    'timer_ms',
    'retrans',
    'uid',
    'inode',
    'process',
    'info',
  ],
};
const FACTS: Spans = { table: 'host_facts', columns: ['kind', 'data'] };

/**
 * Rows that carry on from the snapshot before are found by all that they hold. Every row says in to_seq the snapshot behind the last
 * one that showed it, so that a snapshot in which this part was not read shows none of them.
 */
function openSpanWriter(
  db: Db,
  { table, columns }: Spans,
  position: ListingPosition,
): (values: readonly SqlValue[], line: number, from?: number) => void {
  const { seriesId, seq, sourceId } = position;
  const list = columns.join(', ');
  const known = new Map<string, { readonly id: number; readonly toSeq: number }[]>();
  const before = db
    .prepare(`SELECT id, to_seq, ${list} FROM ${table} WHERE series_id = ? AND to_seq IN (?, ?) ORDER BY id DESC`)
    .raw(true)
    .all(seriesId, seq, seq + 1) as [number, number, ...SqlValue[]][];
  for (const [id, toSeq, ...values] of before) {
    const key = JSON.stringify(values);
    const rows = known.get(key);
    if (rows === undefined) known.set(key, [{ id, toSeq }]);
    else rows.push({ id, toSeq });
  }
  const carryOn = db.prepare(`UPDATE ${table} SET to_seq = ? WHERE id = ?`);
  const add = db.prepare(
    `INSERT INTO ${table} (series_id, from_seq, to_seq, source_id, line, ${list}) VALUES (?, ?, ?, ?, ?, ${columns.map(() => '?').join(', ')})`,
  );
  return (values, line, from) => {
    const row = known.get(JSON.stringify(values))?.pop();
    if (row === undefined) add.run(seriesId, seq, seq + 1, from ?? sourceId, line, ...values);
    else if (row.toSeq === seq) carryOn.run(seq + 1, row.id);
  };
}

/** JSON with sorted keys, so that the same data is the same text whatever printed it; NULL for nothing. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

export function openSocketWriter(db: Db, position: ListingPosition): RowWriter<Socket> {
  const write = openSpanWriter(db, SOCKETS, position);
  return {
    write(socket, line, from) {
      write(
        [
          socket.proto,
          socket.state,
          socket.local,
          socket.lport,
          socket.peer,
          socket.pport,
          socket.recvQ,
          socket.sendQ,
          socket.timer,
          socket.timerMs,
          socket.retrans,
          socket.uid,
          socket.inode,
          socket.process,
          Object.keys(socket.info).length === 0 ? null : canonicalJson(socket.info),
        ],
        line,
        from,
      );
    },
  };
}

export function openHostFactWriter(db: Db, position: ListingPosition): RowWriter<HostFact> {
  const write = openSpanWriter(db, FACTS, position);
  return { write: (fact, line, from) => write([fact.kind, canonicalJson(fact.data)], line, from) };
}
