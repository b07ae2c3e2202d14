// Was the wall clock set since the boot? Then times in the log from before and after do not lie on one axis.

import type { ReadHost } from '../host/host.js';

/** How long the first line of the journal may take. */
const WAIT_MS = 5000;

/**
 * How far the wall clock was moved since the first line of this boot that the journal has, in microseconds; slow corrections count too.
 * NULL without a journal, or without rights to read it. Time asleep counts on neither side: that line was written before.
 */
export async function readClockStep(host: ReadHost): Promise<number | null> {
  if (host.find('journalctl') === null) return null;
  const bootS = /^btime (\d+)$/m.exec(host.readOrNull('/proc/stat') ?? '')?.[1];
  if (bootS === undefined) return null;
  const journal = host.pipe('journalctl', ['-b', '-k', '-q', '-o', 'json', '--no-pager']);
  const timer = setTimeout(() => journal.stop(), WAIT_MS);
  try {
    let text = '';
    for await (const piece of journal.stdout) {
      text += String(piece);
      if (text.includes('\n')) break;
    }
    return stepOf(text.split('\n')[0] ?? '', Number(bootS));
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    journal.stop();
    await journal.ended;
  }
}

/** @param line the journal's first entry of the boot @param bootS btime of /proc/stat: today's clock minus the time since boot */
export function stepOf(line: string, bootS: number): number | null {
  const of = (name: string) => Number(new RegExp(`"${name}"\\s*:\\s*"(\\d+)"`).exec(line)?.[1] ?? Number.NaN);
  const began = of('__REALTIME_TIMESTAMP') - of('__MONOTONIC_TIMESTAMP');
  return Number.isFinite(began) ? bootS * 1_000_000 - began : null;
}
