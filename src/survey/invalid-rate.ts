// How many packets a second does conntrack refuse here, now? That is how many lines log_invalid would print.

import type { ReadHost } from '../host/host.js';

interface Refused {
  readonly invalid: number;
  readonly error: number;
}

/** Sums over the CPUs; NULL where the statistics are not there. */
function readRefused(host: ReadHost): Refused | null {
  const text = host.readOrNull('/proc/net/stat/nf_conntrack');
  if (text === null) return null;
  const [head = '', ...lines] = text.trim().split('\n');
  const names = head.trim().split(/\s+/);
  const at = (line: string, name: string) => Number.parseInt(line.trim().split(/\s+/)[names.indexOf(name)] ?? '0', 16);
  const sum = (name: string) => (names.includes(name) ? lines.reduce((total, line) => total + at(line, name), 0) : 0);
  return { invalid: sum('invalid'), error: sum('icmp_error') };
}

/**
 * Refused packets a second, watched for a while; NULL where the kernel has no statistics.
 * @param sleep waits that many milliseconds
 */
export async function sampleInvalidRate(
  host: ReadHost,
  { sleep, forMs = 1000 }: { readonly sleep: (ms: number) => Promise<void>; readonly forMs?: number },
): Promise<number | null> {
  const before = readRefused(host);
  if (before === null) return null;
  await sleep(forMs);
  const after = readRefused(host);
  if (after === null) return null;
  // Counters are 32 bits wide and may wrap.
  const delta = (a: number, b: number) => (b - a) >>> 0;
  return ((delta(before.invalid, after.invalid) + delta(before.error, after.error)) * 1000) / forMs;
}
