// While a call follows something, others ask about what it has read: every few seconds it does the closing work for that.

import { flowMarks } from '../store/flows.js';
import { sourcesOfCall } from '../store/ingest-report.js';
import type { Call } from './call.js';
import { finishHost } from './finish-call.js';
import { noteHostClocks } from './live-inputs.js';

export interface KeepUp {
  /** Does the work when it is due. No transaction may be open. */
  look(): void;
  /** Connections made so far. */
  readonly flows: number;
}

const EVERY_MS = 3000;
/** The work grows with what was read, and must leave most of the time for reading. */
const SHARE = 10;

/** @param isOfThisHost whether the call reads the running host, whose two clocks can be compared */
export function openKeepUp(call: Call, isOfThisHost: boolean): KeepUp {
  const { db, options } = call;
  const { monotonicMs } = call.deps.clock;
  let dueMs = monotonicMs() + EVERY_MS;
  let { marks } = call;
  let flows = 0;
  let isClockNoted = !isOfThisHost;
  let seen = JSON.stringify(marks);

  return {
    get flows() {
      return flows;
    },
    look() {
      const beganMs = monotonicMs();
      if (beganMs < dueMs) return;
      const next = flowMarks(db);
      const now = JSON.stringify(next) + progressOf(call);
      if (now !== seen) {
        seen = now;
        if (!isClockNoted) noteHostClocks(call);
        isClockNoted = true;
        const touched = sourcesOfCall(db, call.ingestId);
        for (const hostId of new Set(touched.map((source) => source.hostId))) {
          const ids = touched.filter((source) => source.hostId === hostId).map(({ id }) => id);
          flows += finishHost(db, hostId, ids, { options, scopes: [], marks, kernel: null });
        }
        marks = next;
      }
      const endedMs = monotonicMs();
      dueMs = endedMs + Math.max(EVERY_MS, (endedMs - beganMs) * SHARE);
    },
  };
}

/** Lines that are no packets (notices, gaps) move it, too. */
function progressOf({ db, ingestId }: Call): string {
  return String(
    db.prepare('SELECT sum(done_bytes) FROM sources WHERE last_ingest_id = ?').pluck().get(ingestId) as number | null,
  );
}
