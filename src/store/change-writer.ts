// The copy of the host's journal of changes in a store, for people who ask in SQL. Undoing never reads it.

import { type Change, changeId } from '../model/change.js';
import type { Db } from './open-store.js';

/**
 * Brings the rows of these changes up to date; other rows stay.
 * @param hostId hosts.id; NULL where the store does not know the host yet
 */
export function writeChanges(db: Db, hostId: number | null, changes: readonly Change[]): void {
  const statement = db.prepare(
    `INSERT INTO changes (id, host_id, state, intended_at_us, finished_at_us, kind, data) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET host_id = coalesce(excluded.host_id, host_id), state = excluded.state,
       intended_at_us = excluded.intended_at_us, finished_at_us = excluded.finished_at_us, kind = excluded.kind, data = excluded.data`,
  );
  db.transaction(() => {
    for (const change of changes)
      statement.run(
        changeId(change),
        hostId,
        change.state === 'ended' ? (change.result?.how ?? 'undone') : change.state,
        change.madeAtUs,
        change.result?.endedAtUs ?? null,
        change.kind,
        JSON.stringify(change),
      );
  })();
}
