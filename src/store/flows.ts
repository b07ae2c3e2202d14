// Connections: one row for each life, with every tuple that is the same connection in another place or direction.

import { isFirstSyn } from '../model/syn.js';
import { openIdSet } from './id-set.js';
import type { Db } from './open-store.js';
import { openSynLives } from './syn-lives.js';

/** How far each table had been worked into flows: rows with larger ids are new. */
export interface FlowMarks {
  readonly passage: number;
  readonly event: number;
  readonly version: number;
}

/** Highest ids there are now; to be taken before a call writes. */
export function flowMarks(db: Db): FlowMarks {
  const max = (table: string): number =>
    db.prepare(`SELECT coalesce(max(id), 0) AS id FROM ${table}`).pluck().get() as number;
  return { passage: max('passages'), event: max('events'), version: max('ct_entry_versions') };
}

/** Ids are given out again once the rows that had them are gone: then what is new begins earlier. */
export function earlierMarks(one: FlowMarks, other: FlowMarks): FlowMarks {
  return {
    passage: Math.min(one.passage, other.passage),
    event: Math.min(one.event, other.event),
    version: Math.min(one.version, other.version),
  };
}

interface EventRow {
  readonly kind: string;
  readonly orig: number;
  readonly reply: number | null;
  readonly ns: number | null;
  readonly zone: number | null;
  readonly at: number | null;
}

/** Echo and its kind: type of the answer by type of the question (net/netfilter/nf_conntrack_proto_icmp.c: invmap[], icmpv6: invmap[], v6.1). */
const ICMP_ANSWERS: Readonly<Record<number, number>> = {
  8: 0,
  0: 8,
  13: 14,
  14: 13,
  15: 16,
  16: 15,
  17: 18,
  18: 17,
  128: 129,
  129: 128,
  139: 140,
  140: 139,
};

function reversedExtra(extra: string | null): string | null {
  if (extra === null) return null;
  const keys = /^srckey=(\S+) dstkey=(\S+)$/.exec(extra);
  if (keys !== null) return `srckey=${keys[2]} dstkey=${keys[1]}`;
  return extra.replace(/\btype=(\d+)/, (word, type: string) => {
    const answer = ICMP_ANSWERS[Number(type)];
    return answer === undefined ? word : `type=${answer}`;
  });
}

/**
 * Works what is new of a host into flows: events first (they know direction and life), then entries, then what only packets show.
 * May be run again over the same rows: it adds nothing then. Returns how many flows were made.
 */
