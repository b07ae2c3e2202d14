// What ctwhy itself changed on the hosts of a store, from the copy of their journals: what it brought about is not held against a host.

import type { Change } from '../model/change.js';
import type { Db } from './open-store.js';

/** A row of changes, with what its journal said. */
export interface StoredChange {
  readonly id: string;
  readonly madeAtUs: number;
  /** NULL while it is on. */
  readonly endedAtUs: number | null;
  readonly change: Change;
}

/** All of them, oldest first. */
export function readChanges(db: Db): readonly StoredChange[] {
  const rows = db
    .prepare('SELECT id, intended_at_us AS madeAtUs, finished_at_us AS endedAtUs, data FROM changes ORDER BY madeAtUs')
    .all() as { id: string; madeAtUs: number; endedAtUs: number | null; data: string }[];
  return rows.map(({ data, ...row }) => ({ ...row, change: JSON.parse(data) as Change }));
}
