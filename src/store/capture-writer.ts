// Packets that were captured on the wire, and events of the host: rows that stand by themselves, each on the clock of its source.

import type { CapturedPacket } from '../model/capture.js';
import type { HostEvent } from '../model/host-fact.js';
import type { Stamp } from '../model/kernel-line.js';
import type { Packet } from '../model/packet.js';
import { packetTuple } from '../model/packet-tuple.js';
import type { Tuple } from '../model/tuple.js';
import type { Db } from './open-store.js';

/** The times that a record may carry; at most one is told. */
export interface RecordTime {
  readonly atUs: number | null;
  readonly stamp: Stamp | null;
  /** Microseconds since midnight of an unknown day and zone. */
  readonly usOfDay: number | null;
}

/** The stretch of even clock that a record of a source falls into, and its place there; NULL when it tells no time. */
export type PlaceOnClock = (
  time: RecordTime,
  line: number,
) => { readonly clockId: number; readonly clockUs: number | null };

export interface TupleIds {
  id(tuple: Tuple): number;
}

type SqlValue = string | number | null;

interface BatchInsert {
  add(row: readonly SqlValue[]): void;
  flush(): void;
}

const ROWS_PER_STATEMENT = 50;

/** Collects rows and inserts fifty with one statement: three times as fast as one by one. */
function openBatchInsert(db: Db, table: string, columns: readonly string[]): BatchInsert {
  const row = `(${columns.map(() => '?').join(', ')})`;
  const statement = (rows: number): string =>
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${new Array(rows).fill(row).join(', ')}`;
  const full = db.prepare(statement(ROWS_PER_STATEMENT));
  let waiting: SqlValue[] = [];
  let rows = 0;
  return {
    add(values) {
      waiting.push(...values);
      if (++rows < ROWS_PER_STATEMENT) return;
      full.run(waiting);
      waiting = [];
      rows = 0;
    },
    flush() {
      if (rows > 0) db.prepare(statement(rows)).run(waiting);
      waiting = [];
      rows = 0;
    },
  };
}

/** Fields of a packet that have columns of their own, or are part of the tuple. */
const IN_COLUMNS: ReadonlySet<string> = new Set([
  'proto',
  'src',
  'dst',
  'sport',
  'dport',
  'lenBytes',
  'ipId',
  'ttl',
  'flags',
  'seq',
  'ack',
  'window',
]);

function isTold(value: unknown): boolean {
  return value !== null && value !== false && !(Array.isArray(value) && value.length === 0);
}

function toldFields(packet: Packet, skip: ReadonlySet<string>): Record<string, unknown> {
  const told: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(packet)) {
    if (skip.has(key) || !isTold(value)) continue;
    told[key] = key === 'quoted' ? toldFields(value as Packet, new Set()) : value;
  }
  return told;
}

/** What has no column: the packet's other fields under their names in model/packet.ts, checksum verdict, NFLOG's words. */
function extraOf(captured: CapturedPacket): string | null {
  const extra = toldFields(captured.packet, IN_COLUMNS);
  if (captured.checksum !== null) extra['checksum'] = captured.checksum;
  if (captured.hasRelativeNumbers) extra['hasRelativeNumbers'] = true;
  if (captured.nflog !== null) extra['nflog'] = captured.nflog;
  return Object.keys(extra).length === 0 ? null : JSON.stringify(extra);
}

export interface StreamRows<Row> {
  write(row: Row, line: number): void;
  /** Puts what is waiting into the store. */
  flush(): void;
}

export function openCaptureWriter(db: Db, tuples: TupleIds, place: PlaceOnClock): StreamRows<CapturedPacket> {
  const insert = openBatchInsert(db, 'captured_packets', [
    'clock_id',
    'clock_us',
    'line',
    'tuple_id',
    'interface',
    'len',
    'ip_id',
    'ttl',
    'flags',
    'seq',
    'ack',
    'window',
    'payload',
    'extra',
  ]);
  return {
    write(captured, line) {
      const { packet } = captured;
      const { clockId, clockUs } = place(captured, line);
      const tuple = packetTuple(packet);
      insert.add([
        clockId,
        clockUs,
        line,
        tuple === null ? null : tuples.id(tuple),
        captured.interface,
        packet.lenBytes,
        packet.ipId,
        packet.ttl,
        packet.flags,
        packet.seq,
        packet.ack,
        packet.window,
        captured.payloadBytes,
        extraOf(captured),
      ]);
    },
    flush: insert.flush,
  };
}

export function openHostEventWriter(db: Db, place: PlaceOnClock): StreamRows<HostEvent> {
  const insert = openBatchInsert(db, 'host_events', ['clock_id', 'clock_us', 'line', 'kind', 'data']);
  return {
    write(event, line) {
      const { clockId, clockUs } = place({ atUs: event.atUs, stamp: event.stamp, usOfDay: null }, line);
      insert.add([clockId, clockUs, line, event.kind, JSON.stringify(event.data)]);
    },
    flush: insert.flush,
  };
}
