// Would a line of this priority be printed on a console, and is that console a slow one? A serial line at 115,200 baud takes about 11,000
// characters a second, and printing holds up the whole kernel.

import type { ReadHost } from '../host/host.js';

export interface ConsoleFacts {
  /** Lines of a lower priority number than this are printed on consoles; NULL: not readable. */
  readonly logLevel: number | null;
  /** 'ttyS0', 'tty0', … in use for kernel messages. */
  readonly consoles: readonly string[];
  /** Those that are slow: serial lines and the like. */
  readonly slow: readonly string[];
}

const SLOW = /^(ttyS|ttyAMA|ttyUSB|hvc|ttyMSM|ttySC|sclp|lp|ttymxc|ttyO)/;

export function readConsoles(host: ReadHost): ConsoleFacts {
  const level = Number(/^\s*(\d+)/.exec(host.readOrNull('/proc/sys/kernel/printk') ?? '')?.[1] ?? Number.NaN);
  // "tty0  -WU (EC p  )  4:7": E is enabled (fs/proc/consoles.c: show_console_dev(), v6.1).
  const consoles = (host.readOrNull('/proc/consoles') ?? '')
    .split('\n')
    .filter((line) => /\([^)]*E/.test(line))
    .map((line) => line.split(/\s+/)[0]!);
  return {
    logLevel: Number.isInteger(level) ? level : null,
    consoles,
    slow: consoles.filter((name) => SLOW.test(name)),
  };
}

/** The slow consoles that a line of this priority reaches. */
export function slowConsolesReached({ logLevel, slow }: ConsoleFacts, priority: number): readonly string[] {
  return logLevel !== null && priority < logLevel ? slow : [];
}
