// The same packet seen by two sources (kernel log and nft trace, NFLOG beside LOG) is one packet: its lines are put together
// before anything is counted. Two packets are never made one: where counts differ or the order is open, nothing is joined.

import type { PathStep, TupleRow } from '../../store/case-reader.js';
import type { SeenPacket } from './case.js';
import { packetMoment } from './flow-facts.js';
import { orderOf } from './order.js';
import type { RuleBook } from './rule-book.js';

const HOOK_RANK: Readonly<Record<string, number>> = {
  INGRESS: 0,
  PREROUTING: 1,
  INPUT: 2,
  FORWARD: 2,
  OUTPUT: 2,
  POSTROUTING: 3,
};
/** Priorities of the tables of iptables (include/uapi/linux/netfilter_ipv4.h: enum nf_ip_hook_priorities). */
const TABLE_PRIORITY: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  nat: -100,
  filter: 0,
  security: 50,
};

/** What all sightings of one packet of a connection share. Addresses are left out: address translation changes them on the way. */
function identity(packet: SeenPacket): Identity | null {
  const { ipId, len, seq, ack } = packet.row;
  const tuple = packet.tuples[0];
  if (tuple === undefined) return null;
  const plain = [tuple.proto, packet.flags, len].join(' ');
  if (ipId !== null && ipId !== 0) return { key: `${plain} id ${ipId}`, isWeak: false };
  // Sequence numbers are not in every dump. Without them and without an id only the one packet of its kind can be meant.
  if (seq !== null) return { key: `${plain} numbers ${seq} ${ack}`, isWeak: false };
  return { key: `${plain} ${tuple.id}`, isWeak: true };
}

interface Identity {
  readonly key: string;
  /** Several packets can share it: joined only where each source has one and the clocks agree. */
  readonly isWeak: boolean;
}

/** Chains of ctwhy's own tables, which no ruleset of a snapshot need hold: 'tracked_in', and 'tracked_in_hit' behind it. */
const OWN_TABLE = /^ctwhy_\d+$/;
const OWN_CHAIN = /^(before|tracked)_(in|out)(?:_hit)?$/;

function rankOf(step: PathStep, before: number, rules: RuleBook): number {
  const own = OWN_TABLE.test(step.table ?? '') ? OWN_CHAIN.exec(step.chain ?? '') : null;
  if (own !== null)
    return HOOK_RANK[own[2] === 'in' ? 'PREROUTING' : 'OUTPUT']! * 10_000 + (own[1] === 'before' ? -301 : -199);
  const chain = step.table === null ? null : rules.chainAt(step);
  const name = (step.chain ?? '').toUpperCase();
  const hook =
    chain !== null ? (chain.hook === null ? null : (HOOK_RANK[chain.hook] ?? null)) : (HOOK_RANK[name] ?? null);
  if (hook === null) return before;
  const isSource = step.table === 'nat' && (name === 'POSTROUTING' || name === 'INPUT');
  const priority =
    step.kind === 'trace'
      ? isSource
        ? 100
        : (TABLE_PRIORITY[step.table ?? ''] ?? 0)
      : (chain?.priority ?? TABLE_PRIORITY[step.table ?? ''] ?? 0);
  return hook * 10_000 + priority;
}

/** Steps of several sightings in the order of the hooks; each sighting keeps its own order. */
function putTogether(packets: readonly SeenPacket[], rules: RuleBook): Pick<SeenPacket, 'steps' | 'tuples'> {
  const tuples: TupleRow[] = [];
  const slotOf = (packet: SeenPacket, slot: number): number => {
    const tuple = packet.tuples[slot];
    if (tuple === undefined) return 0;
    const at = tuples.findIndex((one) => one.id === tuple.id);
    return at >= 0 ? at : tuples.push(tuple) - 1;
  };
  const ranked = packets.flatMap((packet, sighting) => {
    // What stands in front of the first rule (a log_invalid line) is conntrack's, behind raw.
    let rank = packet.steps[0]?.kind === 'log-invalid' ? 9_800 : 0;
    return packet.steps.map((step, index) => {
      rank = Math.max(rank, rankOf(step, rank, rules));
      return { step: { ...step, owner: packet.row }, packet, rank, sighting, index };
    });
  });
  const steps = ranked
    .sort((a, b) => a.rank - b.rank || a.sighting - b.sighting || a.index - b.index)
    .map(({ step, packet }) => ({ ...step, slot: slotOf(packet, step.slot) }));
  return { steps, tuples };
}

