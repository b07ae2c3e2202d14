// Packet by packet: what would the tracker have answered, what did the kernel answer, and where did it go wrong first?

import { TCP_STATES } from '../../catalogue/tcp-states.js';
import type { EvidenceItem } from '../../model/finding.js';
import type { TupleRow } from '../../store/case-reader.js';
import type { CheckName, KeptOutcome, TimeoutRule, Verdict } from '../../tracker/outcome.js';
import { SYN } from '../../tracker/packet.js';
import { readSettings } from '../../tracker/settings.js';
import { type DatagramJudgement, followDatagrams } from '../../tracker/unseen/follow-datagrams.js';
import { followTcp, type Judgement } from '../../tracker/unseen/follow-tcp.js';
import { isVerdict, type Observed } from '../../tracker/unseen/observed.js';
import { type Amount, amount, type SeqRange } from '../../tracker/unseen/range.js';
import { boundRange } from '../../tracker/unseen/window-branches.js';
import { type SideRange, sideOfAll, type World } from '../../tracker/unseen/world.js';
import type { FlowPacket } from './flow-packet.js';
import { gapsOf } from './gaps.js';
import type { FlowRecords } from './read-flow.js';
import type { ReplaySettings } from './settings.js';

export type Bounds = Readonly<Record<CheckName, SeqRange | null>>;

export interface ReplayRow {
  /** From 1. */
  readonly number: number;
  readonly packet: FlowPacket;
  /** Packets may have gone by unseen in front of it. */
  readonly isAfterGap: boolean;
  /** Possible by the model alone; one: it is known. */
  readonly verdicts: readonly Verdict[];
  /** The verdict that stands: the model's where it knows, else the one that was observed; NULL: it cannot be known. */
  readonly verdict: Verdict | null;
  readonly agreement: 'agrees' | 'disagrees' | 'narrows' | null;
  readonly stateBefore: readonly string[];
  readonly stateAfter: readonly string[];
  readonly reasonId: string | null;
  /** What this kernel prints of it; NULL: nothing, or it cannot be known. */
  readonly message: string | null;
  readonly isIgnored: boolean;
  readonly isForgiven: boolean;
  readonly failed: CheckName | null;
  readonly bounds: Bounds | null;
  /** Of end 0 and end 1, in front of the packet and behind it; NULL: no entry, or not TCP. */
  readonly sidesBefore: readonly [SideRange | null, SideRange | null];
  readonly sidesAfter: readonly [SideRange | null, SideRange | null];
  readonly timeoutMs: Amount | null;
  readonly timeoutRule: TimeoutRule | null;
  /** The entry had run out so long before (milliseconds); NULL: it had not, or it may not have. */
  readonly expiredMs: Amount | null;
  readonly isExact: boolean;
  /** For questions about another kernel or other settings. */
  readonly worlds: readonly World[];
}

export interface Replay {
  readonly flow: TupleRow;
  readonly settings: ReplaySettings;
  readonly rows: readonly ReplayRow[];
  /** Index of the first row where things went wrong; NULL: nowhere. */
  readonly wrongAt: number | null;
  readonly assumptions: readonly string[];
  readonly isCut: boolean;
}

/**
 * Replays a connection. Throws RangeError as createTracker does.
 * @param observes whether the kernel's own answers are looked at: they strike out what cannot have been
 */
export function replay(records: FlowRecords, settings: ReplaySettings, observes = true): Replay {
  const options = { kernel: settings.kernel, sysctls: settings.sysctls };
  const gaps = gapsOf(records, shortestLifeMs(options));
  const first = records.packets[0]!;
  const isTcp = first.segment !== null;
  const rows = isTcp ? tcpRows(records, options, gaps, observes) : datagramRows(records, options, gaps, observes);
  return {
    flow: records.flow,
    settings,
    rows,
    wrongAt: firstWrong(rows),
    assumptions: gaps.assumptions,
    isCut: records.isCut,
  };
}

type Gaps = ReturnType<typeof gapsOf>;
type Options = Parameters<typeof followTcp>[0];

