// A random conversation with packets hidden and numbers taken away: is what the model says of the rest ever wrong? The tracker that saw it
// all must always be among its worlds, and where it names one verdict it is the tracker's.

import { parseKernelVersion } from '../../src/catalogue/kernel-version.js';
import type { Entry } from '../../src/tracker/entry.js';
import { SYN, type TcpPacket } from '../../src/tracker/packet.js';
import { createTracker } from '../../src/tracker/tracker.js';
import { followTcp, type Judgement } from '../../src/tracker/unseen/follow-tcp.js';
import { NOTHING_OBSERVED, type Observed } from '../../src/tracker/unseen/observed.js';
import { type Amount, amount, contains, type SeqRange } from '../../src/tracker/unseen/range.js';
import type { Segment } from '../../src/tracker/unseen/segment.js';
import { type World, worldOf } from '../../src/tracker/unseen/world.js';
import { generateSequence } from './generate.js';
import { PROFILES, settingsFor } from './profiles.js';
import { createRandom, type Random } from './random.js';
import { packetOf, placeOf } from './sequence.js';

const RELEASES = [
  '2.6.32',
  '3.16.7',
  '4.9.1',
  '5.4.1',
  '5.10.223',
  '5.15.20',
  '6.0.1',
  '6.1.170',
  '6.12.100',
  '6.18.44',
  '7.3.1',
];
export interface Hiding {
  /** Of a hundred packets so many are hidden. */
  readonly hidden: number;
  /** Of a hundred packets so many have a number taken away. */
  readonly blunted: number;
  /** Of a hundred packets so many have the kernel's verdict beside them, and so many of these its message. */
  readonly observed: number;
  /** A SYN or an opening packet is hidden too. */
  readonly hidesOpenings: boolean;
  readonly isKnownEmpty: boolean;
}

/** What the world says otherwise than the entry is; empty: it holds it. */
function faultsOf(entry: Entry | null, world: World, atMs: number): readonly string[] {
  // A packet without a readable tuple looks nothing up: what ran out before it is gone all the same.
  if (entry === null || !entry.isConfirmed)
    return world.state === 0 || world.endsMs.hi <= atMs ? [] : ['there is no entry'];
  const truth = worldOf(entry, entry.original.a === 80 ? 1 : 0);
  if (world.state !== truth.state || world.opener !== truth.opener) return [`state ${truth.state} of ${truth.opener}`];
  const faults: string[] = [];
  const is = (name: string, known: boolean | null, truly: boolean | null) => {
    if (known !== null && known !== truly) faults.push(`${name} is ${truly}`);
  };
  const number = (name: string, known: SeqRange | null, truly: SeqRange | null) => {
    if (!contains(known, truly!.from)) faults.push(`${name} ${truly!.from} not in ${JSON.stringify(known)}`);
  };
  const figure = (name: string, known: Amount, truly: number) => {
    if (truly < known.lo || truly > known.hi) faults.push(`${name} ${truly} not in ${JSON.stringify(known)}`);
  };
  is('hasReply', world.hasReply, truth.hasReply);
  is('isAssured', world.isAssured, truth.isAssured);
  is('closedFirst', world.closedFirst, truth.closedFirst);
  figure('endsMs', world.endsMs, entry.deadlineMs);
  for (const end of [0, 1] as const) {
    const [side, known] = [truth.sides[end], world.sides[end]];
    // Of a side that was not seen, nothing counts.
    if (side.maxWin.lo === 0 && known.maxWin.lo === 0) continue;
    number(`end of ${end}`, known.end, side.end);
    number(`maxEnd of ${end}`, known.maxEnd, side.maxEnd);
    figure(`maxWin of ${end}`, known.maxWin, side.maxWin.lo);
    figure(`scale of ${end}`, known.scale, side.scale.lo);
    is(`hasMaxAck of ${end}`, known.hasMaxAck, side.hasMaxAck);
    if (side.hasMaxAck === true) number(`maxAck of ${end}`, known.maxAck, side.maxAck);
    is(`isLiberal of ${end}`, known.isLiberal, side.isLiberal);
    is(`permitsSack of ${end}`, known.permitsSack, side.permitsSack);
  }
  return faults;
}

function segmentOf(packet: TcpPacket, random: Random, blunted: number): Segment {
  const isBlunted = random.chance(blunted / 100);
  const kind = isBlunted ? random.below(4) : -1;
  return {
    atMs: packet.atMs,
    errorMs: 0,
    from: packet.dport === 80 ? 0 : 1,
    flags: packet.flags,
    seq: kind === 0 ? null : packet.seq,
    ack: kind === 0 ? null : packet.ack,
    window: kind === 1 ? null : packet.window,
    payload:
      kind === 2
        ? amount(Math.max(0, packet.payload - 12), packet.payload + 3)
        : packet.payload === 0 && kind === 0
          ? null
          : amount(packet.payload),
    options: kind >= 2 ? null : packet.options,
    hasOptions: kind < 2,
    fault: packet.fault,
    isDropped: false,
  };
}

