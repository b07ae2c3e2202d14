// Everything the store holds of one connection, in the order in which the tracker met it: its packets from all sources, each once, and the
// records that show its entry.

import { type CapturedRow, readCaptured } from '../../store/capture-reader.js';
import {
  type PassageRow,
  readPassages,
  readPaths,
  readTuples,
  type Scope,
  type TupleRow,
} from '../../store/case-reader.js';
import { type EventRow, readEntries, readEvents } from '../../store/evidence-reader.js';
import { readEntryPairs } from '../../store/flow-reader.js';
import type { Db } from '../../store/open-store.js';
import type { End } from '../../tracker/unseen/world.js';
import { outcomesOf } from '../explain/build-cases.js';
import type { HostContext, SeenPacket } from '../explain/case.js';
import type { Cite } from '../explain/cite.js';
import { mergeSightings } from '../explain/merge-sightings.js';
import { ownDoing } from '../explain/own-doing.js';
import { readPath } from '../explain/read-path.js';
import { withBareNumbers } from './bare-numbers.js';
import { type FlowPacket, packetOfCapture, packetOfLines } from './flow-packet.js';

/** A longer connection is replayed so far. */
export const MOST_PACKETS = 20_000;
/** The same packet is seen on two interfaces, or by log and capture, within this time, beyond what clocks are off. */
const SAME_WITHIN_US = 50_000;

/** What whoever recorded says of losses. */
export interface Watch {
  readonly losses: readonly (Loss & { readonly of: 'capture' | 'trace' })[];
  /** When a capture lost nothing. */
  readonly whole: readonly Loss[];
  /** No capture lost anything, whoever says so. */
  readonly isWhole: boolean;
  /** Traces show some packets only. */
  readonly tracesSome: boolean;
}

/** NULL: from or to whenever. */
interface Loss {
  readonly fromUs: number | null;
  readonly toUs: number | null;
  readonly why: string;
}

export interface FlowRecords {
  /** As its first packet went, as far as that is known: end 0 is its source. */
  readonly flow: TupleRow;
  readonly packets: readonly FlowPacket[];
  readonly events: readonly EventRow[];
  readonly watch: Watch;
  /** Bare acknowledgements whose number was not told, and was put in. */
  readonly bareNumbers: number;
  /** What of them ctwhy brought about itself, in sentences. */
  readonly ownDoing: readonly string[];
  /** There are more packets than were read. */
  readonly isCut: boolean;
}

export interface FlowQuestion {
  readonly host: HostContext;
  readonly scope: Scope;
  readonly tupleIds: readonly number[];
  readonly flow: TupleRow | null;
  /** The captures lost nothing, as somebody says who knows. */
  readonly isWhole?: boolean;
}

/** NULL: no packet of these tuples. */
export function readFlow(db: Db, question: FlowQuestion, cite: Cite): FlowRecords | null {
  const { host, scope } = question;
  const related = readEntryPairs(db, question.tupleIds, host.id).flat();
  const tupleIds = [...new Set([...question.tupleIds, ...related])];
  const tuples = readTuples(db, tupleIds);
  const inHost = { ...scope, hostIds: [host.id], tupleIds };
  const rows = asCoarse(readPassages(db, inHost, MOST_PACKETS));
  const captured = readCaptured(db, host.id, tupleIds, scope.fromUs, scope.toUs, MOST_PACKETS);
  const events = readEvents(db, host.id, tupleIds);
  const flow = question.flow ?? firstOf(rows, captured, events, readEntries(db, host.id, tupleIds), tuples);
  if (flow === null) return null;
  const endOf = ends(flow, events, tuples);
  const { own: fromLines, strangers, all } = packetsOfLines(db, host, rows, tuples, endOf, cite);
  // A wire that shows the connection's own addresses lies in front of translation: so do the answers on it.
  const wireOf = ({ sourceId, interface: name }: CapturedRow) => `${sourceId} ${name ?? ''}`;
  const ownWires = new Set(captured.filter((row) => isTuple(tuples.get(row.tupleId), flow)).map(wireOf));
  const fromWire = captured.flatMap((row) => {
    const tuple = tuples.get(row.tupleId);
    const from = tuple === undefined ? null : endOf(tuple, ownWires.has(wireOf(row)) ? 'translated' : 'anywhere');
    return tuple === undefined || from === null ? [] : [packetOfCapture(row, tuple, from, cite.wire(row))];
  });
  // What a line shows to have no entry has none on the wire either.
  const isStranger = (packet: FlowPacket) =>
    strangers.some((one) => identityOf(one) === identityOf(packet) && areOne(one, packet));
  const { packets, taken: bareNumbers } = withBareNumbers(
    onceEach([...fromLines, ...fromWire.filter((packet) => !isStranger(packet))]),
  );
  if (packets.length === 0) return null;
  const isCut = rows.length >= MOST_PACKETS || captured.length >= MOST_PACKETS;
  const doing = ownDoing({ host, flow, all });
  return {
    flow,
    packets,
    events,
    ownDoing: doing,
    watch: watchOf(host, question.isWhole ?? false),
    bareNumbers,
    isCut,
  };
}

