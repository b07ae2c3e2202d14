// Which writer of the store takes which kind of record. A new kind of record is a writer in store/ and one line here.

import { openSnapshot, type SnapshotWriter } from '../store/conntrack-writer.js';
import { type EventWriter, openEventWriter } from '../store/event-writer.js';
import { openHostFactWriter, openSocketWriter } from '../store/host-writer.js';
import type { Db } from '../store/open-store.js';
import { writeRuleset } from '../store/ruleset-writer.js';
import { noteCounts } from '../store/snapshots.js';
import { NO_CPU } from '../store/values-over-time.js';
import type { ListingRef, ListingWriter, SourceRef, StreamWriter, WriterTable } from './evidence-writer.js';
import { captureStream, hostEventStream, traceStream } from './host-streams.js';
import { kernelRecordWriter } from './kernel-log/kernel-log-bulk.js';
import { openSourceClocks } from './source-clocks.js';

/** Snapshots with writers at work, by store: several parts of one source may be of one snapshot. */
const atWork = new WeakMap<Db, Map<number, { readonly writer: SnapshotWriter; users: number }>>();

function share(listing: ListingRef): { readonly writer: SnapshotWriter; release(): void } {
  const { db, snapshot, part } = listing;
  const open = atWork.get(db) ?? new Map<number, { writer: SnapshotWriter; users: number }>();
  atWork.set(db, open);
  const shared = open.get(snapshot.id) ?? { writer: openSnapshot(db, { ...snapshot, errorUs: null }), users: 0 };
  open.set(snapshot.id, shared);
  shared.users++;
  // The versions of entries look at what was read before this part.
  shared.writer.part(part);
  return {
    writer: shared.writer,
    release() {
      shared.users--;
      if (shared.users > 0) return;
      open.delete(snapshot.id);
      shared.writer.finish();
    },
  };
}

function trackerListing(listing: ListingRef): ListingWriter {
  const { db, sourceId, snapshot } = listing;
  const { writer, release } = share(listing);
  return {
    record(record) {
      if (record.kind === 'ct-entry') writer.entry(record.list, record.entry, listing.part.atUs, sourceId, record.line);
      else if (record.kind === 'expectation') writer.expectation(record.expectation, sourceId, record.line);
      else if (record.kind === 'ct-statistics') writer.statistics(record.statistics, sourceId, record.line);
      else if (record.kind === 'sysctl') {
        writer.value('sysctl', record.name, NO_CPU, record.value, sourceId, record.line);
        const counted = Number(record.value);
        if (Number.isSafeInteger(counted)) {
          if (/nf_conntrack_count$|ip_conntrack_count$/.test(record.name)) noteCounts(db, snapshot.id, counted, null);
          if (/nf_conntrack_max$|ip_conntrack_max$/.test(record.name)) noteCounts(db, snapshot.id, null, counted);
        }
      } else if (record.kind === 'counter')
        writer.value('nstat', record.name, NO_CPU, record.value, sourceId, record.line);
      else if (record.kind === 'ct-count') {
        noteCounts(
          db,
          snapshot.id,
          record.what === 'count' ? record.value : null,
          record.what === 'max' ? record.value : null,
        );
      }
    },
    end: release,
  };
}

/** conntrack stamps an event when it prints it (gettimeofday), some tens of microseconds behind the kernel on a host that keeps up. */
const EVENT_PRINT_ERROR_US = 1000;

function eventStream(source: SourceRef): StreamWriter {
  const clocks = openSourceClocks(source, EVENT_PRINT_ERROR_US);
  const writers = new Map<number, EventWriter>();
  const flush = (): void => {
    for (const writer of writers.values()) writer.flush();
  };
  return {
    record(record) {
      if (record.kind !== 'ct-event') return;
      const { event, line } = record;
      const stamp = event.atUs === null ? event.stamp : { kind: 'epoch' as const, us: event.atUs };
      const { clockId, clockUs } = clocks.at(stamp, line);
      let writer = writers.get(clockId);
      if (writer === undefined) {
        writer = openEventWriter(source.db, clockId, source.namespaceId);
        writers.set(clockId, writer);
      }
      writer.event(event, line, clockUs);
    },
    flush,
    end: flush,
  };
}

function rulesetListing({ db, snapshot, sourceId }: ListingRef): ListingWriter {
  return {
    record(record) {
      if (record.kind === 'ruleset') writeRuleset(db, snapshot.id, record.ruleset, sourceId, record.line);
    },
    end: () => {},
  };
}

function socketListing({ db, snapshot, sourceId }: ListingRef): ListingWriter {
  const writer = openSocketWriter(db, { seriesId: snapshot.seriesId, seq: snapshot.seq, sourceId });
  return {
    record(record) {
      if (record.kind === 'socket') writer.write(record.socket, record.line);
    },
    end: () => {},
  };
}

function factListing({ db, snapshot, sourceId }: ListingRef): ListingWriter {
  const writer = openHostFactWriter(db, { seriesId: snapshot.seriesId, seq: snapshot.seq, sourceId });
  return {
    record(record) {
      if (record.kind === 'host-fact') writer.write(record.fact, record.line);
    },
    end: () => {},
  };
}

export const WRITERS: WriterTable = {
  streams: [
    { kinds: ['kernel'], open: (source) => kernelRecordWriter(source) },
    { kinds: ['ct-event'], open: eventStream },
    { kinds: ['trace-step'], open: traceStream },
    { kinds: ['captured-packet'], open: captureStream },
    { kinds: ['host-event'], open: hostEventStream },
  ],
  listings: [
    { kinds: ['ct-entry', 'expectation', 'ct-statistics', 'ct-count', 'sysctl', 'counter'], open: trackerListing },
    { kinds: ['ruleset'], open: rulesetListing },
    { kinds: ['socket'], open: socketListing },
    { kinds: ['host-fact'], open: factListing },
  ],
};
