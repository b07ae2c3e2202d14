// Records of the kernel's ring buffer that were overwritten before anybody read them: a notice beside the line behind the gap.

import { addClock, UNPLACED } from './clocks.js';
import type { Db } from './open-store.js';

export function noteGap(
  db: Db,
  sourceId: number,
  bootId: number | null,
  gap: {
    readonly line: number;
    readonly lost: number;
    readonly from: number;
    readonly to: number;
    readonly uptimeUs: number;
  },
): void {
  const clockId =
    (db
      .prepare(
        "SELECT id FROM clocks WHERE source_id = ? AND kind = 'uptime' ORDER BY from_line > ?, abs(from_line - ?) LIMIT 1",
      )
      .pluck()
      .get(sourceId, gap.line, gap.line) as number | undefined) ??
    addClock(db, { sourceId, bootId, kind: 'uptime', fromLine: gap.line, place: UNPLACED });
  db.prepare(
    "INSERT INTO kernel_notices (clock_id, clock_us, line, kind, count, text, extra) VALUES (?, ?, ?, 'lost', ?, ?, ?)",
  ).run(
    clockId,
    gap.uptimeUs,
    gap.line,
    gap.lost,
    `${gap.lost} records between numbers ${gap.from} and ${gap.to} were overwritten before they were read`,
    JSON.stringify({ about: 'evidence-lost', notice: 'kmsg-gap', from: gap.from, to: gap.to }),
  );
}
