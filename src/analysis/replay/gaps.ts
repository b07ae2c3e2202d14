// Between which packets of a connection could others have gone by that no record shows? A capture and a trace of all packets show every
// one; log lines show those that some rule cared about.

import { TCP_STATES } from '../../catalogue/tcp-states.js';
import type { EventRow } from '../../store/evidence-reader.js';
import { ACK, FIN, SYN } from '../../tracker/packet.js';
import { distance, plus } from '../../tracker/serial.js';
import { type Amount, amount } from '../../tracker/unseen/range.js';
import type { End } from '../../tracker/unseen/world.js';
import type { FlowPacket } from './flow-packet.js';
import type { FlowRecords } from './read-flow.js';

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

type Cover = 'every packet' | 'one direction' | 'some packets';

/** What the records of a connection can show. */
export function coverOf(packets: readonly FlowPacket[]): Cover {
  const watchers = packets.filter((packet) => packet.kinds.some((kind) => kind !== 'log'));
  const directions = new Set(watchers.map((packet) => packet.from));
  if (directions.size === 2) return 'every packet';
  if (watchers.length > 0) return repliesWouldShow(watchers) ? 'every packet' : 'one direction';
  return isLoggedThroughout(packets) ? 'every packet' : 'some packets';
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

/** What the records leave open between the packets of a connection. */
export function gapsOf({ packets, events, flow }: FlowRecords): Gaps {
  const cover = coverOf(packets);
  const first = packets[0]!;
  const isOpening = first.segment === null || (first.segment.flags & (SYN | ACK)) === SYN;
  const isSeenNew = first.observed.verdict === 'NEW';
  const isWatched = cover === 'every packet';
  const logsNew = packets.some((packet) => packet.observed.verdict === 'NEW');
  const startsEmpty = first.segment === null ? isSeenNew : isOpening && (isWatched || isSeenNew);
  const assumptions: string[] = [];
  if (startsEmpty) assumptions.push('the table had no entry of these ports before the first packet');
  if (isWatched && packets.length > 1) assumptions.push('the records show every packet that the tracker met');
  if (cover === 'one direction')
    assumptions.push('only one direction was recorded: the other one may have sent anything between these packets');
  if (cover === 'some packets' && packets.length > 1)
    assumptions.push(
      `the log shows some packets only: others went by between them${logsNew ? '; none of them a SYN, for NEW packets are logged' : ''}`,
    );
  const before = packets.map((packet, at): Gap => {
    const previous = packets[at - 1];
    const isGap = !isWatched && at > 0;
    return {
      isGap,
      mayOpen: !logsNew,
      facts: factsBetween(events, previous ?? null, packet, flow.id, isWatched),
    };
  });
  return { startsEmpty, before, assumptions };
}

function factsBetween(
  events: readonly EventRow[],
  previous: FlowPacket | null,
  packet: FlowPacket,
  flowId: number,
  isWatched: boolean,
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
  // Where every packet is seen, the model knows the state better than an event that came some time after.
  if (isWatched) return [];
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
