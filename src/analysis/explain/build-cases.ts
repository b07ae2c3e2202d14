// From packets to cases: groups of like packets, joined into connections, one case per connection, outcome and reason.

import { reasonById } from '../../catalogue/all-reasons.js';
import type { KernelVersion } from '../../catalogue/kernel-version.js';
import { outcomeOf, outcomesByWords } from '../../catalogue/reason.js';
import { isFirstSyn, SYN_QUIET_US } from '../../model/syn.js';
import { readCaptured } from '../../store/capture-reader.js';
import {
  type PacketGroup,
  type PassageRow,
  type PathStep,
  readCompanions,
  readPacketGroups,
  readPassage,
  readPassages,
  readPaths,
  readTuples,
  type Scope,
  type TupleRow,
  withReversed,
} from '../../store/case-reader.js';
import { readEntries, readEntryVersions, readEvents, readSockets } from '../../store/evidence-reader.js';
import { readEntryPairs, readFlowOrigin, readFlowPairs, readSiblingEntries } from '../../store/flow-reader.js';
import type { Db } from '../../store/open-store.js';
import { synQuietUs } from '../../store/syn-lives.js';
import type { Case, HostContext, PacketState, SeenPacket } from './case.js';
import type { Cite } from './cite.js';
import { type Components, joinTuples } from './components.js';
import { type Glimpse, MOST_GLIMPSES } from './crowd.js';
import { fateOf, isTracedToDrop } from './fate.js';
import { openLives } from './lives.js';
import { mergeSightings } from './merge-sightings.js';
import { outcomeWithoutEntry } from './outcome-without-entry.js';
import { unasked } from './own-changes.js';
import { type OutcomesOf, type PathReading, readPath } from './read-path.js';
import { reasonOf } from './reason-of.js';

/** At most so many packets of one case are looked at singly; the rest is counted. */
const PACKETS_OF_A_CASE = 400;

/** Packets that captures saw of one connection which are looked at. */
export const WIRE_PACKETS = 1000;

/** Entries to the same destination that are looked at. */
const SIBLINGS = 50;

/** Like packets of one connection with one outcome, before anything is argued. */
export interface Story {
  readonly host: HostContext;
  readonly component: number;
  readonly outcome: PacketState | 'DROP';
  readonly reasonId: string | null;
  readonly groups: readonly PacketGroup[];
  /** Set where the packets were put together from several sources; NULL: read by path. */
  readonly packets: readonly SeenPacket[] | null;
  /** The flag words of its packets, each once. */
  readonly flags: ReadonlySet<string>;
  readonly tupleId: number;
  readonly count: number;
  readonly firstAtUs: number | null;
  readonly firstId: number;
}

export interface Seen {
  readonly stories: readonly Story[];
  readonly readings: ReadonlyMap<string, PathReading>;
  readonly paths: ReadonlyMap<number, readonly PathStep[]>;
  readonly tuples: ReadonlyMap<number, TupleRow>;
  /** Connections by host: what one host saw says nothing of another. */
  readonly componentsOf: ReadonlyMap<number, Components>;
  /** What each host saw, flow by flow. */
  readonly glimpsesOf: ReadonlyMap<number, readonly Glimpse[]>;
  readonly packetCount: number;
  readonly unasked: readonly Unasked[];
  readonly firstAtUs: number | null;
  readonly lastAtUs: number | null;
}

/** Refusals of a protocol that a change had the kernel log although nobody asked for it. */
export interface Unasked {
  readonly changeId: string;
  /** The protocols that were asked for. */
  readonly asked: readonly number[];
  readonly proto: number;
  readonly packets: number;
}

/** Text is believed before `uname -r`: a reason that this kernel should not print keeps all its outcomes. */
export const outcomesOf: OutcomesOf = (reasonId, kernel, message) => {
  const reason = reasonById(reasonId);
  if (reason === null) return [];
  const told = kernel === null && message !== null ? outcomesByWords(reason, message) : outcomeOf(reason, kernel);
  return told.length > 0 ? told : [reason.outcome, ...reason.outcomeByVersion.map((entry) => entry.outcome)];
};

