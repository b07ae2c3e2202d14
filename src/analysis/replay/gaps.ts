// Between which packets of a connection could others have gone by that no record shows? A capture shows every one, but for what it lost;
// so does a trace of all packets; log lines show those that some rule cared about.

import { TCP_STATES } from '../../catalogue/tcp-states.js';
import type { EventRow } from '../../store/evidence-reader.js';
import { ACK, FIN, RST, SYN } from '../../tracker/packet.js';
import { distance, plus } from '../../tracker/serial.js';
import { type Amount, amount } from '../../tracker/unseen/range.js';
import type { End } from '../../tracker/unseen/world.js';
import { endWords } from '../causes/words.js';
import type { FlowPacket, SightingKind } from './flow-packet.js';
import { type Hole, holesOf } from './holes.js';
import { grouped } from './numbers.js';
import type { FlowRecords, Watch } from './read-flow.js';

export type Fact =
  | { readonly kind: 'gone' }
  | {
      readonly kind: 'state';
      readonly state: (typeof TCP_STATES)[number];
      readonly opener: End;
      readonly isAssured: boolean | null;
      readonly endsMs: Amount | null;
    };

export interface Gap {
  readonly isGap: boolean;
  /** A SYN, or another packet that opens an entry, could be among the unseen. */
  readonly mayOpen: boolean;
  /** Records that tell of the entry between the packet before and this one. */
  readonly facts: readonly Fact[];
}

export interface Gaps {
  /** The table is taken to have no entry for the connection in front of the first packet. */
  readonly startsEmpty: boolean;
  readonly before: readonly Gap[];
  readonly assumptions: readonly string[];
}

/** What the records of a connection can show: by which of them each packet from `first` to `last` is shown, but for losses. */
interface Cover {
  readonly is: 'every packet' | 'one direction' | 'some packets';
  readonly by: SightingKind | null;
  readonly first: number;
  readonly last: number;
}

function coverBy(packets: readonly FlowPacket[], kind: SightingKind): Cover | null {
  const watchers = packets.filter((packet) => packet.kinds.includes(kind));
  if (watchers.length === 0) return null;
  const isBoth = new Set(watchers.map((packet) => packet.from)).size === 2;
  return {
    is: isBoth || repliesWouldShow(watchers) ? 'every packet' : 'one direction',
    by: kind,
    first: packets.indexOf(watchers[0]!),
    last: packets.lastIndexOf(watchers.at(-1)!),
  };
}

function coverOf({ packets, watch }: FlowRecords): Cover {
  const captured = coverBy(packets, 'capture');
  if (captured !== null) return captured;
  const traced = watch.tracesSome || !tracesAll(packets) ? null : coverBy(packets, 'trace');
  if (traced !== null) return traced;
  const is = isLoggedThroughout(packets) ? 'every packet' : 'some packets';
  return { is, by: 'log', first: 0, last: packets.length - 1 };
}

/** A trace of what is refused, or of some packets a second, leaves holes in the numbers. */
function tracesAll(packets: readonly FlowPacket[]): boolean {
  const traced = packets.filter((packet) => packet.kinds.includes('trace'));
  return traced.some(({ observed }) => observed.verdict !== 'INVALID') && holesOf(traced).length === 0;
}

/** Only one side was ever seen: nobody answered, as its packets show no acknowledgement. */
function repliesWouldShow(watchers: readonly FlowPacket[]): boolean {
  return watchers.every(({ segment }) => segment === null || (segment.flags & ACK) === 0);
}