export function buildFlows(db: Db, hostId: number, marks: FlowMarks): number {
  let made = 0;
  const insertFlow = db.prepare(
    'INSERT INTO flows (host_id, namespace_id, zone, orig_tuple_id, reply_tuple_id, began_at_us, ended_at_us, direction_known_by) VALUES (?, ?, ?, ?, ?, ?, NULL, ?)',
  );
  const link = db.prepare('INSERT OR IGNORE INTO flow_tuples (tuple_id, flow_id, direction) VALUES (?, ?, ?)');
  const latest = db.prepare(
    'SELECT id, began_at_us AS began, ended_at_us AS ended, reply_tuple_id AS reply FROM flows WHERE orig_tuple_id = ? AND host_id = ? AND (namespace_id IS ? OR namespace_id IS NULL) AND ifnull(zone, 0) = ifnull(?, 0) ORDER BY id DESC LIMIT 1',
  );
  const sameLife = db
    .prepare('SELECT 1 FROM flows WHERE orig_tuple_id = ? AND host_id = ? AND began_at_us = ?')
    .pluck();
  const setEnd = db.prepare('UPDATE flows SET ended_at_us = ? WHERE id = ?');
  const setReply = db.prepare('UPDATE flows SET reply_tuple_id = ? WHERE id = ? AND reply_tuple_id IS NULL');
  interface Latest {
    readonly id: number;
    readonly began: number | null;
    readonly ended: number | null;
    readonly reply: number | null;
  }
  const begin = (row: Omit<EventRow, 'kind'>, knownBy: string): number => {
    const id = Number(insertFlow.run(hostId, row.ns, row.zone, row.orig, row.reply, row.at, knownBy).lastInsertRowid);
    link.run(row.orig, id, 'orig');
    if (row.reply !== null) link.run(row.reply, id, 'reply');
    made++;
    return id;
  };

  const events = paged<EventRow>(
    db,
    `SELECT e.id, e.kind, e.tuple_id AS orig, e.reply_tuple_id AS reply, e.namespace_id AS ns, e.zone, e.clock_us + c.offset_us AS at
     FROM events e JOIN clocks c ON c.id = e.clock_id JOIN sources s ON s.id = c.source_id
     WHERE e.id > ? AND s.host_id = ? AND e.kind IN ('NEW', 'UPDATE', 'DESTROY') ORDER BY e.id LIMIT ${PAGE}`,
    marks.event,
    hostId,
  );
  for (const row of events) {
    const open = latest.get(row.orig, hostId, row.ns, row.zone) as Latest | undefined;
    if (row.kind === 'NEW') {
      if (row.at !== null && sameLife.get(row.orig, hostId, row.at) !== undefined) continue;
      if (open !== undefined && open.ended === null && row.at !== null) setEnd.run(row.at, open.id);
      begin(row, 'event');
      continue;
    }
    const id =
      open !== undefined && (open.ended === null || open.ended === row.at)
        ? open.id
        : begin({ ...row, at: null }, 'event');
    if (row.reply !== null) {
      setReply.run(row.reply, id);
      link.run(row.reply, id, 'reply');
    }
    if (row.kind === 'DESTROY') setEnd.run(row.at, id);
  }

  // Most entries of a first snapshot are connections nobody has told of: one statement for all of them. NOT INDEXED: SQLite would rather
  // walk an index of all there are, which has the order of the GROUP BY, than find the new ones by their ids.
  const lastKnown = db.prepare('SELECT coalesce(max(id), 0) FROM flows').pluck().get() as number;
  const parameters = { after: marks.version, host: hostId, known: lastKnown };
  made += db
    .prepare(
      `INSERT INTO flows (host_id, namespace_id, zone, orig_tuple_id, reply_tuple_id, began_at_us, direction_known_by)
       SELECT s.host_id, s.namespace_id, v.zone, v.tuple_id, v.reply_tuple_id, min(v.started_at_us), 'entry'
       FROM ct_entry_versions v NOT INDEXED JOIN series s ON s.id = v.series_id
       WHERE v.id > :after AND s.host_id = :host
         AND NOT EXISTS (SELECT 1 FROM flows f WHERE f.orig_tuple_id = v.tuple_id AND f.host_id = s.host_id AND f.id <= :known)
       GROUP BY v.tuple_id, v.zone, s.namespace_id, ifnull(v.ct_id, -1) ORDER BY v.tuple_id`,
    )
    .run(parameters).changes;
  // In order of the key: a page of the table is filled once.
  db.prepare(
    `INSERT OR IGNORE INTO flow_tuples (tuple_id, flow_id, direction)
     SELECT orig_tuple_id, id, 'orig' FROM flows NOT INDEXED WHERE id > :known
     UNION ALL SELECT reply_tuple_id, id, 'reply' FROM flows NOT INDEXED WHERE id > :known AND reply_tuple_id IS NOT NULL ORDER BY 1, 2`,
  ).run({ known: lastKnown });
  const versions = paged<Omit<EventRow, 'kind'>>(
    db,
    `SELECT v.id, v.tuple_id AS orig, v.reply_tuple_id AS reply, s.namespace_id AS ns, v.zone, v.started_at_us AS at
     FROM ct_entry_versions v JOIN series s ON s.id = v.series_id WHERE v.id > ? AND s.host_id = ?
       AND EXISTS (SELECT 1 FROM flows f WHERE f.orig_tuple_id = v.tuple_id AND f.host_id = s.host_id AND f.id <= ${lastKnown})
     ORDER BY v.id LIMIT ${PAGE}`,
    marks.version,
    hostId,
  );
  for (const row of versions) {
    const open = latest.get(row.orig, hostId, row.ns, row.zone) as Latest | undefined;
    const isSame = open !== undefined && (row.at === null || open.ended === null || open.ended >= row.at);
    if (!isSame) begin(row, 'entry');
    else if (row.reply !== null) {
      setReply.run(row.reply, open.id);
      link.run(row.reply, open.id, 'reply');
    }
  }
  packetsOnly(db, hostId, marks, link, begin);
  return made;
}