function outcomeOfGroup(reading: PathReading, steps: readonly PathStep[]): PacketState | 'DROP' | null {
  if (reading.state === 'INVALID') return 'INVALID';
  if (reading.state === 'NEW') return 'NEW';
  if (reading.state === null && (reading.reasonId !== null || reading.dropWords !== null)) return 'DROP';
  const isSyn = reading.flags === 'SYN' || reading.flags === 'SYN ECE CWR';
  if (reading.state === null && (isSyn || reading.isTraced)) return isSyn ? 'NEW' : 'DROP';
  // ESTABLISHED and RELATED packets matter when something ended them: the trace or the rules will tell.
  if (reading.isTraced || steps.some((step) => step.kind === 'log')) return 'DROP';
  return null;
}

type Draft = { -readonly [Key in keyof Story]: Story[Key] } & {
  groups: PacketGroup[];
  packets: SeenPacket[] | null;
  flags: Set<string>;
};

/** Connections with more packets than this are not looked at packet by packet to find what two sources saw of the same one. */
const MERGED_PACKETS = 2000;

interface HostComponent {
  readonly hostId: number;
  readonly component: number;
}

/** Connections that more than one source saw packets of, few enough to be put together. */
function seenTwice(
  groups: readonly PacketGroup[],
  componentOf: (group: PacketGroup) => number,
  isPiecewise: (pathId: number) => boolean,
  isSyn: (pathId: number) => boolean,
): ReadonlyMap<string, HostComponent> {
  const found = new Map<string, HostComponent>();
  const pieces = new Set<string>();
  const sources = new Map<string, Set<number>>();
  const counts = new Map<string, number>();
  const spans = new Map<string, { firstUs: number; lastUs: number }>();
  for (const group of groups) {
    const component = `${group.hostId} ${componentOf(group)}`;
    found.set(component, { hostId: group.hostId, component: componentOf(group) });
    if (isSyn(group.pathId) && group.firstAtUs !== null && group.lastAtUs !== null) {
      const span = spans.get(component) ?? { firstUs: group.firstAtUs, lastUs: group.lastAtUs };
      span.firstUs = Math.min(span.firstUs, group.firstAtUs);
      span.lastUs = Math.max(span.lastUs, group.lastAtUs);
      spans.set(component, span);
      // A port that was used again is told apart packet by packet.
      if (span.lastUs - span.firstUs > SYN_QUIET_US) pieces.add(component);
    }
    sources.set(component, (sources.get(component) ?? new Set()).add(group.sourceId));
    if (isPiecewise(group.pathId)) pieces.add(component);
    counts.set(component, (counts.get(component) ?? 0) + group.count);
  }
  return new Map(
    [...found].filter(([key]) => (sources.get(key)!.size > 1 || pieces.has(key)) && counts.get(key)! <= MERGED_PACKETS),
  );
}

function withReading(packet: SeenPacket, reading: PathReading): SeenPacket {
  return {
    ...packet,
    flags: reading.flags,
    state: reading.state,
    stateIs: reading.stateIs,
    stateStep: reading.stateStep,
    reasonId: reading.reasonId,
    reasonStep: reading.reasonStep,
  };
}

/** FIN retries with and without PSH are one story; a SYN is another. */
function kindOf(reading: PathReading): string {
  return reading.reasonId ?? (/(^| )SYN( |$)/.test(reading.flags ?? '') ? (reading.flags ?? '') : 'rest');
}