/** A log that holds the whole handshake, both directions, and no hole in the numbers: the rule logs everything. */
function isLoggedThroughout(packets: readonly FlowPacket[]): boolean {
  const [first, second, third] = packets.map((packet) => packet.segment);
  if (first === undefined || first === null || second == null || third == null) return false;
  const isHandshake =
    (first.flags & (SYN | ACK)) === SYN &&
    second.from !== first.from &&
    (second.flags & (SYN | ACK)) === (SYN | ACK) &&
    third.from === first.from &&
    (third.flags & (SYN | ACK)) === ACK;
  if (!isHandshake) return false;
  const ends: (number | null)[] = [null, null];
  for (const { segment } of packets) {
    if (segment === null || segment.seq === null || segment.payload === null) return false;
    const { seq, payload, flags, from } = segment;
    const known = ends[from];
    if (known != null && distance(seq, known) > 0) return false;
    const peer = ends[from === 0 ? 1 : 0];
    if ((flags & ACK) !== 0 && segment.ack !== null && peer != null && distance(segment.ack, peer) > 0) return false;
    const end = plus(seq, payload.hi + ((flags & SYN) === 0 ? 0 : 1) + ((flags & FIN) === 0 ? 0 : 1));
    if (known == null || distance(end, known) > 0) ends[from] = end;
  }
  return true;
}

/** An event is printed some time after its packet. */
const EVENT_ERROR_US = 1000;
/** The connection is the same one where its numbers go on within this distance. */
const SAME_STREAM = 1 << 24;

/**
 * What the records leave open between the packets of a connection.
 * @param shortestLifeMs the least that an open connection lives after a packet: within it no other can have taken its place
 */
export function gapsOf(records: FlowRecords, shortestLifeMs: number): Gaps {
  const { packets, events, flow, watch, bareNumbers } = records;
  const cover = coverOf(records);
  const isWatched = cover.is === 'every packet';
  const first = packets[0]!;
  const isOpening = first.segment === null || (first.segment.flags & (SYN | ACK)) === SYN;
  const isSeenNew = first.observed.verdict === 'NEW';
  const logsNew = packets.some((packet) => packet.observed.verdict === 'NEW');
  const startsEmpty = first.segment === null ? isSeenNew : isOpening && ((isWatched && cover.first === 0) || isSeenNew);
  const lost = isWatched ? lossesIn(packets, cover, watch) : null;
  const before = packets.map((packet, at): Gap => {
    const isInside = isWatched && at > cover.first && at <= cover.last && lost?.inFrontOf.has(at) !== true;
    const isGap = at > 0 && !isInside;
    return {
      isGap,
      mayOpen: isWatched ? !isSameStream(packets, at, shortestLifeMs) : !logsNew,
      facts: factsBetween(events, packets[at - 1] ?? null, packet, flow.id),
    };
  });
  const assumptions: string[] = [];
  if (startsEmpty) assumptions.push('the table had no entry of these ports before the first packet');
  if (isWatched && packets.length > 1) assumptions.push(...watchedWords(records, cover, lost!, before));
  if (bareNumbers > 0)
    assumptions.push(
      `${grouped(bareNumbers)} bare ACKs stand behind what their side had sent: tcpdump's text tells no number of them`,
    );
  if (cover.is === 'one direction')
    assumptions.push('only one direction was recorded: the other one may have sent anything between these packets');
  if (cover.is === 'some packets' && packets.length > 1)
    assumptions.push(
      `the log shows some packets only: others went by between them${logsNew ? '; none of them a SYN, for NEW packets are logged' : ''}`,
    );
  return { startsEmpty, before, assumptions };
}

interface Losses {
  /** Indexes of packets in front of which others are missing. */
  readonly inFrontOf: ReadonlySet<number>;
  readonly holes: readonly Hole[];
  readonly told: readonly string[];
}

function lossesIn(packets: readonly FlowPacket[], cover: Cover, watch: Watch): Losses {
  const inFrontOf = new Set<number>();
  const isWhole = (atUs: number | null) =>
    watch.isWhole || (atUs !== null && watch.whole.some(({ fromUs, toUs }) => within(atUs, fromUs, toUs)));
  const holes = holesOf(packets).filter(
    ({ after, before }) => !(isWhole(packets[after]!.atUs) && isWhole(packets[before]!.atUs)),
  );
  for (const { after, before } of holes) for (let at = after + 1; at <= before; at += 1) inFrontOf.add(at);
  const told = new Set<string>();
  for (const loss of watch.isWhole ? [] : watch.losses) {
    if ((loss.of === 'capture') !== (cover.by === 'capture')) continue;
    packets.forEach((packet, at) => {
      const previousUs = packets[at - 1]?.atUs ?? null;
      if (at === 0 || packet.atUs === null || previousUs === null) return;
      if ((loss.fromUs ?? previousUs) > packet.atUs || (loss.toUs ?? packet.atUs) < previousUs) return;
      inFrontOf.add(at);
      told.add(loss.why);
    });
  }
  return { inFrontOf, holes, told: [...told] };
}