const PAGE = 4000;

/** Rows in order of id, a page at a time: a connection that iterates refuses to write. The first two parameters are the last id and the host. */
function* paged<T>(db: Db, sql: string, after: number, hostId: number): Generator<T> {
  const select = db.prepare(sql);
  let last = after;
  for (;;) {
    const rows = select.all(last, hostId) as (T & { readonly id: number })[];
    yield* rows;
    const end = rows.at(-1);
    if (end === undefined || rows.length < PAGE) return;
    last = end.id;
  }
}

/** Tuples, path, clock, time on it, id, sequence number. */
type PassageRow = readonly [number, number | null, number | null, number, number, number, number, number | null];

/** Where the clocks of a host lie; NULL: not known. */
function offsetsOfHost(db: Db, hostId: number): ReadonlyMap<number, number | null> {
  const clocks = db
    .prepare('SELECT c.id, c.offset_us FROM clocks c JOIN sources s ON s.id = c.source_id WHERE s.host_id = ?')
    .raw()
    .all(hostId) as [number, number | null][];
  return new Map(clocks);
}

/** Passages of some clocks in order of id, without a join and without an object each: a log has millions. */
function* passagesOnClocks(db: Db, clocks: ReadonlyMap<number, unknown>, after: number): Generator<PassageRow> {
  const select = db
    .prepare(
      `SELECT tuple_id, tuple2_id, tuple3_id, path_id, clock_id, clock_us, id, seq FROM passages WHERE id > ? ORDER BY id LIMIT ${PAGE}`,
    )
    .raw();
  let last = after;
  for (;;) {
    const rows = select.all(last) as PassageRow[];
    for (const row of rows) if (clocks.has(row[4])) yield row;
    const end = rows.at(-1);
    if (end === undefined || rows.length < PAGE) return;
    last = end[6];
  }
}