/** Reads what a scope holds and sorts it into stories, the oldest first. */
export function readStories(
  db: Db,
  scope: Scope,
  keeps: (steps: readonly PathStep[], reading: PathReading) => boolean,
  contextOf: (hostId: number, bootId: number | null) => HostContext,
): Seen {
  const groups = readPacketGroups(db, scope);
  const paths = readPaths(
    db,
    groups.map((group) => group.pathId),
  );
  const ids = [...new Set(groups.flatMap((group) => group.tupleIds))];
  const tuples = readTuples(db, ids);
  const componentsOf = new Map<number, Components>();
  for (const hostId of new Set(groups.map((group) => group.hostId))) {
    const own = groups.filter((group) => group.hostId === hostId);
    const among = new Set(own.flatMap((group) => group.tupleIds));
    const ownIds = [...among];
    const ownTuples = new Map([...tuples].filter(([id]) => among.has(id)));
    componentsOf.set(
      hostId,
      joinTuples(ownTuples, own, [...readFlowPairs(db, ownIds, hostId), ...readEntryPairs(db, ownIds, hostId)]),
    );
  }
  const componentOf = (group: PacketGroup): number => componentsOf.get(group.hostId)!.of(group.tupleIds[0]!);
  const twice = seenTwice(
    groups,
    componentOf,
    (pathId) => (paths.get(pathId) ?? []).some((step) => step.kind === 'nft-trace' || step.kind === 'xtables-trace'),
    (pathId) => isFirstSyn(paths.get(pathId)?.[0]?.flags ?? null),
  );
  const readings = new Map<string, PathReading>();
  const stories = new Map<string, Draft>();
  const seen: Omit<Seen, 'stories' | 'glimpsesOf' | 'packetCount' | 'unasked' | 'firstAtUs' | 'lastAtUs'> = {
    readings,
    paths,
    tuples,
    componentsOf,
  };
  // Who asks for certain packets gets them, whatever was asked of the kernel.
  const isFiltered = scope.tupleIds !== null || scope.mark !== null;
  const leftOut = new Map<string, Unasked>();
  const isLeftOut = (
    host: HostContext,
    steps: readonly PathStep[],
    tupleIds: readonly number[],
    [fromUs, toUs]: readonly [number | null, number | null],
    count: number,
  ): boolean => {
    const proto = tuples.get(tupleIds[0]!)?.proto ?? 0;
    const by = isFiltered ? null : unasked(host.ownChanges, steps, proto, { fromUs, toUs });
    if (by === null) return false;
    const key = `${by.id} ${proto}`;
    const packets = (leftOut.get(key)?.packets ?? 0) + count;
    leftOut.set(key, { changeId: by.id, asked: by.change.onlyProtos!, proto, packets });
    return true;
  };
  let packetCount = 0;
  const add = (
    host: HostContext,
    bootId: number | null,
    component: number,
    reading: PathReading,
    steps: readonly PathStep[],
    one: { readonly count: number; readonly atUs: number | null; readonly id: number },
    group: PacketGroup | null,
    packet: SeenPacket | null,
    life = 0,
  ) => {
    const outcome = outcomeOfGroup(reading, steps);
    if (outcome === null || !keeps(steps, reading)) return;
    // NEW from either side is two stories: a question and what came back too late.
    const side = outcome === 'NEW' ? (packet?.tuples[0]?.id ?? group?.tupleIds[0]) : '';
    // Nothing is known of their state: those that a rule stopped are another story than those of the connection that passed.
    const end = outcome === 'DROP' && isTracedToDrop(steps, host.rules) ? 'stopped' : '';
    const key = `${host.id} ${bootId} ${component} ${outcome} ${kindOf(reading)} ${side} ${life} ${end}`;
    const story: Draft = stories.get(key) ?? {
      host,
      component,
      outcome,
      reasonId: reading.reasonId,
      groups: [],
      packets: packet === null ? null : [],
      flags: new Set(),
      tupleId: packet?.tuples[0]?.id ?? group?.tupleIds[0] ?? component,
      count: 0,
      firstAtUs: one.atUs,
      firstId: one.id,
    };
    if (reading.flags !== null) story.flags.add(reading.flags);
    if (group !== null) story.groups.push(group);
    if (packet !== null) story.packets?.push(packet);
    story.count += one.count;
    stories.set(key, story);
  };
  for (const group of groups) {
    const host = contextOf(group.hostId, group.bootId);
    const steps = paths.get(group.pathId) ?? [];
    const readingKey = `${host.id} ${group.bootId} ${group.pathId}`;
    let reading = readings.get(readingKey);
    if (reading === undefined) {
      reading = readPath(steps, host.kernel, host.rules, outcomesOf);
      readings.set(readingKey, reading);
    }
    const component = componentOf(group);
    if (twice.has(`${group.hostId} ${component}`)) continue;
    if (isLeftOut(host, steps, group.tupleIds, [group.firstAtUs, group.lastAtUs], group.count)) continue;
    packetCount += group.count;
    add(
      host,
      group.bootId,
      component,
      reading,
      steps,
      { count: group.count, atUs: group.firstAtUs, id: group.firstId },
      group,
      null,
    );
  }
  for (const { hostId, component } of twice.values()) {
    const members = componentsOf.get(hostId)!.members(component);
    const rows = readPassages(db, { ...scope, hostIds: [hostId], tupleIds: members }, MERGED_PACKETS);
    if (rows.length === 0) continue;
    // A trace without a clock is of no boot that a file names; the boot of the others is meant.
    const bootId = rows.find((row) => row.bootId !== null)?.bootId ?? null;
    const host = contextOf(hostId, bootId);
    const merged = mergeSightings(
      rows.map((row) => seenPacket(row, seen, contextOf(hostId, row.bootId))),
      host.rules,
    );
    const asked = merged.filter(({ row, steps }) => !isLeftOut(host, steps, row.tupleIds, [row.atUs, row.atUs], 1));
    packetCount += asked.length;
    const lifeOf = openLives(synQuietUs(db, hostId));
    for (const packet of asked) {
      const reading = readPath(packet.steps, host.kernel, host.rules, outcomesOf);
      const one = { count: 1, atUs: packet.row.atUs, id: packet.row.id };
      const life = lifeOf({ flags: reading.flags, atUs: packet.row.atUs, seq: packet.row.seq });
      add(host, bootId, component, reading, packet.steps, one, null, withReading(packet, reading), life);
    }
  }
  const times = groups.flatMap((group) => [group.firstAtUs, group.lastAtUs]).filter((at): at is number => at !== null);
  return {
    ...seen,
    stories: [...stories.values()],
    glimpsesOf: glimpsesOf([...stories.values()], tuples),
    packetCount,
    unasked: [...leftOut.values()],
    firstAtUs: times.length === 0 ? null : times.reduce((a, b) => Math.min(a, b)),
    lastAtUs: times.length === 0 ? null : times.reduce((a, b) => Math.max(a, b)),
  };
}