const NUMBERED = /(?:upper|lower) bound (\d+)|^nf_ct_proto_6: (\d+) bytes more/;

export interface Run {
  readonly judged: number;
  readonly sure: number;
  /** Where the follower was wrong; it should have none. */
  readonly faults: readonly string[];
}

export function playHidden(seed: number, hiding: Hiding): Run {
  const random = createRandom(seed);
  const kernel = parseKernelVersion(random.pick(RELEASES))!;
  const profile = random.pick(PROFILES);
  const settings = settingsFor(profile, random, kernel);
  const sequence = generateSequence(random, { kernel, settings, hasPauses: profile.hasPauses });
  if (sequence.proto !== 'tcp') return { judged: 0, sure: 0, faults: [] };
  const place = placeOf(sequence.family, 0, 0);
  const truth = createTracker({ kernel, sysctls: settings });
  const follower = followTcp({ kernel, sysctls: settings }, hiding.isKnownEmpty);
  let atMs = 0;
  let hasGap = !hiding.isKnownEmpty;
  let mayOpen = false;
  let judged = 0;
  let sure = 0;
  const faults: string[] = [];
  for (const [at, step] of sequence.steps.entries()) {
    atMs += step.waitMs + random.below(40);
    if (step.kind !== 'tcp') continue;
    const packet = packetOf(step, sequence, place, atMs) as TcpPacket;
    const met = truth.peek(packet);
    const isOpening = (packet.flags & SYN) !== 0 || met === null || met.deadlineMs <= atMs;
    const out = truth.track(packet);
    const isHidden = random.chance(hiding.hidden / 100) && (hiding.hidesOpenings || !isOpening);
    if (isHidden) {
      hasGap = true;
      mayOpen ||= isOpening;
      continue;
    }
    if (hasGap && at > 0) follower.miss(mayOpen || !hiding.isKnownEmpty);
    hasGap = false;
    mayOpen = false;
    const isSeen = random.chance(hiding.observed / 100);
    const number = NUMBERED.exec(out.message ?? '');
    const observed: Observed = isSeen
      ? {
          verdict: out.verdict,
          reasonId: out.message !== null && random.chance(0.5) ? out.reasonId : null,
          number: number === null ? null : Number(number[1] ?? number[2]),
          isSilent: out.message === null,
        }
      : NOTHING_OBSERVED;
    const segment = segmentOf(packet, random, hiding.blunted);
    const judgement = follower.judge(segment, observed);
    const where = `seed ${seed} step ${at} ${kernel.release} ${step.from} ${step.flags} seq ${step.seq} ack ${step.ack}`;
    faults.push(...wrongIn(judgement, out).map((what) => `${where}: ${what}`));
    const left = truth.peek(packet);
    // What ran out and nobody looked up since is there no longer.
    const entry = left === null || left.deadlineMs <= atMs ? null : left;
    const missed = judgement.after.map((world) => faultsOf(entry, world, atMs));
    if (!missed.some((found) => found.length === 0))
      faults.push(`${where}: the entry is in no world: ${JSON.stringify(missed)}`);
    // What it goes on from is wrong: all that follows would be.
    if (faults.length > 0) break;
    judged += 1;
    if (judgement.verdicts.length === 1) sure += 1;
  }
  return { judged, sure, faults };
}

function wrongIn(judgement: Judgement, out: ReturnType<ReturnType<typeof createTracker>['track']>): readonly string[] {
  const wrong: string[] = [];
  if (judgement.agreement === 'disagrees') wrong.push('it disagrees with what was observed');
  if (!judgement.verdicts.includes(out.verdict)) wrong.push(`${out.verdict} is not among ${judgement.verdicts.join()}`);
  const fits = judgement.branches.some(
    (branch) =>
      branch.verdict === out.verdict &&
      (branch.message === null) === (out.message === null) &&
      (branch.message === null || branch.reasonId === out.reasonId) &&
      (branch.message === null || branch.message === out.message || branch.message.includes('?')),
  );
  const branches = judgement.branches.map(({ verdict, reasonId, message }) => [verdict, reasonId, message]);
  if (!fits) wrong.push(`${out.reasonId} ${out.message} is not among ${JSON.stringify(branches)}`);
  return wrong;
}

const NOTHING: Hiding = { hidden: 0, blunted: 0, observed: 0, hidesOpenings: false, isKnownEmpty: true };

/** Ways to see less than everything, by name. */
export const HIDINGS = {
  nothing: NOTHING,
  packets: { ...NOTHING, hidden: 15 },
  openings: { ...NOTHING, hidden: 25, hidesOpenings: true },
  numbers: { ...NOTHING, blunted: 20 },
  some: { ...NOTHING, hidden: 15, blunted: 5 },
  'some, answered': { ...NOTHING, hidden: 15, blunted: 5, observed: 100 },
  'the beginning': { ...NOTHING, isKnownEmpty: false, observed: 100 },
} as const satisfies Readonly<Record<string, Hiding>>;
