// Puts the entries of one snapshot beside those of the snapshot before: what did not change writes nothing, what was refreshed a row in
// ct_entry_moves, what changed a new version, what is gone its last snapshot.

import type { CtEntry, CtList } from '../model/conntrack.js';
import { isPrintOf, type LinePrint } from '../model/line-print.js';
import { contentHash, countersHash, keyHash } from './entry-hash.js';
import { type EntryTable, newEntryTable } from './entry-table.js';
import { readOpenEntries, writeOpenEntries } from './open-entries.js';
import type { Db } from './open-store.js';
import { openBatch } from './row-batch.js';
import { type SetAside, setIndexesAside } from './set-indexes-aside.js';
import { isSameEntry, isSameState, openStoredEntries, type StoredEntry, statusText } from './stored-entry.js';
import type { Tuples } from './tuples.js';

export interface EntryVersions {
  /**
   * @param atUs when the line was read on the host; NULL: not known, then no expiry is
   * @param print of the line, by which the next snapshot knows it again
   */
  entry(
    list: CtList,
    entry: CtEntry,
    atUs: number | null,
    sourceId: number | null,
    line: number,
    print?: LinePrint | null,
  ): void;
  /** Takes in a line that the snapshot before showed in its place. Returns whether it did; otherwise the line has to be read. */
  shownAgain(print: LinePrint, atUs: number): boolean;
  /** Ends the versions that this snapshot did not show. */
  finish(): void;
}

export interface VersionPlace {
  readonly snapshotId: number;
  readonly seriesId: number;
  readonly seq: number;
  /** How far the time of reading may be off; printed seconds are rounded down, which adds one. */
  readonly errorUs: number;
  /** All of the snapshot is written by this one writer in one transaction, and nobody else writes in it. */
  readonly isAlone: boolean;
}

const SEEN = 1;
/** The version ends with this very snapshot, as an earlier reading of it left it. */
const ENDED_HERE = 2;
/** Their places are kept in the store (open_entries): new ones go behind. */
const LISTS: readonly CtList[] = ['main', 'unconfirmed', 'dying', 'conntrackd', 'conntrackd-external', 'ovs'];
const SECOND_US = 1_000_000;
/** Entries that may be gone between two lines of a listing before the second of them has to be read, which finds its place again. */
const LOOKED_AHEAD = 16;

/**
 * From this many new versions on, a snapshot is worth building its indexes anew: keys in random order cost five times the row.
 * Those of the versions themselves come in order: new entries have new tuples.
 */
const BULK = 20_000;
const BULK_INDEXES = ['tuples_dst', 'tuples_port'];

const VERSION_COLUMNS = [
  'id',
  'series_id',
  'list',
  'from_seq',
  'key_hash',
  'content_hash',
  'tuple_id',
  'reply_tuple_id',
  'zone',
  'zone_orig',
  'zone_reply',
  'ct_id',
  'state',
  'status',
  'mark',
  'helper',
  'labels',
  'secctx',
  'started_at_us',
  'expires_at_us',
  'timeout_s',
  'source_id',
  'line',
] as const;

/** What runs on while an entry stays what it is. */
type Running = Omit<LinePrint, 'hash'>;

function runningOf({ timeoutS, origCounters: o, replyCounters: r }: CtEntry): Running {
  return { timeoutS, packets: o.packets, bytes: o.bytes, replyPackets: r.packets, replyBytes: r.bytes };
}

function hashOfCounters({ packets, bytes, replyPackets, replyBytes }: Running): number {
  return countersHash(packets, bytes, replyPackets, replyBytes);
}

/** Version ids are given out here, since rows are written later, many at a time. */
const nextVersions = new WeakMap<Db, number>();

function takeVersionId(db: Db): number {
  const id = nextVersions.get(db)!;
  nextVersions.set(db, id + 1);
  return id;
}

