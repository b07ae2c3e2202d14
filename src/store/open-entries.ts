// How does a snapshot of a million entries find those of the one before within a second? They lie beside the versions as plain arrays,
// written anew by each snapshot of a large table; where they are not of the snapshot before, the rows themselves are read.

import { type EntryTable, newEntryTable } from './entry-table.js';
import type { Db } from './open-store.js';

/** Fewer are read from their rows in a moment, and not written each minute. */
export const LARGE_TABLE = 50_000;

const BLOCK = 65_536;
/** At the head of each block; another value when it was written in another byte order. */
const MARK = 0x0c7f_1e55;
const HEAD_BYTES = 8;
/** key, content, expiry, counters; version, timeout; list */
const ENTRY_BYTES = 4 * 8 + 2 * 4 + 1;
const blockBytes = (entries: number): number => HEAD_BYTES + entries * ENTRY_BYTES;

interface Columns {
  readonly mark: Uint32Array;
  readonly keys: Float64Array;
  readonly contents: Float64Array;
  readonly expiries: Float64Array;
  readonly counters: Float64Array;
  readonly versions: Uint32Array;
  readonly timeouts: Int32Array;
  readonly lists: Uint8Array;
}

function columnsOf(buffer: ArrayBufferLike, entries: number): Columns {
  let at = HEAD_BYTES;
  const next = (bytes: number): number => {
    const from = at;
    at += bytes * entries;
    return from;
  };
  return {
    mark: new Uint32Array(buffer, 0, 1),
    keys: new Float64Array(buffer, next(8), entries),
    contents: new Float64Array(buffer, next(8), entries),
    expiries: new Float64Array(buffer, next(8), entries),
    counters: new Float64Array(buffer, next(8), entries),
    versions: new Uint32Array(buffer, next(4), entries),
    timeouts: new Int32Array(buffer, next(4), entries),
    lists: new Uint8Array(buffer, next(1), entries),
  };
}

/**
 * The open versions of a series as its snapshot `seq` left them; NULL: not kept, or rows were changed since, and they have to be asked.
 * @param open how many open versions the series has
 */
export function readOpenEntries(db: Db, seriesId: number, seq: number, open: number): EntryTable | null {
  const kept = db
    .prepare(
      'SELECT total(entries) AS entries, min(seq) AS low, max(seq) AS high FROM open_entries WHERE series_id = ?',
    )
    .get(seriesId) as { entries: number; low: number | null; high: number | null };
  if (kept.low !== seq || kept.high !== seq || kept.entries !== open) return null;
  const table = newEntryTable(open);
  const read = db.prepare('SELECT entries, data FROM open_entries WHERE series_id = ? AND block = ?');
  // Numbers of eight bytes have to lie at a multiple of eight. One room for all blocks: V8 is slow to let go of large ones.
  const room = new Uint8Array(blockBytes(BLOCK));
  for (let block = 0; table.size < open; block++) {
    const row = read.get(seriesId, block) as { entries: number; data: Buffer } | undefined;
    if (row === undefined || row.entries > BLOCK || row.data.length !== blockBytes(row.entries)) return null;
    room.set(row.data);
    const from = columnsOf(room.buffer, row.entries);
    if (from.mark[0] !== MARK) return null;
    for (let at = 0; at < row.entries; at++) {
      const slot = table.add(from.keys[at]!);
      table.setCounters(slot, from.counters[at]!);
    }
    const first = table.size - row.entries;
    table.contents().set(from.contents, first);
    table.expiries().set(from.expiries, first);
    table.versions().set(from.versions, first);
    table.timeouts().set(from.timeouts, first);
    table.lists().set(from.lists, first);
  }
  return table;
}

/**
 * Keeps the entries of a table that are open behind a snapshot, if there are many, in place of those of the one before.
 * @param isOpen which slots
 */
export function writeOpenEntries(
  db: Db,
  seriesId: number,
  seq: number,
  table: EntryTable,
  isOpen: (slot: number) => boolean,
): void {
  db.prepare('DELETE FROM open_entries WHERE series_id = ?').run(seriesId);
  let open = 0;
  for (let slot = 0; slot < table.size; slot++) if (isOpen(slot)) open++;
  if (open < LARGE_TABLE) return;
  const insert = db.prepare('INSERT INTO open_entries (series_id, block, seq, entries, data) VALUES (?, ?, ?, ?, ?)');
  const slots = new Uint32Array(BLOCK);
  const bytes = Buffer.alloc(blockBytes(BLOCK));
  let block = 0;
  for (let slot = 0; slot < table.size; ) {
    let entries = 0;
    for (; slot < table.size && entries < BLOCK; slot++) if (isOpen(slot)) slots[entries++] = slot;
    const to = columnsOf(bytes.buffer, entries);
    to.mark[0] = MARK;
    for (let at = 0; at < entries; at++) {
      const from = slots[at]!;
      to.keys[at] = table.keyOf(from);
      to.contents[at] = table.contents()[from]!;
      to.expiries[at] = table.expiries()[from]!;
      to.counters[at] = table.countersOf(from);
      to.versions[at] = table.versions()[from]!;
      to.timeouts[at] = table.timeouts()[from]!;
      to.lists[at] = table.lists()[from]!;
    }
    insert.run(seriesId, block++, seq, entries, bytes.subarray(0, blockBytes(entries)));
  }
}
