// What would have been otherwise with another kernel or other settings? The same packets twice, and where the answers part.

import type { Verdict } from '../../tracker/outcome.js';
import { judgeOnce } from '../../tracker/unseen/follow-tcp.js';
import type { Amount } from '../../tracker/unseen/range.js';
import type { FlowRecords } from './read-flow.js';
import { type Replay, type ReplayRow, replay } from './replay.js';
import type { ReplaySettings } from './settings.js';

export interface Changed {
  readonly before: ReplayRow;
  readonly verdict: Verdict | null;
  readonly states: readonly string[];
  readonly message: string | null;
  readonly timeoutMs: Amount | null;
  readonly reasonId: string | null;
}

export interface Difference {
  readonly settings: ReplaySettings;
  readonly changed: readonly Changed[];
  readonly same: number;
  /** Packets about which at least one of the two cannot say anything. */
  readonly unknown: number;
  /** Packets were missing: each was judged on the entry as the first replay had it in front of it. */
  readonly isEachByItself: boolean;
}

/** Compares a replay with the same one under other settings. Throws RangeError as createTracker does. */
export function whatIf(records: FlowRecords, base: Replay, settings: ReplaySettings): Difference {
  const isWhole = base.rows.every((row) => row.isExact);
  const others = isWhole
    ? replay(records, settings, false).rows.map(asChanged)
    : base.rows.map((row) => byItself(row, settings));
  const changed: Changed[] = [];
  let same = 0;
  let unknown = 0;
  base.rows.forEach((row, at) => {
    const other = { ...others[at]!, before: row };
    if (row.verdict === null || other.verdict === null) unknown += 1;
    else if (isChanged(row, other)) changed.push(other);
    else same += 1;
  });
  return { settings, changed, same, unknown, isEachByItself: !isWhole };
}

function asChanged(row: ReplayRow): Changed {
  const { verdict, message, timeoutMs, reasonId } = row;
  return { before: row, verdict, states: row.stateAfter, message, timeoutMs, reasonId };
}

/** One packet on the entry as it was, under other settings. */
function byItself(row: ReplayRow, settings: ReplaySettings): Changed {
  const { segment } = row.packet;
  if (segment === null || row.worlds.length === 0) return asChanged(row);
  const judged = judgeOnce({ kernel: settings.kernel, sysctls: settings.sysctls }, row.worlds, segment);
  const only = <T>(values: readonly T[]): T | null => (new Set(values).size === 1 ? values[0]! : null);
  const timeouts = judged.branches.map((branch) => branch.timeoutMs).filter((one) => one !== null);
  return {
    before: row,
    verdict: only(judged.branches.map((branch) => branch.verdict)),
    states: judged.states,
    message: only(judged.branches.map((branch) => branch.message)),
    reasonId: only(judged.branches.map((branch) => branch.reasonId)),
    timeoutMs:
      timeouts.length === 0
        ? null
        : { lo: Math.min(...timeouts.map((one) => one.lo)), hi: Math.max(...timeouts.map((one) => one.hi)) },
  };
}

function isChanged(row: ReplayRow, other: Changed): boolean {
  const sameTimeout = (row.timeoutMs?.hi ?? null) === (other.timeoutMs?.hi ?? null);
  return (
    row.verdict !== other.verdict ||
    row.stateAfter.join() !== other.states.join() ||
    row.message !== other.message ||
    !sameTimeout
  );
}
