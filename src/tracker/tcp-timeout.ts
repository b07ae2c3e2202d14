// How long does a TCP entry live after this segment, and which rule says so?
// net/netfilter/nf_conntrack_proto_tcp.c: nf_conntrack_tcp_packet() and nf_tcp_handle_invalid(), v6.18.

import type { Direction } from '../catalogue/tcp-states.js';
import type { Context } from './context.js';
import { type Entry, UNACKNOWLEDGED } from './entry.js';
import type { Outcome, TimeoutRule } from './outcome.js';

const ESTABLISHED = 3;
const CLOSE = 8;
const FIN_INDEX = 2;
const RST_INDEX = 4;

/** Below this an entry is not worth shortening. */
const LEAST_WORTH_LOWERING_MS = 120_000;

/** The first rule that fits an entry which has come to `newState`. */
export function chooseTimeoutRule(context: Context, entry: Entry, index: number, newState: number): TimeoutRule {
  const { rules, settings } = context;
  const rule = ruleOfSegment(context, entry, index, newState);
  const isUnansweredPickup = !entry.hasReply && newState === ESTABLISHED && rules.unrepliedCapped;
  const isTooLong = isUnansweredPickup && timeoutOfRule(context, rule, newState) > settings.unacknowledgedMs;
  return isTooLong ? 'no-reply-yet' : rule;
}

/** What a rule means in milliseconds. */
export function timeoutOfRule(context: Context, rule: TimeoutRule, newState: number): number {
  const { settings } = context;
  if (rule === 'max-retrans' || rule === 'zero-window') return settings.maxRetransMs;
  if (rule === 'rst') return settings.tcpTimeoutsMs[CLOSE]!;
  return rule === 'state' ? settings.tcpTimeoutsMs[newState]! : settings.unacknowledgedMs;
}

function ruleOfSegment(context: Context, entry: Entry, index: number, newState: number): TimeoutRule {
  const { rules, settings } = context;
  const tcp = entry.tcp;
  const [original, reply] = tcp.sides;
  const ofState = settings.tcpTimeoutsMs[newState]!;
  if (tcp.retransmissions >= settings.maxRetrans && ofState > settings.maxRetransMs) return 'max-retrans';
  if (index === RST_INDEX && rules.rstGetsCloseTimeout) return 'rst';
  if (index === RST_INDEX && rules.inexactRstUnacknowledged && newState === ESTABLISHED) return 'inexact-rst';
  const isUnacknowledged = ((original.flags | reply.flags) & UNACKNOWLEDGED) !== 0;
  if (isUnacknowledged && ofState > settings.unacknowledgedMs) return 'unacknowledged';
  return rules.zeroWindowTimeout && tcp.lastWindow === 0 && ofState > settings.maxRetransMs ? 'zero-window' : 'state';
}

/**
 * nf_tcp_handle_invalid(): an out-of-window FIN or RST is noted; when the other side had sent one too, the entry is most likely out of step
 * with a connection that is over, and lives no longer than unacknowledged data.
 */
export function lowerTimeout(
  context: Context,
  entry: Entry,
  dir: Direction,
  index: number,
  nowMs: number,
  out: Outcome,
): void {
  const tcp = entry.tcp;
  if (!context.rules.closingInvalidsLowerTimeout || !entry.isAssured || !isClosing(index)) return;
  if (tcp.lastDir === dir || !isClosing(tcp.lastIndex)) {
    tcp.lastIndex = index;
    tcp.lastDir = dir;
    return;
  }
  const leftMs = entry.deadlineMs - nowMs;
  const timeoutMs = context.settings.unacknowledgedMs;
  // Compared in ticks, as the kernel does: both may come from the same setting.
  const ticks = Math.round((timeoutMs * context.hz) / 1000);
  if (leftMs < LEAST_WORTH_LOWERING_MS || Math.round((leftMs * context.hz) / 1000) <= ticks) return;
  out.followUp = context.messages.text('tcp-lower-timeout', index, dir, tcp.lastIndex, ticks);
  entry.deadlineMs = nowMs + timeoutMs;
  entry.timeoutMs = timeoutMs;
  out.timeoutMs = timeoutMs;
  out.timeoutRule = 'lowered';
}

function isClosing(index: number): boolean {
  return index === FIN_INDEX || index === RST_INDEX;
}