const OPEN_STATES = [TCP_STATES.indexOf('SYN_SENT'), TCP_STATES.indexOf('SYN_RECV'), TCP_STATES.indexOf('ESTABLISHED')];

/** The least that a connection lives which nobody has closed. */
function shortestLifeMs({ sysctls, kernel }: Options): number {
  const { tcpTimeoutsMs, maxRetransMs, unacknowledgedMs } = readSettings(sysctls, kernel);
  return Math.min(maxRetransMs, unacknowledgedMs, ...OPEN_STATES.map((state) => tcpTimeoutsMs[state]!));
}

function observedOf(packet: FlowPacket, observes: boolean): Observed {
  return observes ? packet.observed : { verdict: null, reasonId: null, number: null, isSilent: false };
}

function tcpRows(records: FlowRecords, options: Options, gaps: Gaps, observes: boolean): readonly ReplayRow[] {
  const follower = followTcp(options, gaps.startsEmpty);
  const rows: ReplayRow[] = [];
  for (const [at, packet] of records.packets.entries()) {
    if (packet.segment === null) continue;
    const gap = gaps.before[at]!;
    for (const fact of gap.facts) {
      if (fact.kind === 'gone') follower.noteGone();
      // Where every packet was seen, the model knows the state better than an event that came some time after.
      else if (gap.isGap || !follower.isExact)
        follower.noteState(TCP_STATES.indexOf(fact.state), fact.opener, fact.isAssured, fact.endsMs);
    }
    if (gap.isGap) follower.miss(gap.mayOpen);
    const judgement = follower.judge(packet.segment, observedOf(packet, observes));
    rows.push(rowOf(rows.length + 1, packet, gap.isGap, judgement));
  }
  return rows;
}

function statesOf(worlds: readonly World[]): readonly string[] {
  const numbers = [...new Set(worlds.map((world) => world.state))].sort((a, b) => a - b);
  return numbers.map((number) => TCP_STATES[number] ?? 'NONE');
}

function rowOf(number: number, packet: FlowPacket, isAfterGap: boolean, judgement: Judgement): ReplayRow {
  const { branches, left, outcome, agreement } = judgement;
  const stands = left.length > 0 ? left : branches;
  const verdicts = judgement.verdicts;
  const told = [...new Set(left.map((branch) => branch.verdict))];
  const verdict = agreement === 'disagrees' ? packet.observed.verdict : told.length === 1 ? told[0]! : null;
  const reasons = new Set(stands.map((branch) => branch.reasonId));
  const messages = new Set(stands.map((branch) => branch.message));
  const fails = new Set(stands.map((branch) => branch.failed));
  const before = stands.map((branch) => branch.before);
  const from = packet.segment!.from;
  const ranWindow = before.some((world) => world.state !== 0) && (outcome === null || outcome.check.isRun);
  return {
    number,
    packet,
    isAfterGap,
    verdicts,
    verdict,
    agreement,
    stateBefore: statesOf(before),
    stateAfter: statesOf(judgement.after),
    reasonId: reasons.size === 1 ? [...reasons][0]! : null,
    message: messages.size === 1 ? [...messages][0]! : null,
    isIgnored: stands.every((branch) => branch.isIgnored),
    isForgiven: stands.every((branch) => branch.isForgiven),
    failed: fails.size === 1 ? [...fails][0]! : null,
    bounds: ranWindow ? boundsOf(outcome, before, from) : null,
    sidesBefore: [sideOfAll(before, 0), sideOfAll(before, 1)],
    sidesAfter: [sideOfAll(judgement.after, 0), sideOfAll(judgement.after, 1)],
    timeoutMs: timeoutsOf(stands.map((branch) => branch.timeoutMs)),
    timeoutRule: outcome?.timeoutRule ?? null,
    expiredMs: judgement.expiredMs,
    isExact: outcome !== null,
    worlds: before,
  };
}

function timeoutsOf(all: readonly (Amount | null)[]): Amount | null {
  const set = all.filter((one) => one !== null);
  if (set.length === 0 || set.length < all.length) return null;
  return amount(Math.min(...set.map((one) => one.lo)), Math.max(...set.map((one) => one.hi)));
}

