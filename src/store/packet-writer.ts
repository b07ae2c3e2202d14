// Writes batches of packets: dictionary entries get their rows first, then packets go in, many a statement.

import type { Database, Statement } from 'better-sqlite3';
import type { Db } from './open-store.js';
import {
  type ClockStart,
  type HeadRow,
  type NoticeRow,
  type PacketBatch,
  type StepRow,
  WIDTH,
} from './packet-batch.js';
import { dropBulkIndexes, ensurePacketIndexes, isBulk } from './packet-indexes.js';
import type { PassageMerge } from './passage-merge.js';

/** Rows of one INSERT: 50 cost a third of 50 single ones; more brings nothing. */
const ROWS = 50;
/** Sizes of statements; the smaller ones are for what is left at the end of a batch. */
const SIZES = [ROWS, 8, 1];

export interface PacketWriterOptions {
  readonly sourceId: number;
  /** Of all its packets; NULL: the kernel log, which does not tell. */
  readonly namespaceId: number | null;
  /** Makes the row of a clock and returns its id. */
  readonly addClock: (clock: ClockStart) => number;
  /** Recognises packets that another source of the same boot already brought; NULL when there is none. */
  readonly mergeFor: (clockId: number, clock: ClockStart) => PassageMerge | null;
  /** Clocks that already have rows (reading on from a resume point), by their index in the source. */
  readonly clockIds?: readonly number[];
}

export interface PacketWriter {
  write(batch: PacketBatch): void;
  readonly clockIds: readonly number[];
  readonly counts: { written: number; merged: number };
}

/** A column list of passages that leaves out what is NULL in all rows of a statement. */
interface RowShape {
  readonly columns: readonly string[];
  /** Index into PacketBatch.numbers per column after clock_id; -1 stepUs, -2 extra. */
  readonly from: readonly number[];
}

/** The usual packet of a LOG rule: one line, nothing odd. */
const SHORT: RowShape = {
  columns: ['clock_us', 'line', 'path_id', 'tuple_id', 'mac_id', 'ip_id', 'len', 'ttl', 'window', 'body_hash'],
  from: [1, 2, 3, 4, 7, 8, 9, 10, 13, 15],
};
const LONG: RowShape = {
  columns: [
    'clock_us',
    'line',
    'path_id',
    'tuple_id',
    'tuple2_id',
    'tuple3_id',
    'mac_id',
    'ip_id',
    'len',
    'ttl',
    'seq',
    'ack',
    'window',
    'mark',
    'body_hash',
    'step_us',
    'extra',
  ],
  from: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -1, -2],
};

/**
 * Opens the packets of one source for writing, inside the caller's transactions. When a load turns out to be large, indexes are dropped;
 * finishPacketLoad builds them again.
 */
