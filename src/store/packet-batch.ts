// What a reader of kernel lines hands to the store: packets as numbers, and the dictionary entries they point to.
// Numbers of dictionary entries are the reader's own; the store maps them to its rows. Plain data, so that it may cross threads.

/** Columns of PacketBatch.numbers, in order; NaN is NULL. */
export const COLUMNS = [
  'clock',
  'clockUs',
  'line',
  'path',
  'tuple',
  'tuple2',
  'tuple3',
  'mac',
  'ipId',
  'len',
  'ttl',
  'seq',
  'ack',
  'window',
  'mark',
  'bodyHash',
] as const;
export const WIDTH = COLUMNS.length;

export interface HeadRow {
  readonly text: string;
  readonly kind: string;
  readonly family: string | null;
  readonly table: string | null;
  readonly chain: string | null;
  readonly ruleKind: string | null;
  readonly ruleNumber: number | null;
  readonly verdict: string | null;
  readonly prefix: string | null;
  readonly reasonId: string | null;
  readonly message: string | null;
  readonly inIf: string | null;
  readonly outIf: string | null;
  readonly physIn: string | null;
  readonly physOut: string | null;
}

export interface ShapeRow {
  readonly template: string;
  readonly l4: string | null;
  readonly flags: string | null;
}

export interface TupleRow {
  readonly proto: number;
  readonly src: string;
  readonly dst: string;
  readonly sport: number | null;
  readonly dport: number | null;
  readonly extra: string | null;
}

export interface StepRow {
  readonly head: number;
  readonly shape: number;
  readonly slot: number;
  readonly ttlLost: number;
}

export interface NoticeRow {
  readonly clock: number;
  readonly clockUs: number | null;
  readonly line: number;
  readonly kind: 'notice' | 'debug' | 'suppressed' | 'lost';
  readonly reasonId: string | null;
  readonly function: string | null;
  readonly count: number | null;
  readonly text: string;
  readonly extra: string | null;
}

export interface ClockStart {
  readonly kind: 'uptime' | 'wall' | 'epoch' | 'none';
  readonly fromLine: number;
  /** Counts boots within the source: uptime fell back between two of them. */
  readonly boot: number;
}

export interface PacketBatch {
  /** Grows when the reader emptied its dictionaries: all numbers but clocks start again from 0. */
  readonly generation: number;
  readonly heads: readonly HeadRow[];
  readonly shapes: readonly ShapeRow[];
  readonly macs: readonly string[];
  readonly tuples: readonly TupleRow[];
  readonly paths: readonly (readonly StepRow[])[];
  readonly clocks: readonly ClockStart[];
  readonly count: number;
  /** count rows of WIDTH numbers. */
  readonly numbers: Float64Array;
  /** Per packet: '0,8,17', NULL for one line. */
  readonly stepUs: readonly (string | null)[];
  /** Per packet: JSON, NULL for none. */
  readonly extra: readonly (string | null)[];
  readonly notices: readonly NoticeRow[];
}