/** Where among hooks and priorities the known steps stand, the first and the last. */
function rankSpan(packet: SeenPacket, rules: RuleBook): readonly [number, number] {
  let rank = 0;
  const ranks = packet.steps.map((step) => {
    rank = rankOf(step, rank, rules);
    return rank;
  });
  const known = ranks.filter((one) => one >= 5_000);
  return known.length === 0 ? [0, 0] : [Math.min(...known), Math.max(...known)];
}

/** An nft trace has another id at each base chain: pieces of one source that follow each other from chain to chain are one packet's. */
function joinPieces(pieces: readonly SeenPacket[], rules: RuleBook): readonly (readonly SeenPacket[])[] {
  const joined: SeenPacket[][] = [];
  let lastRank = Number.POSITIVE_INFINITY;
  for (const piece of pieces) {
    const [first, last] = rankSpan(piece, rules);
    const isTrace = piece.steps.every((step) => step.kind === 'nft-trace' || step.kind === 'xtables-trace');
    if (isTrace && first > lastRank && first > 0) joined.at(-1)!.push(piece);
    else joined.push([piece]);
    lastRank = isTrace ? last : Number.POSITIVE_INFINITY;
  }
  return joined;
}

/** One of a packet's sightings that has a time on the epoch axis, else the first. */
function leading(packets: readonly SeenPacket[]): SeenPacket {
  return packets.find((packet) => packet.row.atUs !== null) ?? packets[0]!;
}

/** @returns the packets with sightings of the same put together, in the order given */
export function mergeSightings(packets: readonly SeenPacket[], rules: RuleBook): readonly SeenPacket[] {
  const byIdentity = new Map<string, { readonly isWeak: boolean; readonly alike: SeenPacket[] }>();
  for (const packet of packets) {
    const found = identity(packet);
    if (found === null) continue;
    const known = byIdentity.get(found.key);
    if (known === undefined) byIdentity.set(found.key, { isWeak: found.isWeak, alike: [packet] });
    else known.alike.push(packet);
  }
  const leader = new Map<SeenPacket, readonly SeenPacket[]>();
  const followers = new Set<SeenPacket>();
  for (const { isWeak, alike } of byIdentity.values()) {
    const bySource = new Map<number, SeenPacket[]>();
    for (const packet of alike)
      bySource.set(packet.row.sourceId, [...(bySource.get(packet.row.sourceId) ?? []), packet]);
    const lists = [...bySource.values()].map((list) => joinPieces(list, rules));
    if (isWeak && lists.some((list) => list.length > 1)) continue;
    const isEven = new Set(lists.map((list) => list.length)).size === 1;
    // Sources that saw different numbers of such packets cannot be paired; what each has joined by itself stands.
    const groups = isEven ? lists[0]!.map((_, at) => lists.flatMap((list) => list[at]!)) : lists.flat();
    for (const sightings of groups) {
      if (sightings.length < 2) continue;
      const isAtOnce = sightings.every(
        (one) =>
          one === sightings[0] ||
          ['same', 'unknown'].includes(orderOf(packetMoment(one), packetMoment(sightings[0]!))) ||
          one.row.sourceId === sightings[0]!.row.sourceId,
      );
      if (!isAtOnce || (isWeak && sightings.some((one) => one.row.atUs === null))) continue;
      const first = leading(sightings);
      leader.set(first, sightings);
      for (const one of sightings) if (one !== first) followers.add(one);
    }
  }
  return packets
    .filter((packet) => !followers.has(packet))
    .map((packet) => {
      const sightings = leader.get(packet);
      return sightings === undefined ? packet : { ...packet, ...putTogether(sightings, rules) };
    });
}