const CAPTURES = /^(capture$|wire:)/;
const TRACES = /^(log|trace|trace:netlink)$/;

function watchOf({ coverage }: HostContext, isWhole: boolean): Watch {
  const lossOf = ({ fromUs, toUs, why, what }: (typeof coverage)[number]): Loss => ({ fromUs, toUs, why: why ?? what });
  const lost = coverage.filter(({ state }) => state === 'lost');
  return {
    losses: [
      ...lost.filter(({ what }) => CAPTURES.test(what)).map((row) => ({ ...lossOf(row), of: 'capture' as const })),
      ...lost.filter(({ what }) => TRACES.test(what)).map((row) => ({ ...lossOf(row), of: 'trace' as const })),
    ],
    whole: coverage.filter(({ what, state }) => CAPTURES.test(what) && state === 'complete').map(lossOf),
    isWhole,
    // A log that may be an excerpt is 'limited' as well, whatever it holds.
    tracesSome: coverage.some(({ what, state }) => what === 'trace:netlink' && state === 'limited'),
  };
}

const SECOND_US = 1_000_000;

/** A clock that shows whole seconds is not better than that, however well its beginning is known. */
function asCoarse(rows: readonly PassageRow[]): readonly PassageRow[] {
  const fine = new Set(rows.filter((row) => row.clockUs % SECOND_US !== 0).map((row) => row.sourceId));
  return rows.map((row) =>
    fine.has(row.sourceId) || row.errorUs === null ? row : { ...row, errorUs: Math.max(row.errorUs, SECOND_US) },
  );
}

/** The tuple that the connection began with: of its NEW event, its entry, its SYN, else of the first packet. */
function firstOf(
  rows: readonly PassageRow[],
  captured: readonly CapturedRow[],
  events: readonly EventRow[],
  entries: readonly { readonly tupleId: number }[],
  tuples: ReadonlyMap<number, TupleRow>,
): TupleRow | null {
  const syn = captured.find((row) => row.flags === 'SYN')?.tupleId;
  const first = [rows[0]?.tupleIds[0], captured[0]?.tupleId].find((id) => id !== undefined);
  const id = events.find((event) => event.kind === 'NEW')?.tupleId ?? entries[0]?.tupleId ?? syn ?? first;
  return id === undefined ? null : (tuples.get(id) ?? null);
}

function isTuple(a: TupleRow | undefined, b: TupleRow): boolean {
  return a !== undefined && a.src === b.src && a.dst === b.dst && a.sport === b.sport && a.dport === b.dport;
}

/**
 * Where a packet was seen: 'looked up' as conntrack itself met it, in front of every translation; 'translated' where answers have been
 * translated back already; 'anywhere' where that is not known.
 */
type Sight = 'looked up' | 'translated' | 'anywhere';

/** NULL: the packet is not the entry's. */
type EndOf = (tuple: TupleRow, sight: Sight) => End | null;

/** Which end sent a packet of this tuple: by its addresses, or through what address translation made of them. */
function ends(flow: TupleRow, events: readonly EventRow[], tuples: ReadonlyMap<number, TupleRow>): EndOf {
  const same = isTuple;
  const turned = (a: TupleRow, b: TupleRow) =>
    a.src === b.dst && a.dst === b.src && a.sport === b.dport && a.dport === b.sport;
  const replies = events
    .map((event) => (event.replyTupleId === null ? undefined : tuples.get(event.replyTupleId)))
    .filter((tuple) => tuple !== undefined);
  return (tuple, sight) => {
    if (same(tuple, flow)) return 0;
    // Where addresses are translated, an answer that arrives for the address behind it has no entry.
    if (turned(tuple, flow))
      return sight === 'translated' || replies.length === 0 || replies.some((reply) => same(tuple, reply)) ? 1 : null;
    // Nor has what this host itself sends from the address it lends to others.
    if (sight === 'looked up' && replies.some((reply) => turned(tuple, reply))) return null;
    if (replies.some((reply) => same(tuple, reply))) return 1;
    if (replies.some((reply) => turned(tuple, reply))) return 0;
    return tuple.src === flow.src || tuple.dst === flow.dst ? 0 : 1;
  };
}

