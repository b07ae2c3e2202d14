// What the analysis reads of packets: groups of like packets first (a log of a million lines has a few thousand), single
// packets of one flow after. Plain rows; what they mean is the analysis's business.

import type { Tuple } from '../model/tuple.js';
import type { Db } from './open-store.js';

/** What part of the store an answer looks at. NULL = not limited by it. */
export interface Scope {
  /** Sources that this ingest call brought or found again. */
  readonly ingestId: number | null;
  readonly hostIds: readonly number[] | null;
  readonly fromUs: number | null;
  readonly toUs: number | null;
  /** Tuples the flow filter allows, in any slot of a packet. */
  readonly tupleIds: readonly number[] | null;
  readonly mark: number | null;
}

export const WHOLE_STORE: Scope = {
  ingestId: null,
  hostIds: null,
  fromUs: null,
  toUs: null,
  tupleIds: null,
  mark: null,
};

/** Packets that went the same way with the same tuples. */
export interface PacketGroup {
  readonly hostId: number;
  readonly bootId: number | null;
  readonly pathId: number;
  readonly tupleIds: readonly number[];
  readonly count: number;
  /** Microseconds since the epoch; NULL when the clock is not placed. */
  readonly firstAtUs: number | null;
  readonly lastAtUs: number | null;
  /** On the source's own clock: order holds even where the epoch is not known. */
  readonly firstClockUs: number;
  readonly lastClockUs: number;
  readonly firstId: number;
  readonly sourceId: number;
}

export interface PathStep {
  readonly step: number;
  readonly headId: number;
  readonly slot: number;
  readonly ttlLost: number;
  readonly kind: string;
  readonly family: string | null;
  readonly table: string | null;
  readonly chain: string | null;
  readonly ruleKind: string | null;
  readonly ruleNumber: number | null;
  readonly handle: number | null;
  readonly verdict: string | null;
  readonly ruleText: string | null;
  readonly prefix: string | null;
  readonly reasonId: string | null;
  readonly message: string | null;
  readonly inIf: string | null;
  readonly outIf: string | null;
  readonly physIn: string | null;
  readonly physOut: string | null;
  readonly l4: string | null;
  readonly flags: string | null;
  /** Set where a packet was seen by two sources and their steps were put together: the packet row this step is of. */
  readonly owner?: PassageRow;
}

/** One packet with what its lines told. */
export interface PassageRow {
  readonly id: number;
  readonly hostId: number;
  readonly bootId: number | null;
  readonly clockId: number;
  readonly clockKind: 'uptime' | 'wall' | 'epoch' | 'none';
  readonly clockUs: number;
  readonly atUs: number | null;
  readonly errorUs: number | null;
  readonly sourceId: number;
  readonly line: number;
  readonly pathId: number;
  readonly namespaceId: number | null;
  readonly tupleIds: readonly number[];
  readonly ipId: number | null;
  readonly len: number | null;
  readonly ttl: number | null;
  readonly seq: number | null;
  readonly ack: number | null;
  readonly window: number | null;
  readonly mark: number | null;
  /** Microseconds of each step after the first line. */
  readonly stepUs: readonly number[];
  readonly extra: Readonly<Record<string, unknown>>;
}

export interface TupleRow extends Tuple {
  readonly id: number;
}

/** A list of numbers as a table for SQL. */
const EACH = '(SELECT value FROM json_each(?))';

function scopeConditions(scope: Scope): { readonly where: string; readonly values: readonly (string | number)[] } {
  const parts: string[] = [];
  const values: (string | number)[] = [];
  if (scope.ingestId !== null) {
    parts.push('s.last_ingest_id = ?');
    values.push(scope.ingestId);
  }
  if (scope.hostIds !== null) {
    parts.push(`s.host_id IN ${EACH}`);
    values.push(JSON.stringify(scope.hostIds));
  }
  if (scope.fromUs !== null) {
    parts.push('p.clock_us + c.offset_us >= ?');
    values.push(scope.fromUs);
  }
  if (scope.toUs !== null) {
    parts.push('p.clock_us + c.offset_us <= ?');
    values.push(scope.toUs);
  }
  if (scope.mark !== null) {
    parts.push('p.mark = ?');
    values.push(scope.mark);
  }
  return { where: parts.map((part) => ` AND ${part}`).join(''), values };
}

