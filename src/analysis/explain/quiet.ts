// A host on which nothing is wrong: what of it is ordinary, and whether a fault would have shown in what was read. Silence counts only from
// a source that could have spoken.

import type { Quiet } from '../../model/finding.js';
import { readBeginnings } from '../../store/beginnings.js';
import type { CoverageRow } from '../../store/evidence-reader.js';
import type { Db } from '../../store/open-store.js';
import type { HostContext } from './case.js';
import { statisticMove } from './statistics.js';

interface Watch {
  readonly fault: string;
  readonly by: string;
  readonly lacking: string;
  readonly isWatched: boolean;
}

/** Counters that move only when something goes wrong. */
const LOSSES = ['insert_failed', 'drop', 'early_drop', 'error'];

function isWhole(coverage: readonly CoverageRow[], what: RegExp): boolean {
  const rows = coverage.filter((row) => what.test(row.what));
  return rows.some((row) => row.state === 'complete') && !rows.some((row) => row.state === 'lost');
}

function readTimes({ parts }: HostContext, part: string): number {
  return new Set(parts.filter((one) => one.part === part && one.state === 'read').map((one) => one.snapshotId)).size;
}

function watchesOf(host: HostContext): readonly Watch[] {
  const { coverage } = host;
  const refusals = coverage.filter((row) => row.what.startsWith('log-invalid:') && row.state === 'complete');
  const isAll = refusals.some((row) => row.what === 'log-invalid:all');
  const only = isAll || refusals.length === 0 ? '' : ` (${refusals[0]!.what.slice('log-invalid:'.length)} only)`;
  return [
    {
      fault: `a packet that is INVALID${only}`,
      by: 'log_invalid was on and the kernel log is whole',
      lacking: 'log_invalid was off, or the kernel log is not whole',
      isWatched: refusals.length > 0 && isWhole(coverage, /^log$/),
    },
    {
      fault: 'an entry that goes too early',
      by: 'every event was read',
      lacking: 'events were not read, or not all',
      isWatched: host.hasEvents && isWhole(coverage, /^events$/),
    },
    {
      fault: 'a table that is full, a clash, an eviction',
      by: 'the statistics were read twice',
      lacking: 'the statistics were not read twice',
      isWatched: readTimes(host, 'stats') > 1,
    },
    {
      fault: 'a socket that hangs',
      by: 'sockets were listed',
      lacking: 'no socket is listed',
      isWatched: readTimes(host, 'sockets') > 0,
    },
  ];
}

function some(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function ordinary(db: Db, host: HostContext): readonly string[] {
  const { begun, answered } = readBeginnings(db, host.id);
  const listed = host.snapshots.at(-1)?.entryCount ?? null;
  const most = host.sysctls.findLast((row) => row.name.endsWith('nf_conntrack_max'));
  const share = listed === null || most === undefined ? '' : ` of ${most.value} at most`;
  const moved = LOSSES.map((name) => ({ name, move: statisticMove({ host }, name) }));
  const still = moved.filter(({ move }) => move?.delta === 0).map(({ name }) => name);
  return [
    ...(begun === 0
      ? []
      : [
          `${some(begun, 'connection', 'connections')} began, ${answered === begun ? 'all answered' : `${answered} answered, ${begun - answered} not`}`,
        ]),
    ...(listed === null ? [] : [`${some(listed, 'entry', 'entries')} in the table${share}`]),
    ...(still.length === 0 ? [] : [`${still.join(', ')}: no change`]),
  ];
}

/** @param contexts of the hosts that were looked at, a context for each boot */
export function quietOf(db: Db, contexts: readonly HostContext[]): Quiet {
  const hosts = [...new Map(contexts.map((one) => [one.id, one])).values()];
  const watches = hosts.flatMap(watchesOf);
  const isEverywhere = ({ fault }: Watch): boolean =>
    watches.every((one) => one.fault !== fault || one.isWatched) && watches.some((one) => one.fault === fault);
  const once = (all: readonly string[]): readonly string[] => [...new Set(all)];
  return {
    normal: hosts.flatMap((host) => ordinary(db, host)),
    wouldShow: once(watches.filter(isEverywhere).map(({ fault, by }) => `${fault}: ${by}`)),
    wouldNot: once(watches.filter((one) => !isEverywhere(one)).map(({ fault, lacking }) => `${fault}: ${lacking}`)),
  };
}