function packetsOfLines(
  db: Db,
  host: HostContext,
  rows: readonly PassageRow[],
  tuples: ReadonlyMap<number, TupleRow>,
  endOf: EndOf,
  cite: Cite,
): {
  readonly own: readonly FlowPacket[];
  readonly strangers: readonly FlowPacket[];
  readonly all: readonly SeenPacket[];
} {
  const paths = readPaths(
    db,
    rows.map((row) => row.pathId),
  );
  const seen = rows.map((row): SeenPacket => {
    const steps = paths.get(row.pathId) ?? [];
    return {
      ...withReading(steps, host),
      row,
      steps,
      tuples: row.tupleIds.map((id) => tuples.get(id)!).filter(Boolean),
    };
  });
  const strangers: FlowPacket[] = [];
  const all = mergeSightings(seen, host.rules).map((packet) => ({ ...packet, ...withReading(packet.steps, host) }));
  const own = all.flatMap((whole) => {
    const tuple = whole.tuples[0];
    if (tuple === undefined) return [];
    const from = endOf(tuple, sightOf(whole));
    const isCovered = isLogged(host, whole.row.atUs);
    // Which end's it would have been is known all the same.
    const end = from ?? endOf(tuple, 'translated') ?? 1;
    const made = packetOfLines(whole, end, isCovered, (step) => cite.packet(whole.row, whole.steps, step));
    if (made === null) return [];
    if (from === null) strangers.push(made);
    return from === null ? [] : [made];
  });
  return { own, strangers, all };
}

function sightOf({ steps, state }: SeenPacket): Sight {
  const first = steps[0];
  if (first?.kind === 'log-invalid') return 'looked up';
  // A LOG rule that knows the way out stands behind the translation of what came in.
  const isForwarded = first?.kind === 'log' && first.inIf !== null && (first.outIf ?? '') !== '';
  return isForwarded && state !== 'INVALID' ? 'translated' : 'anywhere';
}

function withReading(steps: SeenPacket['steps'], host: HostContext): Omit<SeenPacket, 'row' | 'steps' | 'tuples'> {
  const { flags, state, stateIs, stateStep, reasonId, reasonStep } = readPath(
    steps,
    host.kernel,
    host.rules,
    outcomesOf,
  );
  return { flags, state, stateIs, stateStep, reasonId, reasonStep };
}

/** Whether a log_invalid line about TCP would have been seen then. */
export function isLogged(host: HostContext, atUs: number | null): boolean {
  if (atUs === null) return false;
  const covers = (what: string, state: string) =>
    host.coverage.some(
      (row) =>
        row.what === what &&
        row.state === state &&
        (row.fromUs === null || row.fromUs <= atUs) &&
        (row.toUs === null || row.toUs >= atUs),
    );
  const isOn = covers('log-invalid:tcp', 'complete') || covers('log-invalid:all', 'complete');
  return isOn && covers('log', 'complete') && !covers('log', 'lost');
}

/** What all sightings of one packet have in common; NULL where too little is told to know it again. */
function identityOf(packet: FlowPacket): string | null {
  const { segment, ipId, len } = packet;
  if (ipId !== null && ipId !== 0) return `${packet.from} ${packet.flagWords} ${len} id ${ipId}`;
  if (segment?.seq === null || segment === null) return null;
  return `${packet.from} ${packet.flagWords} ${len} numbers ${segment.seq} ${segment.ack} ${segment.window}`;
}

/** Two sightings of one packet differ in who saw it: log and capture, or two interfaces with a router between. */
function areOne(a: FlowPacket, b: FlowPacket): boolean {
  if (a.atUs === null || b.atUs === null) return false;
  if (Math.abs(a.atUs - b.atUs) > SAME_WITHIN_US + a.errorUs + b.errorUs) return false;
  if (!a.kinds.some((kind) => b.kinds.includes(kind))) return true;
  return a.ttl !== null && b.ttl !== null && a.ttl !== b.ttl;
}