/** Passages a scope holds; with tuples given through their indexes, never by a scan. */
function passageSource(scope: Scope): { readonly sql: string; readonly values: readonly (string | number)[] } {
  if (scope.tupleIds === null) return { sql: 'passages p', values: [] };
  const ids = JSON.stringify(scope.tupleIds);
  return {
    sql: `(SELECT * FROM passages WHERE tuple_id IN ${EACH} UNION SELECT * FROM passages WHERE tuple2_id IN ${EACH} UNION SELECT * FROM passages WHERE tuple3_id IN ${EACH}) p`,
    values: [ids, ids, ids],
  };
}

/** Groups of like packets in a scope, earliest first. */
export function readPacketGroups(db: Db, scope: Scope): readonly PacketGroup[] {
  const from = passageSource(scope);
  const { where, values } = scopeConditions(scope);
  const rows = db
    .prepare(
      `SELECT s.host_id, c.boot_id, p.path_id, p.tuple_id, p.tuple2_id, p.tuple3_id, count(*) AS count, min(p.clock_us + c.offset_us) AS first_at,
        max(p.clock_us + c.offset_us) AS last_at, min(p.clock_us) AS first_clock, max(p.clock_us) AS last_clock, min(p.id) AS first_id, c.source_id
      FROM ${from.sql} JOIN clocks c ON c.id = p.clock_id JOIN sources s ON s.id = c.source_id WHERE 1${where}
      GROUP BY s.host_id, c.boot_id, c.source_id, p.path_id, p.tuple_id, p.tuple2_id, p.tuple3_id ORDER BY first_id`,
    )
    .raw(true)
    .all(...from.values, ...values) as (number | null)[][];
  return rows.map((row) => ({
    hostId: row[0]!,
    bootId: row[1] ?? null,
    pathId: row[2]!,
    tupleIds: [row[3], row[4], row[5]].filter((id): id is number => id !== null && id !== undefined),
    count: row[6]!,
    firstAtUs: row[7] ?? null,
    lastAtUs: row[8] ?? null,
    firstClockUs: row[9]!,
    lastClockUs: row[10]!,
    firstId: row[11]!,
    sourceId: row[12]!,
  }));
}

interface RawPassage {
  id: number;
  host_id: number;
  boot_id: number | null;
  clock_id: number;
  clock_kind: PassageRow['clockKind'];
  clock_us: number;
  offset_us: number | null;
  error_us: number | null;
  source_id: number;
  line: number;
  path_id: number;
  namespace_id: number | null;
  tuple_id: number;
  tuple2_id: number | null;
  tuple3_id: number | null;
  ip_id: number | null;
  len: number | null;
  ttl: number | null;
  seq: number | null;
  ack: number | null;
  window: number | null;
  mark: number | null;
  step_us: string | null;
  extra: string | null;
}

/** Single packets of a scope in order of their clocks. @param limit at most so many, the earliest */
export function readPassages(db: Db, scope: Scope, limit: number): readonly PassageRow[] {
  const from = passageSource(scope);
  const { where, values } = scopeConditions(scope);
  const rows = db
    .prepare(
      `SELECT p.*, s.host_id, c.boot_id, c.kind AS clock_kind, c.offset_us, c.error_us, c.source_id
      FROM ${from.sql} JOIN clocks c ON c.id = p.clock_id JOIN sources s ON s.id = c.source_id WHERE 1${where}
      ORDER BY coalesce(p.clock_us + c.offset_us, p.clock_us), p.id LIMIT ?`,
    )
    .all(...from.values, ...values, limit) as RawPassage[];
  return rows.map(passageOf);
}

