// Which tuples belong to one connection: both directions, and both sides of address translation.

import type { PacketGroup, TupleRow } from '../../store/case-reader.js';

export interface Components {
  /** Smallest tuple id of the connection that a tuple belongs to. */
  of(tupleId: number): number;
  members(component: number): readonly number[];
}

/**
 * Joins tuples into connections.
 * @param pairs tuples known to be one connection: slots of one packet, original and reply tuple of an entry or event
 */
export function joinTuples(
  tuples: ReadonlyMap<number, TupleRow>,
  groups: readonly PacketGroup[],
  pairs: readonly (readonly [number, number])[],
): Components {
  const parent = new Map<number, number>();
  const find = (id: number): number => {
    let root = id;
    while (parent.get(root) !== undefined && parent.get(root) !== root) root = parent.get(root)!;
    // Shorten the way for the next question.
    let at = id;
    while (at !== root) {
      const next = parent.get(at) ?? root;
      parent.set(at, root);
      at = next;
    }
    return root;
  };
  const join = (a: number, b: number) => {
    const [low, high] = [find(a), find(b)].sort((x, y) => x - y) as [number, number];
    parent.set(low, low);
    parent.set(high, low);
  };
  const byKey = new Map<string, number>();
  for (const [id, tuple] of tuples) {
    parent.set(id, parent.get(id) ?? id);
    const ends = [`${tuple.src} ${tuple.sport}`, `${tuple.dst} ${tuple.dport}`].sort();
    // ICMP exchanges of two hosts differ by id; the type differs between the directions.
    const id_ = tuple.extra === null ? '' : (/\bid=\d+/.exec(tuple.extra)?.[0] ?? tuple.extra);
    const key = `${tuple.proto} ${ends.join(' ')} ${id_}`;
    const other = byKey.get(key);
    if (other === undefined) byKey.set(key, id);
    else join(other, id);
  }
  for (const group of groups) for (const id of group.tupleIds.slice(1)) join(group.tupleIds[0]!, id);
  for (const [a, b] of pairs) join(a, b);
  const members = new Map<number, number[]>();
  for (const id of parent.keys()) {
    const root = find(id);
    const list = members.get(root);
    if (list === undefined) members.set(root, [id]);
    else list.push(id);
  }
  return { of: find, members: (component) => members.get(component) ?? [component] };
}
