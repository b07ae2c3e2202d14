// What the handlers of all protocols share: one kernel, its settings, and the table of entries.

import type { Entry } from './entry.js';
import type { EntryTable } from './entry-table.js';
import type { Messages } from './messages.js';
import type { Outcome, TimeoutRule } from './outcome.js';
import type { Rules } from './rules.js';
import type { TrackerSettings } from './settings.js';

export interface Context {
  readonly rules: Rules;
  readonly settings: TrackerSettings;
  readonly messages: Messages;
  readonly table: EntryTable;
  /** Ticks a second: the unit of one message. */
  readonly hz: number;
  /** State after a packet, at (direction * 6 + index) * 10 + state; 10 invalid, 11 ignore. */
  readonly transitions: Uint8Array;
}

/** What a handler decided. repeat: the entry is gone, look again. */
export type Decision = 'accept' | 'refuse' | 'repeat' | 'drop';

const SECOND_MS = 1000;

/** net/netfilter/nf_conntrack_core.c: __nf_ct_refresh_acct(), v6.18: the entry lives so long from this packet on. */
export function refresh(
  context: Context,
  entry: Entry,
  nowMs: number,
  timeoutMs: number,
  rule: TimeoutRule,
  out: Outcome,
): void {
  const deadlineMs = nowMs + timeoutMs;
  const gainMs = deadlineMs - entry.deadlineMs;
  if (context.rules.refreshBySecond && entry.isConfirmed && gainMs >= 0 && gainMs < SECOND_MS) return;
  entry.deadlineMs = deadlineMs;
  entry.timeoutMs = timeoutMs;
  out.timeoutMs = timeoutMs;
  out.timeoutRule = rule;
}

/** Refuses the packet for this reason. */
export function refuse(context: Context, out: Outcome, reasonId: string): Decision {
  out.reasonId = reasonId;
  out.message = context.messages.text(reasonId);
  return 'refuse';
}
