// The same packet seen by two sources (kernel log and nft trace, NFLOG beside LOG) is one packet: its lines are put together
// before anything is counted. Two lines of one source are two packets; what shares no number is joined by its order and time only.

import type { PathStep, TupleRow } from '../../store/case-reader.js';
import { isOwnTable } from '../ruleset/ours.js';
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

/**
 * What all sightings of one packet share. A number that one source does not tell (IPv6 has no id, nft trace no sequence number) is told by
 * no key of it: such sightings are put to the others by their addresses, and by less.
 * Where a number tells, addresses are left out: translation changes them on the way.
 */
function identity(packet: SeenPacket): Identity | null {
  const { ipId, len, seq, ack } = packet.row;
  const tuple = packet.tuples[0];
  if (tuple === undefined) return null;
  const plain = [tuple.proto, packet.flags, len].join(' ');
  if (ipId !== null && ipId !== 0) return { key: `${plain} id ${ipId}`, plain: null };
  const own = `${plain} ${tuple.id}`;
  if (seq !== null) return { key: `${plain} numbers ${seq} ${ack}`, plain: own };
  return { key: own, plain: own };
}

interface Identity {
  readonly key: string;
  /** By which sightings that tell no number can be the same; NULL: all that see this packet see its number. */
  readonly plain: string | null;
}

/** Chains of ctwhy's own tables, which no ruleset of a snapshot need hold: 'tracked_in', and 'tracked_in_hit' behind it. */
const OWN_CHAIN = /^(before|tracked)_(in|out)(?:_hit)?$/;

function rankOf(step: PathStep, before: number, rules: RuleBook): number {
  const own = isOwnTable(step.table) ? OWN_CHAIN.exec(step.chain ?? '') : null;
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

/** A trace is stamped by whoever reads it; on a busy host that is so much later. */
const READ_LATE_US = 2_000_000;
/** As long as a packet that is sent again without a number of its own waits at least (include/net/tcp.h: TCP_RTO_MIN). */
const SENT_AGAIN_US = 200_000;

const isTrace = ({ steps }: SeenPacket) => steps.every(({ kind }) => kind === 'nft-trace' || kind === 'xtables-trace');

/** How late a trace may be behind another sighting of the packet, beyond what the clocks are off. */
function isOnce(a: SeenPacket, b: SeenPacket, lateUs: number): boolean {
  if (['same', 'unknown'].includes(orderOf(packetMoment(a), packetMoment(b)))) return true;
  if (isTrace(a) === isTrace(b) || a.row.atUs === null || b.row.atUs === null) return false;
  const late = isTrace(a) ? a.row.atUs - b.row.atUs : b.row.atUs - a.row.atUs;
  return late >= 0 && late <= lateUs;
}

/** What one source saw of one packet: its line, or the pieces of its trace. */
type Sighting = readonly SeenPacket[];

/**
 * Puts what several sources saw to each other, each of a source to one of another at most.
 * @param lists of one source each, in order of time; the first have been put together already
 * @param isWeak they share no number: those of one kind stand for each other only in order, or by their time
 */
function pairUp(lists: readonly (readonly Sighting[])[], isWeak: boolean): readonly Sighting[] {
  const counts = new Set(lists.map(({ length }) => length));
  if (counts.size === 1) {
    const inOrder = lists[0]!.map((_, at) => lists.map((list) => list[at]!));
    const isPlaced = !isWeak || inOrder.flat(2).every(({ row }) => row.atUs !== null);
    // Of one kind by one source there is no doubt which; of several the order tells, where the times do not speak against it.
    if (isPlaced && inOrder.every(([first, ...more]) => more.every((one) => isOnce(first![0]!, one[0]!, READ_LATE_US))))
      return inOrder.map((sightings) => sightings.flat());
  }
  const lateUs = isWeak ? SENT_AGAIN_US / 2 : READ_LATE_US;
  const groups: SeenPacket[][] = [];
  for (const list of [...lists].sort((a, b) => b.length - a.length)) {
    const free = new Set(groups);
    const pairs = list
      .flatMap((sighting) => groups.map((group) => ({ sighting, group, apartUs: apart(sighting[0]!, group[0]!) })))
      .filter(({ sighting, group, apartUs }) => apartUs !== null && isOnce(sighting[0]!, group[0]!, lateUs))
      .sort((a, b) => a.apartUs! - b.apartUs!);
    const placed = new Set<Sighting>();
    for (const { sighting, group } of pairs) {
      if (placed.has(sighting) || !free.has(group)) continue;
      placed.add(sighting);
      free.delete(group);
      group.push(...sighting);
    }
    for (const sighting of list) if (!placed.has(sighting)) groups.push([...sighting]);
  }
  return groups;
}

/** NULL: not both have a time. */
function apart(a: SeenPacket, b: SeenPacket): number | null {
  return a.row.atUs === null || b.row.atUs === null ? null : Math.abs(a.row.atUs - b.row.atUs);
}

function bySource(packets: readonly SeenPacket[], rules: RuleBook): readonly (readonly Sighting[])[] {
  const lists = new Map<number, SeenPacket[]>();
  for (const packet of packets) lists.set(packet.row.sourceId, [...(lists.get(packet.row.sourceId) ?? []), packet]);
  return [...lists.values()].map((list) => joinPieces(list, rules));
}

/** @returns the packets with sightings of the same put together, in the order given */
export function mergeSightings(packets: readonly SeenPacket[], rules: RuleBook): readonly SeenPacket[] {
  const byKey = new Map<string, { readonly plain: string | null; readonly alike: SeenPacket[] }>();
  for (const packet of packets) {
    const found = identity(packet);
    if (found === null) continue;
    const known = byKey.get(found.key);
    if (known === undefined) byKey.set(found.key, { plain: found.plain, alike: [packet] });
    else known.alike.push(packet);
  }
  const groups: Sighting[] = [];
  /** Packets whose number some source may not have told, and what such a source saw. */
  const plain = new Map<string, { readonly numbered: Sighting[]; readonly bare: SeenPacket[] }>();
  for (const [key, { plain: own, alike }] of byKey) {
    if (own === null) groups.push(...pairUp(bySource(alike, rules), false));
    else {
      const kind = plain.get(own) ?? { numbered: [], bare: [] };
      plain.set(own, kind);
      if (key === own) kind.bare.push(...alike);
      else kind.numbered.push(...pairUp(bySource(alike, rules), false));
    }
  }
  for (const { numbered, bare } of plain.values()) {
    const inOrder = numbered.toSorted((a, b) => (a[0]!.row.atUs ?? 0) - (b[0]!.row.atUs ?? 0));
    groups.push(...pairUp([...(inOrder.length === 0 ? [] : [inOrder]), ...bySource(bare, rules)], true));
  }
  const leader = new Map<SeenPacket, readonly SeenPacket[]>();
  const followers = new Set<SeenPacket>();
  for (const sightings of groups) {
    if (sightings.length < 2) continue;
    const first = leading(sightings);
    leader.set(first, sightings);
    for (const one of sightings) if (one !== first) followers.add(one);
  }
  return packets
    .filter((packet) => !followers.has(packet))
    .map((packet) => {
      const sightings = leader.get(packet);
      return sightings === undefined ? packet : { ...packet, ...putTogether(sightings, rules) };
    });
}
