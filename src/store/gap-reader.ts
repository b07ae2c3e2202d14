// When evidence was lost, limited or could not be shown: the other half of every answer about absence.

import { rfc3339 } from '../text/time.js';
import type { Db } from './open-store.js';

export interface Gap {
  readonly source: string | null;
  readonly what: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly lost: number | null;
  readonly why: string | null;
}

export function readGaps(db: Db): readonly Gap[] {
  const rows = db
    .prepare('SELECT source, what, from_at_us AS fromUs, to_at_us AS toUs, lost, state, why FROM gaps ORDER BY id')
    .all() as {
    source: string | null;
    what: string;
    fromUs: number | null;
    toUs: number | null;
    lost: number | null;
    state: string;
    why: string | null;
  }[];
  return rows.map((row) => ({
    source: row.source,
    what: row.what,
    from: row.fromUs === null ? null : rfc3339(row.fromUs),
    to: row.toUs === null ? null : rfc3339(row.toUs),
    lost: row.lost,
    why: row.why ?? row.state,
  }));
}