export function openPacketWriter(db: Db, options: PacketWriterOptions): PacketWriter {
  const heads: number[] = [];
  const shapes: number[] = [];
  const macs: number[] = [];
  const tuples: number[] = [];
  const paths: number[] = [];
  /** Lines of a packet, by the number of its path. */
  const pathLines: number[] = [];
  /** Lines of packets written since the last batch, by the index of their clock. */
  const clockLines: number[] = [];
  const clockIds: number[] = [...(options.clockIds ?? [])];
  const merges: (PassageMerge | null)[] = clockIds.map(() => null);
  const dictionaries = openDictionaries(db);
  const counts = { written: 0, merged: 0 };
  const existing = db.prepare('SELECT coalesce(max(id), 0) FROM passages').pluck().get() as number;
  let isBulkLoad = false;
  let generation = 0;
  const short = openRows(db, SHORT, options.namespaceId);
  const long = openRows(db, LONG, options.namespaceId);
  const addLines = packetLineCounter(db);
  const addSource = db.prepare('INSERT OR IGNORE INTO passage_sources (passage_id, source_id, line) VALUES (?, ?, ?)');
  const addNotice = db.prepare(
    `INSERT INTO kernel_notices (clock_id, clock_us, line, kind, reason_id, function, count, text, extra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );

  const enter = (batch: PacketBatch): void => {
    if (batch.generation !== generation) {
      generation = batch.generation;
      for (const list of [heads, shapes, macs, tuples, paths, pathLines]) list.length = 0;
    }
    for (const clock of batch.clocks) {
      const id = options.addClock(clock);
      clockIds.push(id);
      merges.push(options.mergeFor(id, clock));
    }
    for (const head of batch.heads) heads.push(dictionaries.head(head));
    for (const shape of batch.shapes) shapes.push(dictionaries.shape(shape.template, shape.l4, shape.flags));
    for (const mac of batch.macs) macs.push(dictionaries.mac(mac));
    for (const tuple of batch.tuples)
      tuples.push(dictionaries.tuple(tuple.src, tuple.sport, tuple.dst, tuple.dport, tuple.proto, tuple.extra));
    for (const path of batch.paths) {
      paths.push(
        dictionaries.path(path.map((step) => ({ ...step, head: heads[step.head]!, shape: shapes[step.shape]! }))),
      );
      pathLines.push(path.length);
    }
  };

  const passages = (batch: PacketBatch): void => {
    const { numbers } = batch;
    for (let row = 0, at = 0; row < batch.count; row++, at += WIDTH) {
      const clock = numbers[at]!;
      const clockId = clockIds[clock]!;
      const stepUs = batch.stepUs[row]!;
      const same = merges[clock]?.find(numbers[at + 1]!, numbers[at + 15]!) ?? null;
      if (same !== null) {
        addSource.run(same, options.sourceId, numbers[at + 2]!);
        counts.merged++;
        continue;
      }
      counts.written++;
      clockLines[clock] = (clockLines[clock] ?? 0) + pathLines[numbers[at + 3]!]!;
      numbers[at + 3] = paths[numbers[at + 3]!]!;
      numbers[at + 4] = tuples[numbers[at + 4]!]!;
      if (numbers[at + 5]! >= 0) numbers[at + 5] = tuples[numbers[at + 5]!]!;
      if (numbers[at + 7]! >= 0) numbers[at + 7] = macs[numbers[at + 7]!]!;
      const extra = batch.extra[row]!;
      const isShort =
        stepUs === null &&
        extra === null &&
        !(numbers[at + 11]! >= 0) &&
        !(numbers[at + 14]! >= 0) &&
        !(numbers[at + 5]! >= 0);
      (isShort ? short : long).add(clockId, numbers, at, stepUs, extra);
    }
    short.flush();
    long.flush();
    clockLines.forEach((lines, clock) => {
      addLines.run(lines, clockIds[clock]!);
    });
    clockLines.length = 0;
  };

  return {
    clockIds,
    counts,
    write(batch) {
      enter(batch);
      if (!isBulkLoad && merges.every((merge) => merge === null) && isBulk(existing, counts.written + batch.count)) {
        isBulkLoad = true;
        dropBulkIndexes(db);
      }
      passages(batch);
      for (const notice of batch.notices) writeNotice(notice);
    },
  };

  function writeNotice(notice: NoticeRow): void {
    const { clockUs, line, kind, reasonId, count, text, extra } = notice;
    const clockId = clockIds[notice.clock]!;
    if (merges[notice.clock]?.hasNotice(clockUs ?? 0, text) === true) return;
    addNotice.run(clockId, clockUs, line, kind, reasonId, notice.function, count, text, extra);
  }
}

/** Adds to the lines of packets that a clock's stretch of its source holds. */
export function packetLineCounter(db: Db): { run(lines: number, clockId: number): unknown } {
  return db.prepare('UPDATE clocks SET packet_lines = packet_lines + ? WHERE id = ?');
}

/** After the last source of a load: indexes that were dropped are built. */
export function finishPacketLoad(db: Db): void {
  ensurePacketIndexes(db);
}

interface Rows {
  add(clockId: number, numbers: Float64Array, at: number, stepUs: string | null, extra: string | null): void;
  flush(): void;
}

/** Collects rows of one shape and inserts them ROWS at a time. */
function openRows(db: Database, shape: RowShape, namespaceId: number | null): Rows {
  const width = shape.columns.length + 1;
  const row = `(${namespaceId ?? 'NULL'}, ${Array(width).fill('?').join(', ')})`;
  const columns = `namespace_id, clock_id, ${shape.columns.join(', ')}`;
  const statements = SIZES.map((size) =>
    db.prepare(`INSERT INTO passages (${columns}) VALUES ${Array(size).fill(row).join(', ')}`),
  );
  const values: (number | string | null)[] = Array(ROWS * width).fill(null);
  let rows = 0;

  const flush = (): void => {
    if (rows === ROWS) {
      statements[0]!.run(values);
      rows = 0;
      return;
    }
    let at = 0;
    SIZES.forEach((size, i) => {
      for (; rows >= size; rows -= size) {
        statements[i]!.run(values.slice(at, at + size * width));
        at += size * width;
      }
    });
  };

  return {
    flush,
    add(clockId, numbers, at, stepUs, extra) {
      let to = rows * width;
      values[to++] = clockId;
      for (const from of shape.from) {
        if (from >= 0) {
          const number = numbers[at + from]!;
          values[to++] = Number.isNaN(number) ? null : number;
        } else values[to++] = from === -1 ? stepUs : extra;
      }
      if (++rows === ROWS) flush();
    },
  };
}

interface Dictionaries {
  head(head: HeadRow): number;
  shape(template: string, l4: string | null, flags: string | null): number;
  mac(text: string): number;
  tuple(
    src: string,
    sport: number | null,
    dst: string,
    dport: number | null,
    proto: number,
    extra: string | null,
  ): number;
  path(steps: readonly StepRow[]): number;
}

/** Rows of dictionary tables by what they say: found, or made. */
export function openDictionaries(db: Db): Dictionaries {
  const findOr = (find: Statement, insert: Statement) => (key: readonly unknown[], values: readonly unknown[]) =>
    (find.pluck().get(...key) as number | undefined) ?? Number(insert.run(...values).lastInsertRowid);
  const headOf = findOr(
    db.prepare('SELECT id FROM heads WHERE text = ?'),
    db.prepare(
      `INSERT INTO heads (text, kind, family, table_name, chain, rule_kind, rule_no, verdict, prefix, reason_id, message, in_if, out_if, phys_in, phys_out)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
  );
  const shapeOf = findOr(
    db.prepare('SELECT id FROM shapes WHERE template = ?'),
    db.prepare('INSERT INTO shapes (template, l4, flags) VALUES (?, ?, ?)'),
  );
  const macOf = findOr(
    db.prepare('SELECT id FROM macs WHERE text = ?'),
    db.prepare('INSERT INTO macs (text) VALUES (?)'),
  );
  const tupleOf = findOr(
    db.prepare(
      `SELECT id FROM tuples WHERE src = ? AND ifnull(sport, -1) = ? AND dst = ? AND ifnull(dport, -1) = ? AND proto = ? AND ifnull(extra, '') = ?`,
    ),
    db.prepare('INSERT INTO tuples (src, sport, dst, dport, proto, extra) VALUES (?, ?, ?, ?, ?, ?)'),
  );
  const pathOf = findOr(
    db.prepare('SELECT id FROM paths WHERE signature = ?'),
    db.prepare('INSERT INTO paths (signature, steps) VALUES (?, ?)'),
  );
  const countPaths = db.prepare('SELECT 1 FROM path_steps WHERE path_id = ? LIMIT 1').pluck();
  const addStep = db.prepare(
    'INSERT INTO path_steps (path_id, step, head_id, shape_id, slot, ttl_lost) VALUES (?, ?, ?, ?, ?, ?)',
  );

  return {
    head: (row) =>
      headOf(
        [row.text],
        [
          row.text,
          row.kind,
          row.family,
          row.table,
          row.chain,
          row.ruleKind,
          row.ruleNumber,
          row.verdict,
          row.prefix,
          row.reasonId,
          row.message,
          row.inIf,
          row.outIf,
          row.physIn,
          row.physOut,
        ],
      ),
    shape: (template, l4, flags) => shapeOf([template], [template, l4, flags]),
    mac: (text) => macOf([text], [text]),
    tuple: (src, sport, dst, dport, proto, extra) =>
      tupleOf([src, sport ?? -1, dst, dport ?? -1, proto, extra ?? ''], [src, sport, dst, dport, proto, extra]),
    path(steps) {
      const signature = Buffer.from(
        Int32Array.from(steps.flatMap((step) => [step.head, step.shape, step.slot, step.ttlLost])).buffer,
      );
      const id = pathOf([signature], [signature, steps.length]);
      if (countPaths.get(id) === undefined) {
        steps.forEach((step, i) => {
          addStep.run(id, i, step.head, step.shape, step.slot, step.ttlLost);
        });
      }
      return id;
    },
  };
}
