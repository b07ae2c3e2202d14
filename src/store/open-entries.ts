// How does a snapshot of a million entries find those of the one before within a second? They lie beside the versions as plain arrays,
// written anew by each snapshot of a large table; where they are not of the snapshot before, the rows themselves are read.

import { type EntryTable, newEntryTable } from './entry-table.js';
import type { Db } from './open-store.js';

/** Fewer are read from their rows in a moment, and not written each minute. */
export const LARGE_TABLE = 50_000;

const BLOCK = 65_536;
/** At the head of each block; another value when it was written in another byte order, or with other columns. */
const MARK = 0x0c7f_1e56;
const HEAD_BYTES = 8;
/** key, content, print, expiry, counters; version, timeout; list */
const ENTRY_BYTES = 5 * 8 + 2 * 4 + 1;
const blockBytes = (entries: number): number => HEAD_BYTES + entries * ENTRY_BYTES;

interface Columns {
  readonly mark: Uint32Array;
  readonly keys: Float64Array;
  readonly contents: Float64Array;
  readonly prints: Float64Array;
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
    prints: new Float64Array(buffer, next(8), entries),
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
    table.prints().set(from.prints, first);
    table.expiries().set(from.expiries, first);
    table.versions().set(from.versions, first);
    table.timeouts().set(from.timeouts, first);
    table.lists().set(from.lists, first);
  }
  return table;
}

/**
 * Keeps the entries of a table that are open behind a snapshot, if there are many, in place of those of the one before: first those that
 * the listing showed, in its order, which is that of the next listing, too.
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
  const open = openSlots(table, isOpen);
  if (open.length < LARGE_TABLE) return;
  const insert = db.prepare('INSERT INTO open_entries (series_id, block, seq, entries, data) VALUES (?, ?, ?, ?, ?)');
  const bytes = Buffer.alloc(blockBytes(BLOCK));
  const [keys, contents, prints, expiries] = [table.keys(), table.contents(), table.prints(), table.expiries()];
  const [versions, timeouts, lists] = [table.versions(), table.timeouts(), table.lists()];
  let block = 0;
  for (let first = 0; first < open.length; first += BLOCK) {
    const slots = open.subarray(first, first + BLOCK);
    const entries = slots.length;
    const to = columnsOf(bytes.buffer, entries);
    to.mark[0] = MARK;
    for (let at = 0; at < entries; at++) {
      const from = slots[at]!;
      to.keys[at] = keys[from]!;
      to.contents[at] = contents[from]!;
      to.prints[at] = prints[from]!;
      to.expiries[at] = expiries[from]!;
      to.counters[at] = table.countersOf(from);
      to.versions[at] = versions[from]!;
      to.timeouts[at] = timeouts[from]!;
      to.lists[at] = lists[from]!;
    }
    insert.run(seriesId, block++, seq, entries, bytes.subarray(0, blockBytes(entries)));
  }
}

function openSlots(table: EntryTable, isOpen: (slot: number) => boolean): Uint32Array {
  const slots = new Uint32Array(table.size);
  const isShown = new Uint8Array(table.size);
  let open = 0;
  for (const slot of table.shown()) {
    isShown[slot] = 1;
    if (isOpen(slot)) slots[open++] = slot;
  }
  for (let slot = 0; slot < table.size; slot++) if (isShown[slot] === 0 && isOpen(slot)) slots[open++] = slot;
  return slots.subarray(0, open);
}
