// Makes the connection tracking table small for the seconds of a scene. Limit and hash size belong to the whole machine, so they are held
// by the switch that puts them back on every way out, and the limit leaves room for what other namespaces use.

import { readFileSync } from 'node:fs';
import { holdSwitch } from './shared-switch.js';

const LIMIT = '/proc/sys/net/nf_conntrack_max';
const BUCKETS = '/proc/sys/net/netfilter/nf_conntrack_buckets';

export interface SmallTable {
  /** What a namespace may hold while the table is small. */
  readonly limit: number;
  putBack(): void;
}

/** @param limit compared by the kernel with each namespace's own count */
export function makeTableSmall(limit: number): SmallTable {
  // An entry is evicted from eight buckets near the new one's: few buckets make that a matter of some hundred packets, not of luck.
  const buckets = holdSwitch(BUCKETS, '512', '/run/ctwhylab-nf_conntrack_buckets');
  const max = holdSwitch(LIMIT, String(limit), '/run/ctwhylab-nf_conntrack_max');
  return {
    limit,
    putBack() {
      max.release();
      buckets.release();
    },
  };
}

/** The limit as it is now, for those who look whether it was put back. */
export function tableLimit(): number {
  return Number(readFileSync(LIMIT, 'utf8'));
}