function loadOpen(db: Db, { seriesId, seq, isAlone }: VersionPlace): EntryTable {
  const { n } = db
    .prepare('SELECT count(*) AS n FROM ct_entry_versions WHERE series_id = ? AND to_seq IS NULL')
    .get(seriesId) as { n: number };
  const kept = isAlone ? readOpenEntries(db, seriesId, seq - 1, n) : null;
  if (kept !== null) return kept;
  const table = newEntryTable(n);
  // Two arms, so that each walks its partial index; the second finds what an earlier reading of this snapshot ended.
  const rows = db
    .prepare(
      `WITH open (id, key_hash, content_hash, list, expires_at_us, timeout_s, ended) AS (
         SELECT id, key_hash, content_hash, list, expires_at_us, timeout_s, 0 FROM ct_entry_versions WHERE series_id = :series AND to_seq IS NULL
         UNION ALL
         SELECT id, key_hash, content_hash, list, expires_at_us, timeout_s, 1 FROM ct_entry_versions WHERE series_id = :series AND to_seq = :seq)
       SELECT o.id, o.key_hash, o.content_hash, o.list, o.ended, m.version_id, ifnull(m.expires_at_us, o.expires_at_us), ifnull(m.timeout_s, o.timeout_s),
         m.packets, m.bytes, m.reply_packets, m.reply_bytes
       FROM open o LEFT JOIN ct_entry_moves m ON m.version_id = o.id
         AND m.seq = (SELECT max(seq) FROM ct_entry_moves WHERE version_id = o.id)`,
    )
    .raw()
    .iterate({ series: seriesId, seq }) as IterableIterator<(number | string | null)[]>;
  for (const row of rows) {
    const slot = table.add(row[1] as number);
    table.versions()[slot] = row[0] as number;
    table.contents()[slot] = row[2] as number;
    table.lists()[slot] = LISTS.indexOf(row[3] as CtList);
    table.flags()[slot] = row[4] === 1 ? ENDED_HERE : 0;
    table.expiries()[slot] = (row[6] as number | null) ?? Number.NaN;
    table.timeouts()[slot] = (row[7] as number | null) ?? -1;
    table.setCounters(
      slot,
      countersHash(
        row[8] as number | null,
        row[9] as number | null,
        row[10] as number | null,
        row[11] as number | null,
      ),
    );
  }
  return table;
}

/**
 * Opens the versions of a series for its newest snapshot. Everything runs in the caller's transaction.
 * Memory: the open versions at sixty bytes each, loaded here and let go by finish().
 */
