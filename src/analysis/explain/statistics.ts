// How far the counters of the tracker moved between readings, and where they stand: per CPU in the store, summed here.

import type { ValueRow } from '../../store/evidence-reader.js';
import type { HostContext } from './case.js';

export interface CounterMove {
  readonly delta: number;
  readonly rows: readonly ValueRow[];
}

/** Sum over CPUs of a statistics counter at the first and the last reading; NULL without two readings, or when any CPU went back (a reset). */
export function statisticMove({ host }: { readonly host: HostContext }, name: string): CounterMove | null {
  const read = host.parts.filter((part) => part.part === 'stats' && part.state === 'read');
  const snapshots = host.snapshots.filter((one) => read.some((part) => part.snapshotId === one.id));
  const rows = host.statistics.filter((row) => row.name === name);
  const firstId = snapshots[0]?.id;
  if (snapshots.length < 2 || rows.length === 0) return null;
  let delta = 0;
  const cited: ValueRow[] = [];
  for (const cpu of new Set(rows.map((row) => row.cpu))) {
    const mine = rows.filter((row) => row.cpu === cpu);
    const first = mine.find((row) => row.snapshotId === firstId);
    const last = mine.at(-1);
    if (first === undefined || last === undefined) return null;
    const change = Number(last.value) - Number(first.value);
    if (change < 0) return null;
    delta += change;
    cited.push(last);
  }
  return { delta, rows: cited };
}

/** A counter of the tracker since boot, summed over CPUs, as last read; NULL: not read. */
export function statisticTotal({ host }: { readonly host: HostContext }, name: string): CounterMove | null {
  const rows = host.statistics.filter((row) => row.name === name);
  const last = new Map(rows.map((row) => [row.cpu, row]));
  if (last.size === 0) return null;
  return {
    delta: [...last.values()].reduce((sum, row) => sum + Number(row.value), 0),
    rows: [...last.values()].filter((row) => Number(row.value) > 0),
  };
}