function glimpsesOf(
  stories: readonly Story[],
  tuples: ReadonlyMap<number, TupleRow>,
): ReadonlyMap<number, readonly Glimpse[]> {
  const found = new Map<number, Glimpse[]>();
  for (const { host, tupleId, outcome, reasonId, flags, count, firstAtUs, firstId } of stories) {
    const tuple = tuples.get(tupleId);
    const own = found.get(host.id) ?? [];
    found.set(host.id, own);
    if (tuple === undefined || own.length >= MOST_GLIMPSES) continue;
    own.push({ tuple, outcome, reasonId, flags: [...flags], count, firstAtUs, firstId });
  }
  return found;
}

function seenPacket(row: PassageRow, seen: Pick<Seen, 'paths' | 'readings' | 'tuples'>, host: HostContext): SeenPacket {
  const steps = seen.paths.get(row.pathId) ?? [];
  const packet: SeenPacket = {
    row,
    steps,
    tuples: row.tupleIds.map((id) => seen.tuples.get(id)).filter((tuple): tuple is TupleRow => tuple !== undefined),
    flags: null,
    state: null,
    stateIs: null,
    stateStep: null,
    reasonId: null,
    reasonStep: null,
  };
  const reading = seen.readings.get(`${host.id} ${row.bootId} ${row.pathId}`);
  return reading === undefined ? packet : withReading(packet, reading);
}