export function openEntryVersions(db: Db, place: VersionPlace, tuples: Tuples): EntryVersions {
  const { seriesId, seq } = place;
  const { last } = db.prepare('SELECT ifnull(max(id), 0) AS last FROM ct_entry_versions').get() as { last: number };
  nextVersions.set(db, Math.max(nextVersions.get(db) ?? 1, last + 1));
  let table = loadOpen(db, place);
  const readBefore = new Set(
    db
      .prepare(
        "SELECT substr(part, 6) FROM snapshot_parts WHERE snapshot_id = ? AND part LIKE 'list:%' AND state = 'read'",
      )
      .pluck()
      .all(place.snapshotId) as string[],
  );
  /** Lines of a listing come in the order of the one before: the kernel's, by hash. */
  let nextShown = 0;
  const lastShown = table.size;
  let added = 0;
  let setAside: SetAside | null = null;
  const toleranceUs = SECOND_US + place.errorUs;

  const versions = openBatch(db, 'INSERT', 'ct_entry_versions', VERSION_COLUMNS);
  const moves = openBatch(db, 'INSERT OR REPLACE', 'ct_entry_moves', [
    'version_id',
    'seq',
    'expires_at_us',
    'timeout_s',
    'packets',
    'bytes',
    'reply_packets',
    'reply_bytes',
  ]);
  const close = db.prepare('UPDATE ct_entry_versions SET to_seq = ? WHERE id = ?');
  const reopen = db.prepare('UPDATE ct_entry_versions SET to_seq = NULL WHERE id = ?');
  const removeMoves = db.prepare('DELETE FROM ct_entry_moves WHERE version_id = ?');
  const remove = db.prepare('DELETE FROM ct_entry_versions WHERE id = ?');
  const stored = openStoredEntries(db);

  function rowOf(version: number): StoredEntry {
    // What is read may still wait to be written.
    versions.flush();
    return stored(version);
  }

  function expiryOf(timeoutS: number | null, atUs: number | null): number {
    return atUs === null || timeoutS === null ? Number.NaN : Math.round(atUs + timeoutS * SECOND_US);
  }

  /** Notes what runs on, where it is not what was to be expected. */
  function move(slot: number, now: Running, atUs: number | null): void {
    const expiry = expiryOf(now.timeoutS, atUs);
    if (isMoved(slot, now, expiry)) addMove(slot, now, expiry);
  }

  function addMove(slot: number, now: Running, expiry: number): void {
    table.expiries()[slot] = expiry;
    table.timeouts()[slot] = now.timeoutS ?? -1;
    table.setCounters(slot, hashOfCounters(now));
    moves.add([
      table.versions()[slot]!,
      seq,
      Number.isNaN(expiry) ? null : expiry,
      now.timeoutS,
      now.packets,
      now.bytes,
      now.replyPackets,
      now.replyBytes,
    ]);
  }

  /** Writes a version into a slot. */
  function addVersion(
    slot: number,
    key: number,
    list: CtList,
    entry: CtEntry,
    atUs: number | null,
    sourceId: number | null,
    line: number,
  ): void {
    const id = takeVersionId(db);
    if (++added === BULK) {
      if (place.isAlone) tuples.beginLoad();
      else if (last < BULK * 4) setAside = setIndexesAside(db, BULK_INDEXES);
    }
    const content = contentHash(list, entry);
    const expiry = expiryOf(entry.timeoutS, atUs);
    const started =
      entry.startedAtUs ??
      (atUs === null || entry.deltaTimeS === null ? null : Math.round(atUs - entry.deltaTimeS * SECOND_US));
    versions.add([
      id,
      seriesId,
      list,
      seq,
      key,
      content,
      tuples.id(entry.orig),
      entry.reply === null ? null : tuples.id(entry.reply),
      entry.zone ?? 0,
      entry.zoneOrig,
      entry.zoneReply,
      entry.id,
      entry.state,
      statusText(entry),
      entry.mark,
      entry.helper,
      entry.labels,
      entry.secctx,
      started,
      Number.isNaN(expiry) ? null : expiry,
      entry.timeoutS,
      sourceId,
      line,
    ]);
    table.versions()[slot] = id;
    table.contents()[slot] = content;
    table.lists()[slot] = LISTS.indexOf(list);
    show(slot);
    table.flags()[slot] = SEEN;
    table.expiries()[slot] = expiry;
    table.timeouts()[slot] = entry.timeoutS ?? -1;
    table.setCounters(slot, -1);
    const now = runningOf(entry);
    if (hashOfCounters(now) !== -1) addMove(slot, now, expiry);
  }

  function setPrint(slot: number, entry: CtEntry, print: LinePrint | null): void {
    table.prints()[slot] = print !== null && isPrintOf(print, entry) ? print.hash : Number.NaN;
  }

  function markSeen(slot: number): void {
    const flags = table.flags();
    if ((flags[slot]! & ENDED_HERE) !== 0) reopen.run(table.versions()[slot]!);
    show(slot);
    flags[slot] = SEEN;
  }

  function show(slot: number): void {
    if ((table.flags()[slot]! & SEEN) !== 0) return;
    table.show(slot);
    if (slot < lastShown) nextShown = slot + 1;
  }

  function isMoved(slot: number, now: Running, expiry: number): boolean {
    const before = table.expiries()[slot]!;
    const counters = hashOfCounters(now);
    if (counters !== -1 && counters !== table.countersOf(slot)) return true;
    if (Number.isNaN(expiry) || Number.isNaN(before)) return (now.timeoutS ?? -1) !== table.timeouts()[slot];
    return Math.abs(expiry - before) > toleranceUs;
  }

  return {
    entry(list, entry, atUs, sourceId, line, print = null) {
      const key = keyHash(list, entry);
      const content = contentHash(list, entry);
      let row: StoredEntry | null = null;
      let slot = table.first(key);
      for (; slot >= 0; slot = table.next(slot)) {
        if (table.contents()[slot] === content) break;
        row = rowOf(table.versions()[slot]!);
        if (isSameEntry(row, list, entry)) break;
        row = null;
      }
      if (slot < 0) {
        slot = table.add(key);
        addVersion(slot, key, list, entry, atUs, sourceId, line);
        setPrint(slot, entry, print);
        return;
      }
      setPrint(slot, entry, print);
      if (row === null || isSameState(row, entry)) {
        markSeen(slot);
        // Equal but for fields that one form does not tell: from now on known by this line's hash.
        if (row !== null) table.contents()[slot] = content;
        move(slot, runningOf(entry), atUs);
        return;
      }
      const version = table.versions()[slot]!;
      if (row.from_seq === seq) {
        moves.flush();
        removeMoves.run(version);
        remove.run(version);
      } else close.run(seq, version);
      addVersion(slot, key, list, entry, atUs, sourceId, line);
    },
    shownAgain(print, atUs) {
      const prints = table.prints();
      const flags = table.flags();
      const end = Math.min(nextShown + LOOKED_AHEAD, lastShown);
      for (let slot = nextShown; slot < end; slot++) {
        if (prints[slot] !== print.hash || flags[slot] !== 0) continue;
        markSeen(slot);
        move(slot, print, atUs);
        return true;
      }
      return false;
    },
    finish() {
      versions.flush();
      moves.flush();
      const flags = table.flags();
      const ids = table.versions();
      const lists = table.lists();
      // What an earlier source of this very snapshot showed is in it, also where this source does not show it.
      const isOpen = (slot: number): boolean => flags[slot] !== 0 || readBefore.has(LISTS[lists[slot]!]!);
      for (let slot = 0; slot < table.size; slot++) if (!isOpen(slot)) close.run(seq, ids[slot]!);
      if (place.isAlone) writeOpenEntries(db, seriesId, seq, table, isOpen);
      // Sorting an index takes memory, too.
      table = newEntryTable(0);
      tuples.endLoad();
      setAside?.putBack();
    },
  };
}