/** One packet by its id; NULL when there is none. */
export function readPassage(db: Db, id: number): PassageRow | null {
  const row = db
    .prepare(
      `SELECT p.*, s.host_id, c.boot_id, c.kind AS clock_kind, c.offset_us, c.error_us, c.source_id
      FROM passages p JOIN clocks c ON c.id = p.clock_id JOIN sources s ON s.id = c.source_id WHERE p.id = ?`,
    )
    .get(id) as RawPassage | undefined;
  return row === undefined ? null : passageOf(row);
}

function passageOf(row: RawPassage): PassageRow {
  return {
    id: row.id,
    hostId: row.host_id,
    bootId: row.boot_id,
    clockId: row.clock_id,
    clockKind: row.clock_kind,
    clockUs: row.clock_us,
    atUs: row.offset_us === null ? null : row.clock_us + row.offset_us,
    errorUs: row.error_us,
    sourceId: row.source_id,
    line: row.line,
    pathId: row.path_id,
    namespaceId: row.namespace_id,
    tupleIds: [row.tuple_id, row.tuple2_id, row.tuple3_id].filter((id): id is number => id !== null),
    ipId: row.ip_id,
    len: row.len,
    ttl: row.ttl,
    seq: row.seq,
    ack: row.ack,
    window: row.window,
    mark: row.mark,
    stepUs: row.step_us === null ? [0] : row.step_us.split(',').map(Number),
    extra: row.extra === null ? {} : (JSON.parse(row.extra) as Record<string, unknown>),
  };
}

/** What NFLOG calls an interface, which it knows by its number only. */
const NUMBERED = /^ifindex:(\d+)$/;

/** Names of interfaces by their number, as the listings of this evidence have them; a number with several names has none. */
function interfaceNames(db: Db): (name: string | null) => string | null {
  let names: Map<number, string | null> | null = null;
  const read = (): Map<number, string | null> => {
    const rows = db
      .prepare(
        `SELECT json_extract(data, '$.ifindex') AS number, min(json_extract(data, '$.ifname')) AS name, count(DISTINCT json_extract(data, '$.ifname')) AS names
        FROM host_facts WHERE kind IN ('link', 'address') AND json_extract(data, '$.ifindex') IS NOT NULL GROUP BY 1`,
      )
      .all() as { number: number; name: string | null; names: number }[];
    return new Map(rows.map((row) => [row.number, row.names === 1 ? row.name : null]));
  };
  return (name) => {
    const number = name === null ? undefined : NUMBERED.exec(name)?.[1];
    if (number === undefined) return name;
    names ??= read();
    return names.get(Number(number)) ?? name;
  };
}

/** The steps of paths, by path id; interfaces by name, where the listings tell it. */
export function readPaths(db: Db, pathIds: readonly number[]): ReadonlyMap<number, readonly PathStep[]> {
  const rows = db
    .prepare(
      `SELECT x.path_id AS pathId, x.step, x.head_id AS headId, x.slot, x.ttl_lost AS ttlLost, h.kind, h.family, h.table_name AS "table", h.chain,
        h.rule_kind AS ruleKind, h.rule_no AS ruleNumber, h.handle, h.verdict, h.rule_text AS ruleText, h.prefix, h.reason_id AS reasonId, h.message,
        h.in_if AS inIf, h.out_if AS outIf, h.phys_in AS physIn, h.phys_out AS physOut, f.l4, f.flags
      FROM path_steps x JOIN heads h ON h.id = x.head_id JOIN shapes f ON f.id = x.shape_id WHERE x.path_id IN ${EACH} ORDER BY x.path_id, x.step`,
    )
    .all(JSON.stringify([...new Set(pathIds)])) as (PathStep & { pathId: number })[];
  const paths = new Map<number, PathStep[]>();
  const named = interfaceNames(db);
  for (const { pathId, ...told } of rows) {
    const step = {
      ...told,
      inIf: named(told.inIf),
      outIf: named(told.outIf),
      physIn: named(told.physIn),
      physOut: named(told.physOut),
    };
    const steps = paths.get(pathId);
    if (steps === undefined) paths.set(pathId, [step]);
    else steps.push(step);
  }
  return paths;
}

