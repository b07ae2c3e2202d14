// Where the records of one snapshot of the running host go: all of them into that snapshot, by one writer of entries.

import type { LinePrint } from '../model/line-print.js';
import type { EvidenceRecord } from '../model/record.js';
import type { SnapshotWriter } from '../store/conntrack-writer.js';
import { openHostFactWriter, openSocketWriter } from '../store/host-writer.js';
import type { Db } from '../store/open-store.js';
import { writeRuleset } from '../store/ruleset-writer.js';
import { noteCounts } from '../store/snapshots.js';
import { NO_CPU } from '../store/values-over-time.js';

export interface SnapshotRecords {
  /** @param atUs when the line came @param sourceId of the command that printed it @param print of the line, of an entry's */
  record(record: EvidenceRecord, atUs: number, sourceId: number, print?: LinePrint | null): void;
  /** Whether a line of a listing is that of an entry which only ran on, and was taken in as such. */
  shownAgain(print: LinePrint, atUs: number): boolean;
}

const COUNT = /\.(?:nf|ip)_conntrack_count$/;
const MAX = /\.(?:nf|ip)_conntrack_max$/;

/** @param series where the snapshot is; sockets and facts are compared with the one before it */
export function openSnapshotRecords(
  db: Db,
  writer: SnapshotWriter,
  series: { readonly seriesId: number; readonly seq: number },
): SnapshotRecords {
  const { snapshotId } = writer;
  const sockets = openSocketWriter(db, { ...series, sourceId: null });
  const facts = openHostFactWriter(db, { ...series, sourceId: null });
  return {
    shownAgain: writer.shownAgain,
    record(record, atUs, sourceId, print = null) {
      switch (record.kind) {
        case 'ct-entry':
          return writer.entry(record.list, record.entry, atUs, sourceId, record.line, print);
        case 'expectation':
          return writer.expectation(record.expectation, sourceId, record.line);
        case 'ct-statistics':
          return writer.statistics(record.statistics, sourceId, record.line);
        case 'counter':
          return writer.value('nstat', record.name, NO_CPU, record.value, sourceId, record.line);
        case 'sysctl': {
          const counted = /^\d+$/.test(record.value) ? Number(record.value) : null;
          // A gauge is the snapshot's own: as a setting it would be a new row each time.
          if (COUNT.test(record.name)) return noteCounts(db, snapshotId, counted, null);
          if (MAX.test(record.name)) noteCounts(db, snapshotId, null, counted);
          return writer.value('sysctl', record.name, NO_CPU, record.value, sourceId, record.line);
        }
        case 'ruleset':
          return void writeRuleset(db, snapshotId, record.ruleset, sourceId, record.line);
        case 'socket':
          return sockets.write(record.socket, record.line, sourceId);
        case 'host-fact':
          return facts.write(record.fact, record.line, sourceId);
        default:
          // Counts that a tool prints below its listing; the lines themselves were counted.
          return;
      }
    },
  };
}
