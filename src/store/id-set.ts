// Which ids were met? A bit each, so that a hundred million of them take twelve megabytes.

export interface IdSet {
  has(id: number): boolean;
  add(id: number): void;
}

/** An empty set of row ids (small positive integers). */
export function openIdSet(): IdSet {
  let bits = new Uint8Array(1 << 13);
  return {
    has: (id) => ((bits[id >>> 3] ?? 0) & (1 << (id & 7))) !== 0,
    add(id) {
      if (id >>> 3 >= bits.length) {
        const wider = new Uint8Array(Math.max(bits.length * 2, (id >>> 3) + 1));
        wider.set(bits);
        bits = wider;
      }
      bits[id >>> 3]! |= 1 << (id & 7);
    },
  };
}
