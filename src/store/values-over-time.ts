// Sysctls and counters of a series: a row only when a value differs from the one before.

import type { Db } from './open-store.js';

export type ValueKind = 'sysctl' | 'ct-stat' | 'nstat';

/** Not per CPU. */
export const NO_CPU = -1;

export interface ValuesOverTime {
  /** Notes a value of the snapshot. Said twice in one snapshot, the last counts. */
  value(
    what: ValueKind,
    name: string,
    cpu: number,
    value: string | number | null,
    sourceId: number | null,
    line: number | null,
  ): void;
}

/** Opens the values of a series for one snapshot, in the caller's transaction. */
export function openValues(db: Db, seriesId: number, seq: number): ValuesOverTime {
  const last = db.prepare(
    `SELECT seq, value FROM values_over_time WHERE series_id = ? AND what = ? AND name = ? AND cpu = ? AND seq <= ?
     ORDER BY seq DESC LIMIT 1`,
  );
  const write = db.prepare(
    `INSERT OR REPLACE INTO values_over_time (series_id, what, name, cpu, seq, value, source_id, line)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  return {
    value(what, name, cpu, value, sourceId, line) {
      const before = last.get(seriesId, what, name, cpu, seq) as { seq: number; value: unknown } | undefined;
      if (before !== undefined && before.value === value) return;
      // A JavaScript number is bound as REAL, and a column of type ANY keeps it so.
      const stored = typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
      write.run(seriesId, what, name, cpu, seq, stored, sourceId, line);
    },
  };
}
