// What a tracker of one kernel with these settings goes by: rules, timeouts, wordings, and the transition table.

import type { KernelVersion } from '../catalogue/kernel-version.js';
import type { TcpIndex } from '../catalogue/tcp-flags.js';
import { TCP_STATES, type TcpNext, tcpTransition } from '../catalogue/tcp-states.js';
import type { Context } from './context.js';
import { createEntryTable } from './entry-table.js';
import { createMessages } from './messages.js';
import { type RuleName, type Rules, settleRules } from './rules.js';
import { readSettings } from './settings.js';

export interface TrackerOptions {
  readonly kernel: KernelVersion;
  /** By name, as sysctl(8) or /proc/sys spell it; what is not named has the kernel's default. */
  readonly sysctls: Readonly<Record<string, number>>;
  /** Ticks a second of that kernel (CONFIG_HZ), 250 when not given; one message counts in them. */
  readonly hz?: number;
  /** Rules set against what the version says, where a kernel is known to carry or to lack a fix. */
  readonly rules?: Partial<Rules>;
}

/** In the transition table: the packet is refused, or let through without being believed. */
export const INVALID_CODE = 10;
export const IGNORE_CODE = 11;

/**
 * Everything with an empty table, and the rules that the version number leaves open. Throws RangeError for a sysctl that the tracker does
 * not obey, that this kernel does not have, or that has no whole number.
 */
export function openContext(options: TrackerOptions): {
  readonly context: Context;
  readonly open: readonly RuleName[];
} {
  const { kernel } = options;
  const settled = settleRules(kernel);
  const rules: Rules = { ...settled.rules, ...options.rules };
  const context: Context = {
    rules,
    settings: readSettings(options.sysctls, kernel),
    messages: createMessages(kernel, rules),
    table: createEntryTable(),
    hz: options.hz ?? 250,
    transitions: transitionsOf(kernel),
  };
  return { context, open: settled.open.filter((name) => options.rules?.[name] === undefined) };
}

/** The catalogue's transition table for one kernel, flattened; where a release is not pinned down, the newer row, which the catalogue names first. */
function transitionsOf(kernel: KernelVersion): Uint8Array {
  const codes = new Uint8Array(2 * 6 * TCP_STATES.length);
  for (const dir of [0, 1] as const) {
    for (const index of [0, 1, 2, 3, 4, 5] as const satisfies readonly TcpIndex[]) {
      TCP_STATES.forEach((state, column) => {
        const [next = 'INVALID'] = tcpTransition(dir, index, state, kernel);
        codes[(dir * 6 + index) * TCP_STATES.length + column] = codeOf(next);
      });
    }
  }
  return codes;
}

function codeOf(next: TcpNext): number {
  if (next === 'INVALID') return INVALID_CODE;
  return next === 'IGNORE' ? IGNORE_CODE : TCP_STATES.indexOf(next);
}
