// How are a million tuples written in seconds? Their indexes are taken out of the way and built sorted behind it; until then an array of
// hashes in memory tells which tuple is known.

import type { Tuple } from '../model/tuple.js';
import { tupleHash } from './entry-hash.js';
import type { Db } from './open-store.js';
import { openBatch } from './row-batch.js';
import { setIndexesAside } from './set-indexes-aside.js';

/** With more in the store, reading them all takes longer than it saves. */
const MOST_BEFORE = 200_000;
const INDEXES = ['tuples_key', 'tuples_dst', 'tuples_port'];

export interface TupleLoad {
  /** Row id of a tuple, given its hash. */
  id(tuple: Tuple, a: number, b: number): number;
  /** Writes what is held and builds the indexes. */
  end(): void;
}

/**
 * Opens a load, in the caller's transaction; nobody else may write tuples before its end. Sixteen to thirty-two bytes of memory a tuple.
 * @returns NULL where the store holds too many already
 */
export function openTupleLoad(db: Db): TupleLoad | null {
  let last = db.prepare('SELECT ifnull(max(id), 0) FROM tuples').pluck().get() as number;
  if (last > MOST_BEFORE) return null;
  const known = newKnown(last + 1);
  const rows = db.prepare('SELECT id, src, sport, dst, dport, proto, extra FROM tuples').iterate();
  for (const { id, ...tuple } of rows as IterableIterator<Tuple & { readonly id: number }>) {
    const { a, b } = tupleHash(tuple);
    known.add(a, b, id);
  }
  const aside = setIndexesAside(db, INDEXES);
  const batch = openBatch(db, 'INSERT', 'tuples', ['id', 'src', 'sport', 'dst', 'dport', 'proto', 'extra']);
  return {
    id({ src, sport, dst, dport, proto, extra }, a, b) {
      const found = known.find(a, b);
      if (found !== 0) return found;
      known.add(a, b, ++last);
      batch.add([last, src, sport, dst, dport, proto, extra]);
      return last;
    },
    end() {
      batch.flush();
      known.letGo();
      aside.putBack();
    },
  };
}

/** Ids by both halves of a hash, 64 bits: among two million two are equal once in some millions of loads. */
function newKnown(expected: number) {
  let room = 2 ** Math.ceil(Math.log2(Math.max(1024, expected * 2)));
  let firsts = new Int32Array(room);
  let seconds = new Int32Array(room);
  let ids = new Uint32Array(room);
  let size = 0;

  const placeOf = (a: number, b: number): number => {
    let at = (a ^ (a >>> 15) ^ Math.imul(b, 2_654_435_761)) & (room - 1);
    while (ids[at] !== 0 && (firsts[at] !== a || seconds[at] !== b)) at = (at + 1) & (room - 1);
    return at;
  };
  const put = (a: number, b: number, id: number): void => {
    const at = placeOf(a, b);
    firsts[at] = a;
    seconds[at] = b;
    ids[at] = id;
  };
  const grow = (): void => {
    const before = { firsts, seconds, ids };
    room *= 2;
    firsts = new Int32Array(room);
    seconds = new Int32Array(room);
    ids = new Uint32Array(room);
    for (let at = 0; at < before.ids.length; at++)
      if (before.ids[at] !== 0) put(before.firsts[at]!, before.seconds[at]!, before.ids[at]!);
  };
  return {
    /** 0: not known. */
    find: (a: number, b: number): number => ids[placeOf(a, b)]!,
    add(a: number, b: number, id: number): void {
      if (++size * 4 > room * 3) grow();
      put(a, b, id);
    },
    letGo(): void {
      room = 1;
      firsts = seconds = new Int32Array(1);
      ids = new Uint32Array(1);
    },
  };
}
