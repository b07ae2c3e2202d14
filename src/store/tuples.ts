// Which row of the tuples table is this direction of a flow? Finds it or makes it; NULL ports count as equal, as in the unique index.

import type { Tuple } from '../model/tuple.js';
import type { Db } from './open-store.js';

export interface Tuples {
  /** Row id of a tuple, inserted when it is new. Runs in the caller's transaction. */
  id(tuple: Tuple): number;
}

/** Tuples remembered in each of two generations: about 10 MB. */
const GENERATION = 32_768;

/**
 * Opens the dictionary of tuples with a bounded memory of the last ones. After a transaction that was rolled back, open it anew:
 * what it remembers may be gone.
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
  let young = new Map<string, number>();
  let old = new Map<string, number>();

  return {
    id(tuple) {
      const { src, sport, dst, dport, proto, extra } = tuple;
      const key = `${src} ${sport ?? ''} ${dst} ${dport ?? ''} ${proto} ${extra ?? ''}`;
      const known = young.get(key);
      if (known !== undefined) return known;
      let id = old.get(key);
      if (id === undefined) {
        // In a listing nearly every tuple is new, so inserting comes first and finding second.
        const inserted = insert.run(src, sport, dst, dport, proto, extra);
        id =
          inserted.changes === 1
            ? Number(inserted.lastInsertRowid)
            : (find.get(src, sport, dst, dport, proto, extra) as number);
      }
      if (young.size >= GENERATION) {
        old = young;
        young = new Map();
      }
      young.set(key, id);
      return id;
    },
  };
}
