// The same packet seen by two sources (kernel log and nft trace, NFLOG beside LOG) is one packet: its lines are put together
// before anything is counted. Two packets are never made one: where counts differ or the order is open, nothing is joined.

import type { PathStep } from '../../store/case-reader.js';
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

/** What all sightings of one packet share; NULL for packets too plain to be told apart. */
function identity(packet: SeenPacket): string | null {
  const tuple = packet.tuples[0];
  const { ipId, len, seq, ack } = packet.row;
  if (tuple === undefined || (ipId === null && seq === null) || (ipId === 0 && seq === null)) return null;
  // Sequence numbers are not in every dump, the IP id is; a packet without id needs its numbers.
  const numbers = ipId === null || ipId === 0 ? `${seq} ${ack}` : '';
  return [tuple.proto, tuple.src, tuple.sport, tuple.dst, tuple.dport, packet.flags, ipId, len, numbers].join(' ');
}

function rankOf(step: PathStep, before: number, rules: RuleBook): number {
  const hit = step.table === null ? null : rules.atStep(step);
  const hook = HOOK_RANK[step.chain ?? ''] ?? (hit?.chain.hook == null ? null : (HOOK_RANK[hit.chain.hook] ?? null));
  if (hook === null) return before;
  const isSource = step.table === 'nat' && (step.chain === 'POSTROUTING' || step.chain === 'INPUT');
  const priority =
    step.kind === 'trace'
      ? isSource
        ? 100
        : (TABLE_PRIORITY[step.table ?? ''] ?? 0)
      : (hit?.chain.priority ?? TABLE_PRIORITY[step.table ?? ''] ?? 0);
  return hook * 10_000 + priority;
}

/** Steps of several sightings in the order of the hooks; each sighting keeps its own order. */
function interleave(packets: readonly SeenPacket[], rules: RuleBook): readonly PathStep[] {
  const ranked = packets.flatMap((packet, sighting) => {
    // What stands in front of the first rule (a log_invalid line) is conntrack's, behind raw.
    let rank = packet.steps[0]?.kind === 'log-invalid' ? 9_800 : 0;
    return packet.steps.map((step, index) => {
      rank = Math.max(rank, rankOf(step, rank, rules));
      return { step: { ...step, owner: packet.row }, rank, sighting, index };
    });
  });
  return ranked.sort((a, b) => a.rank - b.rank || a.sighting - b.sighting || a.index - b.index).map(({ step }) => step);
}

/** One of a packet's sightings that has a time on the epoch axis, else the first. */
function leading(packets: readonly SeenPacket[]): SeenPacket {
  return packets.find((packet) => packet.row.atUs !== null) ?? packets[0]!;
}

/** @returns the packets with sightings of the same put together, in the order given */
export function mergeSightings(packets: readonly SeenPacket[], rules: RuleBook): readonly SeenPacket[] {
  const byIdentity = new Map<string, SeenPacket[]>();
  for (const packet of packets) {
    const key = identity(packet);
    if (key === null) continue;
    byIdentity.set(key, [...(byIdentity.get(key) ?? []), packet]);
  }
  const leader = new Map<SeenPacket, readonly SeenPacket[]>();
  const followers = new Set<SeenPacket>();
  for (const alike of byIdentity.values()) {
    const bySource = new Map<number, SeenPacket[]>();
    for (const packet of alike)
      bySource.set(packet.row.sourceId, [...(bySource.get(packet.row.sourceId) ?? []), packet]);
    const lists = [...bySource.values()];
    if (lists.length < 2 || new Set(lists.map((list) => list.length)).size !== 1) continue;
    for (let at = 0; at < lists[0]!.length; at++) {
      const sightings = lists.map((list) => list[at]!);
      const isAtOnce = sightings.every(
        (one) =>
          ['same', 'unknown'].includes(orderOf(packetMoment(one), packetMoment(sightings[0]!))) || one === sightings[0],
      );
      if (!isAtOnce) continue;
      const first = leading(sightings);
      leader.set(first, sightings);
      for (const one of sightings) if (one !== first) followers.add(one);
    }
  }
  return packets
    .filter((packet) => !followers.has(packet))
    .map((packet) => {
      const sightings = leader.get(packet);
      return sightings === undefined ? packet : { ...packet, steps: interleave(sightings, rules) };
    });
}
