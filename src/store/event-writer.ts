// Writes the events of one stream: rows keep the stream's own clock, which another table maps to the epoch.

import type { CtEvent } from '../model/conntrack.js';
import type { Db } from './open-store.js';
import { openBatch } from './row-batch.js';
import { openTuples, type Tuples } from './tuples.js';

export interface EventWriter {
  /**
   * @param line number in its source
   * @param clockUs time on the stream's own clock; left out: the event's own epoch time
   */
  event(event: CtEvent, line: number, clockUs?: number | null): void;
  /** Writes what is held. Call before the transaction ends, and before reading the events back. */
  flush(): void;
}

const COLUMNS = [
  'clock_id',
  'clock_us',
  'line',
  'kind',
  'tuple_id',
  'reply_tuple_id',
  'namespace_id',
  'zone',
  'ct_id',
  'state',
  'status',
  'timeout_s',
  'mark',
  'port_id',
  'is_user_space',
  'packets',
  'bytes',
  'reply_packets',
  'reply_bytes',
  'started_at_us',
  'stopped_at_us',
  'extra',
] as const;

/** What has no column, by its name in the model; NULL when nothing of it was told. */
function extraOf({ entry, expectation }: CtEvent): string | null {
  const told =
    entry !== null
      ? {
          helper: entry.helper,
          labels: entry.labels,
          secctx: entry.secctx,
          zoneOrig: entry.zoneOrig,
          zoneReply: entry.zoneReply,
          deltaTimeS: entry.deltaTimeS,
          startedLocal: entry.startedLocal,
          stoppedLocal: entry.stoppedLocal,
          unknown: entry.unknown.length === 0 ? null : entry.unknown,
        }
      : {
          ...expectation,
          tuple: null,
          timeoutS: null,
          zone: null,
          unknown: expectation?.unknown.length === 0 ? null : expectation?.unknown,
        };
  const kept = Object.entries(told).filter(([, value]) => value !== null && value !== undefined);
  return kept.length === 0 ? null : JSON.stringify(Object.fromEntries(kept));
}

/**
 * Opens a writer for the events of one clock, in the caller's transaction.
 * @param namespaceId the stream's namespace; NULL: not known
 */
export function openEventWriter(
  db: Db,
  clockId: number,
  namespaceId: number | null = null,
  tuples: Tuples = openTuples(db),
): EventWriter {
  const rows = openBatch(db, 'INSERT', 'events', COLUMNS);
  return {
    event(event, line, clockUs = event.atUs) {
      const { entry, expectation } = event;
      const tuple = entry?.orig ?? expectation?.tuple;
      if (tuple === undefined) return;
      const reply = entry?.reply ?? null;
      rows.add([
        clockId,
        clockUs,
        line,
        event.kind,
        tuples.id(tuple),
        reply === null ? null : tuples.id(reply),
        namespaceId,
        entry?.zone ?? expectation?.zone ?? null,
        entry?.id ?? null,
        entry?.state ?? null,
        entry === null || entry.status.length === 0 ? null : entry.status.join(' '),
        entry?.timeoutS ?? expectation?.timeoutS ?? null,
        entry?.mark ?? null,
        event.portId,
        event.isUserSpace === null ? null : event.isUserSpace ? 1 : 0,
        entry?.origCounters.packets ?? null,
        entry?.origCounters.bytes ?? null,
        entry?.replyCounters.packets ?? null,
        entry?.replyCounters.bytes ?? null,
        entry?.startedAtUs ?? null,
        entry?.stoppedAtUs ?? null,
        extraOf(event),
      ]);
    },
    flush: rows.flush,
  };
}
