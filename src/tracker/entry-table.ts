// Which entry does a packet belong to? The table of one tracker, found by zone, protocol, addresses and ports of either direction.

import type { Direction } from '../catalogue/tcp-states.js';
import type { Entry, TupleEnd } from './entry.js';
import type { TrackedProto } from './packet.js';

/** An entry seen from one of its directions. */
export interface Slot {
  readonly entry: Entry;
  readonly dir: Direction;
}

export interface EntryTable {
  readonly size: number;
  find(proto: TrackedProto, zone: number, src: string, dst: string, a: number, b: number): Slot | null;
  insert(entry: Entry): void;
  remove(entry: Entry): void;
}

type ByPorts = Map<number, Slot>;
type ByAddress = Map<string, Map<string, ByPorts>>;

const PROTO_NUMBER: Readonly<Record<TrackedProto, number>> = { tcp: 0, udp: 1, icmp: 2, icmpv6: 3 };

/** An empty table. Looking up allocates nothing: nested maps instead of a key put together for each packet. */
export function createEntryTable(): EntryTable {
  const realms = new Map<number, ByAddress>();
  let size = 0;

  function put(entry: Entry, end: TupleEnd, dir: Direction): void {
    const realm = realmKey(entry.proto, entry.zone);
    const bySource = getOrAdd(realms, realm, (): ByAddress => new Map());
    const byTarget = getOrAdd(bySource, end.src, (): Map<string, ByPorts> => new Map());
    getOrAdd(byTarget, end.dst, (): ByPorts => new Map()).set(portKey(end.a, end.b), { entry, dir });
  }

  function take(entry: Entry, end: TupleEnd): void {
    const bySource = realms.get(realmKey(entry.proto, entry.zone));
    const byTarget = bySource?.get(end.src);
    const byPorts = byTarget?.get(end.dst);
    const key = portKey(end.a, end.b);
    if (byPorts?.get(key)?.entry !== entry) return;
    byPorts.delete(key);
    if (byPorts.size === 0) byTarget?.delete(end.dst);
    if (byTarget?.size === 0) bySource?.delete(end.src);
  }

  return {
    get size() {
      return size;
    },
    find(proto, zone, src, dst, a, b) {
      const byPorts = realms.get(realmKey(proto, zone))?.get(src)?.get(dst);
      return byPorts?.get(portKey(a, b)) ?? null;
    },
    insert(entry) {
      put(entry, entry.original, 0);
      put(entry, entry.reply, 1);
      entry.isConfirmed = true;
      size += 1;
    },
    remove(entry) {
      if (!entry.isConfirmed) return;
      take(entry, entry.original);
      take(entry, entry.reply);
      entry.isConfirmed = false;
      size -= 1;
    },
  };
}

function realmKey(proto: TrackedProto, zone: number): number {
  return zone * 4 + PROTO_NUMBER[proto];
}

function portKey(a: number, b: number): number {
  return (a << 16) | b;
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
