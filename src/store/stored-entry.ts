// Is what a line tells the entry of that row, and is it still what it was? A version as it was written, and the comparison with a line read now.

import type { CtEntry, CtList } from '../model/conntrack.js';
import type { Tuple } from '../model/tuple.js';
import type { Db } from './open-store.js';

const SECOND_US = 1_000_000;

export interface StoredEntry {
  readonly list: string;
  readonly from_seq: number;
  readonly zone: number;
  readonly zone_orig: number | null;
  readonly zone_reply: number | null;
  readonly ct_id: number | null;
  readonly state: string | null;
  readonly status: string | null;
  readonly mark: number | null;
  readonly helper: string | null;
  readonly labels: string | null;
  readonly secctx: string | null;
  readonly started_at_us: number | null;
  readonly proto: number;
  readonly src: string;
  readonly dst: string;
  readonly sport: number | null;
  readonly dport: number | null;
  readonly extra: string | null;
  readonly reply_proto: number | null;
  readonly reply_src: string | null;
  readonly reply_dst: string | null;
  readonly reply_sport: number | null;
  readonly reply_dport: number | null;
  readonly reply_extra: string | null;
}

/** Reads versions by their id. */
export function openStoredEntries(db: Db): (version: number) => StoredEntry {
  const read = db.prepare(
    `SELECT v.list, v.from_seq, v.zone, v.zone_orig, v.zone_reply, v.ct_id, v.state, v.status, v.mark, v.helper, v.labels, v.secctx,
       v.started_at_us, o.proto, o.src, o.dst, o.sport, o.dport, o.extra, r.proto AS reply_proto, r.src AS reply_src, r.dst AS reply_dst,
       r.sport AS reply_sport, r.dport AS reply_dport, r.extra AS reply_extra
     FROM ct_entry_versions v JOIN tuples o ON o.id = v.tuple_id LEFT JOIN tuples r ON r.id = v.reply_tuple_id WHERE v.id = ?`,
  );
  return (version) => read.get(version) as StoredEntry;
}

export const statusText = (entry: CtEntry): string | null =>
  entry.status.length === 0 ? null : entry.status.join(' ');

/** A field that a line does not tell contradicts nothing. */
function agrees<T>(before: T | null, now: T | null): boolean {
  return before === null || now === null || before === now;
}

function isSameTuple(row: StoredEntry, tuple: Tuple): boolean {
  return (
    row.src === tuple.src &&
    row.dst === tuple.dst &&
    row.proto === tuple.proto &&
    row.sport === tuple.sport &&
    row.dport === tuple.dport &&
    row.extra === tuple.extra
  );
}

/** Whether the row is this entry at all: another connection may have reused the tuple, or two hashes are equal by chance. */
export function isSameEntry(row: StoredEntry, list: CtList, entry: CtEntry): boolean {
  return (
    row.list === list &&
    isSameTuple(row, entry.orig) &&
    row.zone === (entry.zone ?? 0) &&
    row.zone_orig === entry.zoneOrig &&
    row.zone_reply === entry.zoneReply &&
    agrees(row.ct_id, entry.id)
  );
}

/** Whether the entry is what it was. Two listings of different forms tell different fields; what only one tells is no change. */
export function isSameState(row: StoredEntry, entry: CtEntry): boolean {
  const { reply } = entry;
  const isSameReply =
    reply === null ||
    row.reply_src === null ||
    (row.reply_src === reply.src &&
      row.reply_dst === reply.dst &&
      row.reply_sport === reply.sport &&
      row.reply_dport === reply.dport &&
      row.reply_extra === reply.extra);
  const started = row.started_at_us !== null && entry.startedAtUs !== null ? row.started_at_us - entry.startedAtUs : 0;
  return (
    isSameReply &&
    row.state === entry.state &&
    row.status === statusText(entry) &&
    agrees(row.mark, entry.mark) &&
    agrees(row.helper, entry.helper) &&
    agrees(row.labels, entry.labels) &&
    agrees(row.secctx, entry.secctx) &&
    // A listing without an id says less than the version; one with an id says more, and is kept.
    (entry.id === null || row.ct_id !== null) &&
    Math.abs(started) <= 2 * SECOND_US
  );
}
