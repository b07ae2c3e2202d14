// Which row of the tuples table is this direction of a flow? Finds it or makes it; NULL ports count as equal, as in the unique index.

import type { Tuple } from '../model/tuple.js';
import { tupleHash } from './entry-hash.js';
import type { Db } from './open-store.js';
import { openTupleLoad, type TupleLoad } from './tuple-load.js';

export interface Tuples {
  /** Row id of a tuple, inserted when it is new. Runs in the caller's transaction. */
  id(tuple: Tuple): number;
  /** Many new ones are to come, and until endLoad() nobody else writes any. Rows come later than their ids: foreign keys have to be off. */
  beginLoad(): void;
  /** Writes what is held; nothing where no load began. */
  endLoad(): void;
}

/** Tuples remembered; a power of two. One megabyte, and no text is kept alive. */
const REMEMBERED = 65_536;

/**
 * Opens the dictionary of tuples with a bounded memory of the last ones: each hash has one place, and both halves of it have to agree.
 * After a transaction that was rolled back, open it anew: what it remembers may be gone.
 */
export function openTuples(db: Db): Tuples {
  const insert = db.prepare(
    'INSERT INTO tuples (src, sport, dst, dport, proto, extra) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const find = db
    .prepare(
      `SELECT id FROM tuples WHERE src = ? AND ifnull(sport, -1) = ifnull(?, -1) AND dst = ? AND ifnull(dport, -1) = ifnull(?, -1)
         AND proto = ? AND ifnull(extra, '') = ifnull(?, '')`,
    )
    .pluck();
  const firstHalves = new Int32Array(REMEMBERED);
  const secondHalves = new Int32Array(REMEMBERED);
  const ids = new Float64Array(REMEMBERED);
  let load: TupleLoad | null = null;

  return {
    id(tuple) {
      const { a, b } = tupleHash(tuple);
      const place = (a ^ (a >>> 16) ^ b) & (REMEMBERED - 1);
      if (ids[place] !== 0 && firstHalves[place] === a && secondHalves[place] === b) return ids[place]!;
      const id = load === null ? idInStore(tuple) : load.id(tuple, a, b);
      firstHalves[place] = a;
      secondHalves[place] = b;
      ids[place] = id;
      return id;
    },
    beginLoad() {
      load ??= openTupleLoad(db);
    },
    endLoad() {
      load?.end();
      load = null;
    },
  };

  function idInStore({ src, sport, dst, dport, proto, extra }: Tuple): number {
    // In a listing nearly every tuple is new, so inserting comes first and finding second.
    const inserted = insert.run(src, sport, dst, dport, proto, extra);
    return inserted.changes === 1
      ? Number(inserted.lastInsertRowid)
      : (find.get(src, sport, dst, dport, proto, extra) as number);
  }
}
