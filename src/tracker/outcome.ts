// What did the tracker make of a packet? One record, filled anew for each packet; keep a copy of what must outlast the next one.

import { type Direction, TCP_STATES, type TcpState } from '../catalogue/tcp-states.js';
import type { Entry, TcpSide } from './entry.js';

/** What a rule on the state sees. DROP: conntrack itself drops it, no rule sees it. */
export type Verdict = 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'UNTRACKED' | 'DROP';

/** Why this timeout: the first of the rules that fits, in the order of the kernel. */
export type TimeoutRule =
  | 'state'
  | 'max-retrans'
  | 'rst'
  | 'inexact-rst'
  | 'unacknowledged'
  | 'zero-window'
  | 'no-reply-yet'
  | 'lowered'
  | 'unreplied'
  | 'replied'
  | 'stream';

export type CheckName = 'I' | 'II' | 'III' | 'IV';

/** The window check of one segment; bounds are the first numbers that are not allowed, as the messages print them. */
export interface WindowCheck {
  /** Whether the segment got as far as the check. */
  isRun: boolean;
  /** What was compared, after the corrections of tcp_in_window(). */
  seq: number;
  end: number;
  ack: number;
  sack: number;
  /** Scaled, as far as the segment was accepted; else as sent. */
  window: number;
  /** I: seq must be before upperSeq. II: end after lowerSeq. III: sack before upperAck. IV: sack after lowerAck. */
  upperSeq: number;
  lowerSeq: number;
  upperAck: number;
  lowerAck: number;
  /** The check that decided, in the order of this kernel; NULL: all hold. */
  failed: CheckName | null;
  /** How many bytes it lies outside, from 1 up; 0 when all hold. */
  byBytes: number;
  /** It failed and was let through: global be_liberal, or the mark of the side. */
  isForgiven: boolean;
}

export interface Outcome {
  verdict: Verdict;
  /** Direction within the entry; NULL without an entry. */
  dir: Direction | null;
  /** Accepted, but not believed: neither state nor timeout changed. */
  isIgnored: boolean;
  /** Id in the reasons catalogue; NULL for a packet without anything remarkable. */
  reasonId: string | null;
  /** What log_invalid prints of it in front of the packet dump, trimmed; NULL: nothing. */
  message: string | null;
  /** A second line about the same packet. */
  followUp: string | null;
  /** TCP only, NULL without an entry. */
  stateBefore: TcpState | null;
  stateAfter: TcpState | null;
  /** What the entry's life was set to; NULL when this packet did not touch it. */
  timeoutMs: number | null;
  timeoutRule: TimeoutRule | null;
  /** The entry went away with this packet, or was replaced by a new one. */
  isClosed: boolean;
  isReopened: boolean;
  readonly check: WindowCheck;
  /** The entry after the packet, live: it changes with the next one. NULL without an entry. */
  entry: Entry | null;
}

export function newOutcome(): Outcome {
  return {
    verdict: 'INVALID',
    dir: null,
    isIgnored: false,
    reasonId: null,
    message: null,
    followUp: null,
    stateBefore: null,
    stateAfter: null,
    timeoutMs: null,
    timeoutRule: null,
    isClosed: false,
    isReopened: false,
    check: {
      isRun: false,
      seq: 0,
      end: 0,
      ack: 0,
      sack: 0,
      window: 0,
      upperSeq: 0,
      lowerSeq: 0,
      upperAck: 0,
      lowerAck: 0,
      failed: null,
      byBytes: 0,
      isForgiven: false,
    },
    entry: null,
  };
}

export function clearOutcome(out: Outcome): void {
  out.verdict = 'INVALID';
  out.dir = null;
  out.isIgnored = false;
  out.reasonId = null;
  out.message = null;
  out.followUp = null;
  out.stateBefore = null;
  out.stateAfter = null;
  out.timeoutMs = null;
  out.timeoutRule = null;
  out.isClosed = false;
  out.isReopened = false;
  out.check.isRun = false;
  out.check.failed = null;
  out.check.byBytes = 0;
  out.check.isForgiven = false;
  out.entry = null;
}

/** An outcome that stays as it is, with the windows of both sides after the packet. */
export interface KeptOutcome extends Readonly<Omit<Outcome, 'entry' | 'check'>> {
  readonly check: Readonly<WindowCheck>;
  /** Original, reply; NULL without a TCP entry. */
  readonly sides: readonly [Readonly<TcpSide>, Readonly<TcpSide>] | null;
  readonly retransmissions: number;
  readonly isAssured: boolean;
  readonly hasReply: boolean;
}

export function keepOutcome(out: Outcome): KeptOutcome {
  const { entry, check, ...rest } = out;
  const tcp = entry?.proto === 'tcp' ? entry.tcp : null;
  return {
    ...rest,
    check: { ...check },
    sides: tcp === null ? null : [{ ...tcp.sides[0] }, { ...tcp.sides[1] }],
    retransmissions: tcp?.retransmissions ?? 0,
    isAssured: entry?.isAssured ?? false,
    hasReply: entry?.hasReply ?? false,
  };
}

export function stateName(state: number): TcpState {
  return TCP_STATES[state] ?? 'NONE';
}