/** The bounds as the check used them: with the corrections that the segment itself brought, where everything was seen. */
function boundsOf(outcome: KeptOutcome | null, before: readonly World[], from: 0 | 1): Bounds | null {
  if (outcome !== null) {
    const { upperSeq, lowerSeq, upperAck, lowerAck } = outcome.check;
    const at = (number: number) => ({ from: number, span: 0 });
    return { I: at(upperSeq), II: at(lowerSeq), III: at(upperAck), IV: at(lowerAck) };
  }
  const alive = before.filter((world) => world.state !== 0);
  if (alive.length === 0) return null;
  const sides = [sideOfAll(alive, 0)!, sideOfAll(alive, 1)!] as const;
  const world = { ...alive[0]!, sides };
  return {
    I: boundRange('I', world, from),
    II: boundRange('II', world, from),
    III: boundRange('III', world, from),
    IV: boundRange('IV', world, from),
  };
}

function datagramRows(records: FlowRecords, options: Options, gaps: Gaps, observes: boolean): readonly ReplayRow[] {
  const follower = followDatagrams(options, gaps.startsEmpty);
  const rows: ReplayRow[] = [];
  for (const [at, packet] of records.packets.entries()) {
    const { datagram } = packet;
    if (datagram === null) continue;
    const gap = gaps.before[at]!;
    for (const fact of gap.facts) if (fact.kind === 'gone') follower.noteGone();
    if (gap.isGap) follower.miss();
    rows.push(datagramRow(rows.length + 1, packet, gap.isGap, follower.judge(datagram, observedOf(packet, observes))));
  }
  return rows;
}

function datagramRow(number: number, packet: FlowPacket, isAfterGap: boolean, judged: DatagramJudgement): ReplayRow {
  const { outcomes, outcome, verdicts, agreement } = judged;
  const kept = outcomes.filter(
    (one) => packet.observed.verdict === null || isVerdict(packet.observed.verdict, one.verdict),
  );
  const stands = kept.length > 0 ? kept : outcomes;
  const told = [...new Set(stands.map((one) => one.verdict))];
  const reasons = new Set(stands.map((one) => one.reasonId));
  const messages = new Set(stands.map((one) => one.message));
  const timeouts = stands.map((one) => (one.timeoutMs === null ? null : amount(one.timeoutMs)));
  const words = (one: KeptOutcome) => (one.hasReply ? (one.isAssured ? 'ASSURED' : 'REPLIED') : 'UNREPLIED');
  return {
    number,
    packet,
    isAfterGap,
    verdicts,
    verdict: agreement === 'disagrees' ? packet.observed.verdict : told.length === 1 ? told[0]! : null,
    agreement,
    stateBefore: [],
    stateAfter: [...new Set(stands.map(words))],
    reasonId: reasons.size === 1 ? [...reasons][0]! : null,
    message: messages.size === 1 ? [...messages][0]! : null,
    isIgnored: false,
    isForgiven: false,
    failed: null,
    bounds: null,
    sidesBefore: [null, null],
    sidesAfter: [null, null],
    timeoutMs: timeoutsOf(timeouts),
    timeoutRule: outcome?.timeoutRule ?? null,
    expiredMs: judged.expiredMs === null ? null : amount(judged.expiredMs),
    isExact: outcome !== null,
    worlds: [],
  };
}

/** Refused, dropped, outside of the window, or not as the kernel had it. */
export function isWrong(row: ReplayRow): boolean {
  return (
    row.verdict === 'INVALID' ||
    row.verdict === 'DROP' ||
    row.failed !== null ||
    row.agreement === 'disagrees' ||
    (row.expiredMs !== null && row.verdict !== 'NEW') ||
    (row.expiredMs !== null && ((row.packet.segment?.flags ?? 0) & SYN) === 0)
  );
}

function firstWrong(rows: readonly ReplayRow[]): number | null {
  const at = rows.findIndex(isWrong);
  return at < 0 ? null : at;
}

/** Records that a row rests on. */
export function citedBy(row: ReplayRow): readonly EvidenceItem[] {
  return row.packet.cited;
}