/** Everything the store knows around one story. */
export function buildCase(db: Db, story: Story, seen: Seen, scope: Scope, cite: Cite): Case {
  const { host } = story;
  const packetTuples = seen.componentsOf.get(host.id)!.members(story.component);
  // Entries and events name tuples that no packet showed (the far side of address translation).
  const related = readEntryPairs(db, packetTuples, host.id).flat();
  const tupleIds = [...new Set([...packetTuples, ...related])];
  const pathIds = new Set(story.groups.map((group) => group.pathId));
  const rows = readPassages(db, { ...scope, hostIds: [host.id], tupleIds: packetTuples }, PACKETS_OF_A_CASE);
  const merged = mergeSightings(
    rows.map((row) => seenPacket(row, seen, host)),
    host.rules,
  );
  const all = merged.map((packet) => story.packets?.find((one) => one.row.id === packet.row.id) ?? packet);
  const packets = story.packets ?? all.filter((packet) => pathIds.has(packet.row.pathId));
  const first = packets[0]!;
  const events = readEvents(db, host.id, tupleIds);
  const entries = readEntries(db, host.id, tupleIds);
  const wireIds = withReversed(db, readTuples(db, tupleIds));
  const tuples = readTuples(db, wireIds);
  const origin = readFlowOrigin(db, tupleIds, host.id);
  const newEvent = events.find((event) => event.kind === 'NEW');
  const syn = all.find((packet) => packet.flags === 'SYN');
  const [flowId, flowKnownBy] =
    newEvent !== undefined
      ? ([newEvent.tupleId, 'event'] as const)
      : entries[0] !== undefined
        ? ([entries[0].tupleId, 'entry'] as const)
        : syn !== undefined
          ? ([syn.row.tupleIds[0]!, 'syn'] as const)
          : origin !== null
            ? ([origin.tupleId, 'first-packet'] as const)
            : ([first.row.tupleIds[0]!, 'first-packet'] as const);
  const flow = tuples.get(flowId) ?? seen.tuples.get(flowId) ?? first.tuples[0]!;
  const ends = tupleIds.flatMap((id) => tuples.get(id) ?? []).filter((tuple) => tuple.sport !== null);
  const sockets = ends
    .flatMap((tuple) =>
      readSockets(db, host.id, { address: tuple.src, port: tuple.sport }, { address: tuple.dst, port: tuple.dport }),
    )
    .filter(
      (socket, index, list) =>
        list.findIndex((other) => other.id === socket.id && other.snapshotId === socket.snapshotId) === index,
    );
  const companions = readCompanions(db, host.id, flow.src, flow.dst, 200).filter(
    (tuple) => !tupleIds.includes(tuple.id),
  );
  const siblings = story.outcome === 'NEW' ? readSiblingEntries(db, host.id, flow, SIBLINGS) : [];
  const reading = readPath(first.steps, host.kernel, host.rules, outcomesOf);
  const fate = fateOf(first, reading, story.count, host.rules, cite);
  const partial: Omit<Case, 'reason'> = {
    host,
    cite,
    flow,
    flowKnownBy,
    tupleIds,
    tuples,
    outcome: story.outcome,
    packets,
    count: story.count,
    all,
    wire: readCaptured(db, host.id, wireIds, scope.fromUs, scope.toUs, WIRE_PACKETS),
    events,
    entries,
    sockets,
    crowd: {
      glimpses: seen.glimpsesOf.get(host.id) ?? [],
      cite({ firstId }) {
        const row = readPassage(db, firstId);
        const steps = row === null ? undefined : seen.paths.get(row.pathId);
        return row === null || steps === undefined ? null : cite.packet(row, steps, 0);
      },
    },
    companions,
    companionEntries:
      story.outcome === 'NEW'
        ? readEntries(
            db,
            host.id,
            companions.map((tuple) => tuple.id),
          )
        : [],
    siblings,
    siblingEvidence(one) {
      const [row] = readEntryVersions(db, [one.versionId]);
      return row === undefined ? null : cite.entry(row, null);
    },
    fate,
  };
  const told = { ...partial, outcome: outcomeWithoutEntry(partial) ?? partial.outcome };
  return { ...told, reason: reasonOf(told, reading, host.kernel as KernelVersion | null) };
}