function within(atUs: number, fromUs: number | null, toUs: number | null): boolean {
  return (fromUs ?? atUs) <= atUs && atUs <= (toUs ?? atUs);
}

const MOST_HOLES_TOLD = 3;

function watchedWords(
  { packets, flow }: FlowRecords,
  cover: Cover,
  { holes, told }: Losses,
  before: readonly Gap[],
): readonly string[] {
  const name = ({ of }: Hole) => (of === 0 ? endWords(flow.src, flow.sport) : endWords(flow.dst, flow.dport));
  const isMarked = before.some(({ isGap }) => isGap);
  const isCutShort = cover.by !== 'log' && (cover.first > 0 || cover.last < packets.length - 1);
  const more = holes.length - MOST_HOLES_TOLD;
  return [
    `the records show every packet that the tracker met${isMarked ? ', but in front of those marked ~' : ''}`,
    ...told.map((why) => `packets are missing: ${why}`),
    ...holes
      .slice(0, MOST_HOLES_TOLD)
      .map(
        (hole) =>
          `${grouped(distance(hole.to, hole.from))} bytes of ${name(hole)} are in no record, and packet ${hole.before + 1} acknowledges them: the capture lost them, or they went another way (--complete: the latter)`,
      ),
    ...(more > 0 ? [`the same ${more} more time${more === 1 ? '' : 's'}`] : []),
    ...(isCutShort ? ['before and after the capture the log shows some packets only'] : []),
  ];
}

/** Whether what may have gone by in front of a packet is of the same connection: no other one can have opened in between. */
function isSameStream(packets: readonly FlowPacket[], at: number, shortestLifeMs: number): boolean {
  const packet = packets[at]!;
  const previous = packets[at - 1];
  if (previous === undefined || packet.segment === null || packet.atUs === null || previous.atUs === null) return false;
  if (packet.atUs - previous.atUs + packet.errorUs + previous.errorUs >= shortestLifeMs * 1000) return false;
  const { from, seq, flags } = packet.segment;
  if (seq === null || (flags & SYN) !== 0) return false;
  let known: number | null = null;
  for (let earlier = at - 1; earlier >= 0; earlier -= 1) {
    const segment = packets[earlier]!.segment;
    if (segment === null || (segment.flags & (FIN | RST)) !== 0) return false;
    if (segment.from === from && segment.seq !== null) known ??= segment.seq;
  }
  return known !== null && Math.abs(distance(seq, known)) < SAME_STREAM;
}

function factsBetween(
  events: readonly EventRow[],
  previous: FlowPacket | null,
  packet: FlowPacket,
  flowId: number,
): readonly Fact[] {
  if (packet.atUs === null) return [];
  const limitUs = packet.atUs - packet.errorUs;
  const fromUs = previous?.atUs == null ? Number.NEGATIVE_INFINITY : previous.atUs + previous.errorUs;
  const between = events.filter((event) => {
    if (event.atUs === null) return false;
    const errorUs = (event.errorUs ?? 0) + EVENT_ERROR_US;
    return event.atUs + errorUs < limitUs && event.atUs - errorUs > fromUs;
  });
  const last = between.at(-1);
  if (last === undefined) return [];
  if (last.kind === 'DESTROY') return [{ kind: 'gone' }];
  const state = TCP_STATES.find((one) => one === last.state);
  if (state === undefined || state === 'NONE') return [];
  const atMs = last.atUs! / 1000;
  return [
    {
      kind: 'state',
      state,
      opener: last.tupleId === flowId ? 0 : 1,
      isAssured: (last.status ?? '').includes('ASSURED') ? true : null,
      endsMs:
        last.timeoutS === null ? null : amount(atMs + last.timeoutS * 1000 - 2000, atMs + last.timeoutS * 1000 + 2000),
    },
  ];
}
