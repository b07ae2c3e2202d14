// How much a store holds, for the first-run screen: cheap, whatever its size.

import type { Db } from './open-store.js';

export interface EvidenceSummary {
  readonly sources: number;
  readonly packets: number;
  readonly lastIngestAtUs: number;
}

/** NULL for a store without any source. */
export function evidenceSummary(db: Db): EvidenceSummary | null {
  const last = db.prepare('SELECT max(coalesce(ended_at_us, began_at_us)) AS at FROM ingests').get() as {
    at: number | null;
  };
  const { sources } = db.prepare('SELECT count(*) AS sources FROM sources').get() as { sources: number };
  if (last.at === null || sources === 0) return null;
  // Passages are numbered without holes while nothing was pruned; the highest number answers without a scan.
  const { packets } = db.prepare('SELECT coalesce(max(id), 0) AS packets FROM passages').get() as { packets: number };
  return { sources, packets, lastIngestAtUs: last.at };
}
