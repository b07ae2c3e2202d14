// What a table of the store is in words, and the sentences that many tables share.

/** name, type as SQLite stores it, sentence: unit, what NULL means, where the value comes from. */
export type ColumnWords = readonly [name: string, type: string, says: string];

export interface TableWords {
  readonly name: string;
  readonly kind: 'table' | 'view';
  readonly says: string;
  /** In the order of the table. */
  readonly columns: readonly ColumnWords[];
}

export const SOURCE_ID: ColumnWords = ['source_id', 'INTEGER', 'sources.id: where it was read'];
export const LINE: ColumnWords = [
  'line',
  'INTEGER',
  'number of the line in its source, from 1 (packet number in a binary capture)',
];
export const BOOT_ID: ColumnWords = ['boot_id', 'INTEGER', 'boots.id; NULL: no source tells which boot'];
export const NAMESPACE_ID: ColumnWords = [
  'namespace_id',
  'INTEGER',
  'namespaces.id; NULL: not told (a kernel-log line never names its namespace)',
];
export const CLOCK_ID: ColumnWords = ['clock_id', 'INTEGER', 'clocks.id: maps clock_us to the epoch'];
export const CLOCK_US: ColumnWords = [
  'clock_us',
  'INTEGER',
  "microseconds on the source's own clock (uptime, wall or epoch: clocks.kind); NULL: the line bears no time",
];
export const SEEN_AT: ColumnWords = [
  'seen_at_us',
  'INTEGER',
  'when, in microseconds since the epoch; NULL: the clock of the source could not be placed',
];
export const SEEN_ERROR: ColumnWords = [
  'seen_error_us',
  'INTEGER',
  'the true time is within this many microseconds of seen_at_us; NULL: not known',
];
export const SNAPSHOT_ID: ColumnWords = ['snapshot_id', 'INTEGER', 'snapshots.id'];
export const TAKEN_AT: ColumnWords = [
  'taken_at_us',
  'INTEGER',
  'when the snapshot was taken (middle of its reading), in microseconds since the epoch; NULL: no file tells',
];
export const SERIES_ID: ColumnWords = ['series_id', 'INTEGER', 'series.id: snapshots of one place in order of time'];
export const FROM_SEQ: ColumnWords = ['from_seq', 'INTEGER', 'snapshots.seq of the first snapshot that showed it'];
export const TO_SEQ: ColumnWords = [
  'to_seq',
  'INTEGER',
  'snapshots.seq of the first snapshot that showed it no more; NULL: it was in the last one',
];
export const PROTO: ColumnWords = [
  'proto',
  'INTEGER',
  'IP protocol number: 1 icmp, 6 tcp, 17 udp, 58 icmpv6 …; -1: the line does not tell',
];

/** Shared columns under another name, or with a remark of their own. */
export function named(name: string, [, type, says]: ColumnWords): ColumnWords {
  return [name, type, says];
}