/** Tuples by id. */
export function readTuples(db: Db, ids: readonly number[]): ReadonlyMap<number, TupleRow> {
  const rows = db
    .prepare(`SELECT id, proto, src, dst, sport, dport, extra FROM tuples WHERE id IN ${EACH}`)
    .all(JSON.stringify([...new Set(ids)])) as TupleRow[];
  return new Map(rows.map((row) => [row.id, row]));
}

/** Ids of stored tuples that equal a tuple or its reverse (ports and addresses swapped). */
export function findTupleIds(
  db: Db,
  tuple: Pick<Tuple, 'proto' | 'src' | 'dst' | 'sport' | 'dport'>,
): readonly number[] {
  return (
    db
      .prepare(
        `SELECT id FROM tuples WHERE src = @src AND sport IS @sport AND dst = @dst AND dport IS @dport AND proto IN (@proto, -1)
        UNION SELECT id FROM tuples WHERE src = @dst AND sport IS @dport AND dst = @src AND dport IS @sport AND proto IN (@proto, -1)`,
      )
      .pluck(true) as { all(values: object): unknown[] }
  ).all({ src: tuple.src, dst: tuple.dst, sport: tuple.sport, dport: tuple.dport, proto: tuple.proto }) as number[];
}

/** Ids of these tuples and of their reverses: a capture sees the translated side of a question, of which an entry names only the answer. */
export function withReversed(db: Db, tuples: ReadonlyMap<number, TupleRow>): readonly number[] {
  return [...new Set([...tuples].flatMap(([id, tuple]) => [id, ...findTupleIds(db, tuple)]))];
}

/** Other tuples between the same two addresses, in either direction: a control connection beside its data, a sibling of a flow. */
export function readCompanions(db: Db, hostId: number, a: string, b: string, limit: number): readonly TupleRow[] {
  const between = [db.prepare(COMPANIONS_BY_SRC), db.prepare(COMPANIONS_BY_DST)];
  const [src, dst] = [countTuples(db, 'src'), countTuples(db, 'dst')];
  return [
    [a, b],
    [b, a],
  ]
    .flatMap(([from, to]) => {
      // Both ends of one flow lie in indexes of their own; a server's has thousands of times as many rows as a client's.
      const isRareSrc = src(from!) <= dst(to!);
      return between[isRareSrc ? 0 : 1]!.all({ hostId, from, to, limit }) as TupleRow[];
    })
    .slice(0, limit);
}

// A plus keeps SQLite from the index of that column.
const COMPANION = `SELECT id, proto, src, dst, sport, dport, extra FROM tuples t`;
const OF_HOST = `EXISTS (SELECT 1 FROM flow_tuples w JOIN flows f ON f.id = w.flow_id WHERE w.tuple_id = t.id AND f.host_id = @hostId)`;
const COMPANIONS_BY_SRC = `${COMPANION} WHERE src = @from AND +dst = @to AND ${OF_HOST} LIMIT @limit`;
const COMPANIONS_BY_DST = `${COMPANION} WHERE dst = @to AND +src = @from AND ${OF_HOST} LIMIT @limit`;
/** Beyond so many, an address is a busy one, and how much so does not matter. */
const BUSY = 2000;

/** Tuples with an address at one end, counted in its index up to BUSY. */
function countTuples(db: Db, end: 'src' | 'dst'): (address: string) => number {
  const count = db.prepare(`SELECT count(*) FROM (SELECT 1 FROM tuples WHERE ${end} = ? LIMIT ${BUSY})`).pluck();
  return (address) => count.get(address) as number;
}