/** Flows that no event and no entry shows: from the first packet seen of each tuple. */
function packetsOnly(
  db: Db,
  hostId: number,
  marks: FlowMarks,
  link: { run(tupleId: number, flowId: number, direction: 'orig' | 'reply'): unknown },
  begin: (row: Omit<EventRow, 'kind'>, knownBy: string) => number,
): void {
  const flowOf = db.prepare(
    'SELECT f.id, ft.direction FROM flow_tuples ft JOIN flows f ON f.id = ft.flow_id WHERE ft.tuple_id = ? AND f.host_id = ? ORDER BY f.id DESC LIMIT 1',
  );
  const tupleOf = db.prepare('SELECT proto, src, dst, sport, dport, extra FROM tuples WHERE id = ?');
  const idOf = db
    .prepare(
      "SELECT id FROM tuples WHERE src = ? AND ifnull(sport, -1) = ifnull(?, -1) AND dst = ? AND ifnull(dport, -1) = ifnull(?, -1) AND proto = ? AND ifnull(extra, '') = ifnull(?, '')",
    )
    .pluck();
  const insertTuple = db.prepare('INSERT INTO tuples (proto, src, dst, sport, dport, extra) VALUES (?, ?, ?, ?, ?, ?)');
  const flagsOfPath = db
    .prepare('SELECT f.flags FROM path_steps t JOIN shapes f ON f.id = t.shape_id WHERE t.path_id = ? AND t.step = 0')
    .pluck();
  const flags = new Map<number, string | null>();
  interface Tuple {
    readonly proto: number;
    readonly src: string;
    readonly dst: string;
    readonly sport: number | null;
    readonly dport: number | null;
    readonly extra: string | null;
  }
  const find = (tupleId: number): { readonly id: number; readonly direction: 'orig' | 'reply' } | undefined =>
    flowOf.get(tupleId, hostId) as { id: number; direction: 'orig' | 'reply' } | undefined;
  const reversed = (tupleId: number): Tuple => {
    const { proto, src, dst, sport, dport, extra } = tupleOf.get(tupleId) as Tuple;
    const isIcmp = proto === 1 || proto === 58;
    return {
      proto,
      src: dst,
      dst: src,
      sport: isIcmp ? sport : dport,
      dport: isIcmp ? dport : sport,
      extra: reversedExtra(extra),
    };
  };
  const reverseOf = (tupleId: number): number | undefined => {
    const { proto, src, dst, sport, dport, extra } = reversed(tupleId);
    return idOf.get(src, sport, dst, dport, proto, extra) as number | undefined;
  };
  const reverseMade = (tupleId: number): number => {
    const known = reverseOf(tupleId);
    if (known !== undefined) return known;
    const { proto, src, dst, sport, dport, extra } = reversed(tupleId);
    return Number(insertTuple.run(proto, src, dst, sport, dport, extra).lastInsertRowid);
  };
  const offsets = offsetsOfHost(db, hostId);
  const atUs = (row: PassageRow): number | null => {
    const offset = offsets.get(row[4]) ?? null;
    return offset === null ? null : row[5] + offset;
  };
  const done = openIdSet();
  const lives = openSynLives(db, hostId, marks.passage);
  for (const row of passagesOnClocks(db, offsets, marks.passage)) {
    const [tuple, tuple2, tuple3, pathId, , , id, seq] = row;
    let said = flags.get(pathId);
    if (said === undefined) {
      said = (flagsOfPath.get(pathId) as string | null | undefined) ?? null;
      flags.set(pathId, said);
    }
    const at = isFirstSyn(said) ? atUs(row) : null;
    if (at !== null && lives.isReused(tuple, at, seq, id)) {
      begin({ orig: tuple, reply: null, ns: null, zone: null, at }, 'syn');
      done.add(tuple);
    }
    if (done.has(tuple) && (tuple2 === null || done.has(tuple2)) && (tuple3 === null || done.has(tuple3))) continue;
    const all = [tuple, tuple2, tuple3].filter((id) => id !== null);
    let flow = all.map(find).find((found) => found !== undefined);
    if (flow === undefined) {
      // The answer to a tuple is the connection's other direction, before or behind translation.
      for (const id of all) {
        const reverse = reverseOf(id);
        const found = reverse === undefined ? undefined : find(reverse);
        if (found !== undefined) flow = { id: found.id, direction: found.direction === 'orig' ? 'reply' : 'orig' };
      }
    }
    if (flow === undefined) {
      // A SYN ACK is an answer: the connection began the other way, even if its first packet was not seen.
      flow =
        said === 'SYN ACK'
          ? {
              id: begin({ orig: reverseMade(tuple), reply: tuple, ns: null, zone: null, at: null }, 'first-packet'),
              direction: 'reply',
            }
          : {
              id: begin(
                { orig: tuple, reply: null, ns: null, zone: null, at: atUs(row) },
                said === 'SYN' ? 'syn' : 'first-packet',
              ),
              direction: 'orig',
            };
    }
    for (const tupleId of all) {
      link.run(tupleId, flow.id, flow.direction);
      done.add(tupleId);
    }
  }
}
