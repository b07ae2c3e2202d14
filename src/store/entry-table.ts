// The open versions of a series in typed arrays: sixty bytes an entry, where a Map of objects would take three hundred.

export interface EntryTable {
  /** Entries held; slots are 0 … size - 1 and keep their numbers. */
  readonly size: number;
  /** Adds an entry and returns its slot. */
  add(key: number): number;
  /** First slot with a key hash, or -1. */
  first(key: number): number;
  /** The next slot with the same key hash behind one that first or next returned, or -1. */
  next(slot: number): number;
  keys(): Float64Array;
  contents(): Float64Array;
  /** Hashes of the lines that showed them (LinePrint); NaN: not known. */
  prints(): Float64Array;
  versions(): Uint32Array;
  /** NaN: not known. */
  expiries(): Float64Array;
  /** -1: not told. */
  timeouts(): Int32Array;
  /** Hash of an entry's counters; -1: none were told. */
  countersOf(slot: number): number;
  setCounters(slot: number, hash: number): void;
  flags(): Uint8Array;
  lists(): Uint8Array;
  /** Notes a slot, once, as the one that the listing showed next. */
  show(slot: number): void;
  /** Slots in the order of the listing. */
  shown(): Uint32Array;
}

const EMPTY = -1;

/** @param expected entries to make room for; the table grows beyond it */
export function newEntryTable(expected: number): EntryTable {
  let room = Math.max(1024, Math.ceil(expected * 1.05));
  let size = 0;
  let shownCount = 0;
  let keys = new Float64Array(room);
  let contents = new Float64Array(room);
  let prints = new Float64Array(room);
  let versions = new Uint32Array(room);
  let expiries = new Float64Array(room);
  let timeouts = new Int32Array(room);
  /** Most hosts do not count (nf_conntrack_acct is off by default): made with the first that does. */
  let counters: Float64Array | null = null;
  let flags = new Uint8Array(room);
  let lists = new Uint8Array(room);
  let order = new Uint32Array(room);
  let places = newPlaces(room);
  let mask = places.length - 1;

  function place(key: number, slot: number): void {
    let at = key & mask;
    while (places[at] !== EMPTY) at = (at + 1) & mask;
    places[at] = slot;
  }

  function grow(): void {
    room *= 2;
    keys = moved(keys, new Float64Array(room));
    contents = moved(contents, new Float64Array(room));
    prints = moved(prints, new Float64Array(room));
    versions = moved(versions, new Uint32Array(room));
    expiries = moved(expiries, new Float64Array(room));
    timeouts = moved(timeouts, new Int32Array(room));
    if (counters !== null) counters = moved(counters, new Float64Array(room).fill(-1));
    flags = moved(flags, new Uint8Array(room));
    lists = moved(lists, new Uint8Array(room));
    order = moved(order, new Uint32Array(room));
    places = newPlaces(room);
    mask = places.length - 1;
    for (let slot = 0; slot < size; slot++) place(keys[slot]!, slot);
  }

  function search(key: number, from: number): number {
    for (let at = from; ; at = (at + 1) & mask) {
      const slot = places[at]!;
      if (slot === EMPTY) return -1;
      if (keys[slot] === key) return slot;
    }
  }

  return {
    get size() {
      return size;
    },
    add(key) {
      if (size === room) grow();
      const slot = size++;
      keys[slot] = key;
      prints[slot] = Number.NaN;
      place(key, slot);
      return slot;
    },
    first: (key) => search(key, key & mask),
    next(slot) {
      const key = keys[slot]!;
      let at = key & mask;
      while (places[at] !== slot) at = (at + 1) & mask;
      return search(key, (at + 1) & mask);
    },
    keys: () => keys,
    contents: () => contents,
    prints: () => prints,
    versions: () => versions,
    expiries: () => expiries,
    timeouts: () => timeouts,
    countersOf: (slot) => (counters === null ? -1 : counters[slot]!),
    setCounters(slot, hash) {
      if (counters === null && hash === -1) return;
      counters ??= new Float64Array(room).fill(-1);
      counters[slot] = hash;
    },
    flags: () => flags,
    lists: () => lists,
    show(slot) {
      order[shownCount++] = slot;
    },
    shown: () => order.subarray(0, shownCount),
  };
}

/** Places for slots, at most two thirds of them used. */
function newPlaces(room: number): Int32Array {
  return new Int32Array(2 ** Math.ceil(Math.log2(room * 1.5))).fill(EMPTY);
}

function moved<T extends Float64Array | Int32Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