function together(a: FlowPacket, b: FlowPacket): FlowPacket {
  const [wire, line] = b.kinds.includes('capture') && !a.kinds.includes('capture') ? [b, a] : [a, b];
  const isBetter = wire.kinds.includes('capture') || (wire.segment?.seq ?? null) !== null;
  const { segment, datagram } = isBetter ? wire : line;
  const observed = a.observed.reasonId !== null || a.observed.verdict !== null ? a.observed : b.observed;
  const fault = wire.segment?.fault ?? line.segment?.fault ?? null;
  return {
    ...wire,
    kinds: [...new Set([...a.kinds, ...b.kinds])],
    segment:
      segment === null
        ? null
        : { ...segment, fault, isDropped: (wire.segment?.isDropped ?? false) || (line.segment?.isDropped ?? false) },
    datagram,
    observed,
    message: a.message ?? b.message,
    cited: [...a.cited, ...b.cited],
  };
}

/**
 * The captured packet that a sighting without numbers, or without a time (nft prints neither), is most likely of: the first of its kind
 * that no such sighting was of yet; NULL: there is none.
 */
function likeliest(kept: readonly Kept[], packet: FlowPacket): number | null {
  if (packet.segment === null || packet.kinds.includes('capture')) return null;
  if (packet.segment.seq !== null && packet.atUs !== null) return null;
  const { window } = packet.segment;
  const found = kept.findIndex(
    ({ packet: one }) =>
      one.kinds.includes('capture') &&
      !one.kinds.some((kind) => packet.kinds.includes(kind)) &&
      one.from === packet.from &&
      one.flagWords === packet.flagWords &&
      (one.len === packet.len || one.len === null || packet.len === null) &&
      (one.ipId === packet.ipId || one.ipId === null || packet.ipId === null) &&
      (window === null || one.segment?.window === window) &&
      (one.atUs === null ||
        packet.atUs === null ||
        Math.abs(one.atUs - packet.atUs) <= SAME_WITHIN_US + one.errorUs + packet.errorUs),
  );
  return found < 0 ? null : found;
}

function inOrderOfTime(packets: readonly FlowPacket[]): readonly FlowPacket[] {
  return packets
    .map((packet, at) => ({ packet, at }))
    .sort(
      (a, b) =>
        (a.packet.atUs ?? Number.POSITIVE_INFINITY) - (b.packet.atUs ?? Number.POSITIVE_INFINITY) || a.at - b.at,
    )
    .map(({ packet }) => packet);
}

/** A packet, and when its line says that it came, where it has one. */
interface Kept {
  packet: FlowPacket;
  lineUs: number | null;
}

/** Every packet once, in order of time; what has no time keeps its place behind. */
function onceEach(sightings: readonly FlowPacket[]): readonly FlowPacket[] {
  const kept: Kept[] = [];
  const lastOf = new Map<string, number>();
  const join = (one: Kept, packet: FlowPacket) => {
    one.lineUs = lineTime(packet) ?? one.lineUs;
    one.packet = together(one.packet, packet);
  };
  for (const packet of inOrderOfTime(sightings)) {
    const identity = identityOf(packet);
    const known = identity === null ? undefined : lastOf.get(identity);
    if (known !== undefined && areOne(kept[known]!.packet, packet)) {
      join(kept[known]!, packet);
      continue;
    }
    const like = likeliest(kept, packet);
    if (like !== null) {
      join(kept[like]!, packet);
      continue;
    }
    if (identity !== null) lastOf.set(identity, kept.length);
    kept.push({ packet, lineUs: lineTime(packet) });
  }
  return inOrderOfTime(onOneClock(kept));
}

function lineTime({ kinds, atUs }: FlowPacket): number | null {
  return kinds.includes('capture') ? null : atUs;
}

/**
 * A log's clock may be off by more than lies between two packets. Lines that are known as packets of a capture tell by how much; the
 * others are moved as the one before them, so that they keep their place among them.
 */
function onOneClock(kept: readonly Kept[]): readonly FlowPacket[] {
  const offsetOf = ({ packet, lineUs }: Kept) =>
    packet.kinds.includes('capture') && packet.atUs !== null && lineUs !== null ? packet.atUs - lineUs : null;
  const lines = kept.filter(({ lineUs }) => lineUs !== null).sort((a, b) => a.lineUs! - b.lineUs!);
  let offsetUs = lines.map(offsetOf).find((offset) => offset !== null) ?? 0;
  const moved = new Map<Kept, FlowPacket>();
  for (const line of lines) {
    const offset = offsetOf(line);
    if (offset !== null) offsetUs = offset;
    else moved.set(line, { ...line.packet, atUs: line.lineUs! + offsetUs });
  }
  return kept.map((one) => moved.get(one) ?? one.packet);
}
