// What would the tracker answer to UDP packets and ICMP queries of one flow, where some were not seen? An entry of these is either not
// there, unanswered or answered: few enough to ask a tracker in each of these conditions.

import type { TrackerOptions } from '../open-context.js';
import { type KeptOutcome, keepOutcome, type Verdict } from '../outcome.js';
import type { IcmpPacket, UdpPacket } from '../packet.js';
import { createTracker, type Tracker } from '../tracker.js';
import { isObserved, isVerdict, type Observed } from './observed.js';

export type Datagram = UdpPacket | IcmpPacket;

export interface DatagramJudgement {
  /** Every verdict that is possible by the model alone. */
  readonly verdicts: readonly Verdict[];
  readonly outcomes: readonly KeptOutcome[];
  /** Set where nothing had to be guessed. */
  readonly outcome: KeptOutcome | null;
  readonly agreement: 'agrees' | 'disagrees' | 'narrows' | null;
  /** How long ago the entry ran out, milliseconds; NULL: none did. */
  readonly expiredMs: number | null;
}

export interface DatagramFollower {
  judge(packet: Datagram, observed: Observed): DatagramJudgement;
  /** Packets may have gone by that no record shows. */
  miss(): void;
  noteGone(): void;
}

/** The packet as the other side would send it; for ICMP the answer to a query, NULL when there is none. */
function turned(packet: Datagram): Datagram | null {
  const ends = { src: packet.dst, dst: packet.src };
  if (packet.proto === 'udp') return { ...packet, ...ends, sport: packet.dport, dport: packet.sport };
  const answer = { icmp: [8, 0, 13, 14, 15, 16, 17, 18], icmpv6: [128, 129, 139, 140] }[packet.proto];
  const at = answer.indexOf(packet.type);
  return at < 0 ? null : { ...packet, ...ends, type: answer[at % 2 === 0 ? at + 1 : at - 1]! };
}

/** A tracker that has just seen these packets; a millisecond before the given one. */
function after(options: TrackerOptions, packets: readonly Datagram[]): Tracker {
  const tracker = createTracker(options);
  for (const packet of packets) tracker.track({ ...packet, atMs: packet.atMs - 1, fault: null, isDropped: false });
  return tracker;
}

/** A follower of one flow. @param isEmpty the table is known (or taken) to have no entry for it */
export function followDatagrams(options: TrackerOptions, isEmpty: boolean): DatagramFollower {
  let trackers: readonly Tracker[] | null = isEmpty ? [createTracker(options)] : null;

  /** Every condition that the entry may be in. */
  function anyCondition(packet: Datagram): readonly Tracker[] {
    const back = turned(packet);
    const empty = createTracker(options);
    if (back === null) return [empty, after(options, [packet])];
    return [
      empty,
      after(options, [packet]),
      after(options, [back]),
      after(options, [packet, back]),
      after(options, [back, packet]),
    ];
  }

  return {
    judge(packet, observed) {
      const here = trackers ?? anyCondition(packet);
      const met = here.length === 1 ? here[0]!.peek(packet) : null;
      const expiredMs = met !== null && met.deadlineMs <= packet.atMs ? packet.atMs - met.deadlineMs : null;
      const judged = here.map((tracker) => ({ tracker, outcome: keepOutcome(tracker.track(packet)) }));
      const outcomes = judged.map(({ outcome }) => outcome);
      const verdicts = [...new Set(outcomes.map(({ verdict }) => verdict))];
      const fits = ({ outcome }: (typeof judged)[number]) =>
        (observed.verdict === null || isVerdict(observed.verdict, outcome.verdict)) &&
        (observed.reasonId === null || observed.reasonId === outcome.reasonId);
      const left = judged.filter(fits);
      const outcome = outcomes.length === 1 ? outcomes[0]! : null;
      const judgement = { verdicts, outcomes, outcome, expiredMs };
      if (left.length === 0) {
        trackers = null;
        return { ...judgement, agreement: 'disagrees' };
      }
      trackers = left.map(({ tracker }) => tracker);
      const agreement = !isObserved(observed) ? null : verdicts.length === 1 ? 'agrees' : 'narrows';
      return { ...judgement, agreement };
    },
    miss() {
      trackers = null;
    },
    noteGone() {
      trackers = [createTracker(options)];
    },
  };
}
