// Where the records of one source go: lines, events and packets to the writers of their tables, listings into a snapshot.

import type { EvidenceRecord, RecordKind } from '../model/record.js';
import type { Db } from '../store/open-store.js';
import { addPart, type Snapshot, type SnapshotPart } from '../store/snapshots.js';
import { noteSourceCommand } from '../store/sources.js';
import { partOfCommand } from './listing-commands.js';
import { type PartOfRecord, partOfRecord } from './parts.js';
import type { FormRun } from './read-text.js';

/** What a writer needs to know of the source whose rows it writes. */
export interface SourceRef {
  readonly db: Db;
  readonly sourceId: number;
  readonly hostId: number;
  /** NULL: the source's own clock decides. */
  readonly bootId: number | null;
  readonly namespaceId: number | null;
  /** When the content was taken on the host, or the latest moment at which it can have been. */
  readonly notAfterUs: number;
}

/** Rows of a source that stand by themselves: events, packets on the wire, steps of a trace. */
export interface StreamWriter {
  record(record: EvidenceRecord): void;
  /** Before a transaction ends: what is complete goes to the store. */
  flush(): void;
  /** Where packets wait for lines that belong to them: nothing came for a while, so they wait no longer. */
  readonly waiting?: { isAny(): boolean; release(): void };
  /** The source ended: what was held goes to the store as it is. */
  end(): void;
}

/** Rows of one listing: entries, settings, sockets … */
export interface ListingWriter {
  record(record: EvidenceRecord): void;
  /** The listing ended; what it did not show is gone since the snapshot before. */
  end(): void;
}

export interface ListingRef extends SourceRef {
  readonly snapshot: Snapshot;
  /** What becomes the row of snapshot_parts; noted behind open(), so that a writer can look at what was read before it. */
  readonly part: SnapshotPart;
}

/** Which writer takes which kind of record: one line here for a new kind. */
export interface WriterTable {
  readonly streams: readonly { readonly kinds: readonly RecordKind[]; open(source: SourceRef): StreamWriter }[];
  readonly listings: readonly { readonly kinds: readonly RecordKind[]; open(listing: ListingRef): ListingWriter }[];
}

/** Which writer ends a list that is empty. */
const EMPTY_KINDS: readonly { readonly parts: RegExp; readonly kind: RecordKind }[] = [
  { parts: /^list:/, kind: 'ct-entry' },
  { parts: /^expectations$/, kind: 'expectation' },
  { parts: /^sockets$/, kind: 'socket' },
  { parts: /^(neighbours|routing-rules)$/, kind: 'host-fact' },
];

export interface EvidenceWriter {
  record(record: EvidenceRecord, run: FormRun): void;
  runEnded(): void;
  flush(): void;
  /** Whether a packet waits for more lines; release() writes it as it is, inside the caller's transaction. */
  readonly waiting: { isAny(): boolean; release(): void };
  end(): void;
  /** A listing that was read and has nothing in it. */
  emptyListing(part: PartOfRecord, run: FormRun): void;
  /** true: a listing is being written; a transaction that ended now would leave half of it. */
  hasOpenListing(): boolean;
}

/** Decides the snapshot of a listing when its first record comes. */
export type PlaceListing = (
  part: PartOfRecord,
  run: FormRun,
  line: number,
) => { readonly snapshot: Snapshot; readonly part: SnapshotPart };

/** What any of several writers holds. */
export function waitingOf(writers: () => Iterable<Pick<StreamWriter, 'waiting'>>): EvidenceWriter['waiting'] {
  return {
    isAny: () => [...writers()].some(({ waiting }) => waiting?.isAny() === true),
    release() {
      for (const { waiting } of writers()) if (waiting?.isAny() === true) waiting.release();
    },
  };
}

/** Routes the records of one source. Records of a kind that no writer takes are a mistake in the table and are thrown about. */
export function openEvidenceWriter(table: WriterTable, source: SourceRef, place: PlaceListing): EvidenceWriter {
  const streams = new Map<RecordKind, StreamWriter>();
  const opened: StreamWriter[] = [];
  interface OpenListing {
    readonly key: string;
    readonly snapshotId: number;
    readonly writer: ListingWriter;
    readonly seen: Set<string>;
  }
  let listings = new Map<string, OpenListing>();
  let lastRun: FormRun | null = null;

  const streamOf = (kind: RecordKind): StreamWriter | null => {
    const known = streams.get(kind);
    if (known !== undefined) return known;
    const entry = table.streams.find(({ kinds }) => kinds.includes(kind));
    if (entry === undefined) return null;
    const writer = entry.open(source);
    opened.push(writer);
    for (const one of entry.kinds) streams.set(one, writer);
    return writer;
  };

  const listingOf = (record: EvidenceRecord, part: PartOfRecord, run: FormRun): OpenListing => {
    const known = listings.get(part.part);
    const isRepeated = part.once !== null && known?.seen.has(part.once) === true;
    if (known !== undefined && !isRepeated) {
      if (part.once !== null) known.seen.add(part.once);
      return known;
    }
    // A writer of the next snapshot cannot open while one of this is at work.
    if (known !== undefined) endListings();
    return beginListing(record.kind, part, run, record.line);
  };
  const beginListing = (kind: RecordKind, part: PartOfRecord, run: FormRun, line: number): OpenListing => {
    const entry = table.listings.find(({ kinds }) => kinds.includes(kind));
    if (entry === undefined) throw new Error(`no writer takes records of kind '${kind}'`);
    const placed = place(part, run, line);
    // A series takes one snapshot at a time.
    if ([...listings.values()].some(({ snapshotId }) => snapshotId !== placed.snapshot.id)) endListings();
    const listing: OpenListing = {
      key: part.key,
      snapshotId: placed.snapshot.id,
      writer: entry.open({ ...source, ...placed }),
      seen: new Set(part.once === null ? [] : [part.once]),
    };
    addPart(source.db, placed.snapshot.id, placed.part);
    listings.set(part.part, listing);
    return listing;
  };

  const endListings = (): void => {
    const ending = listings;
    listings = new Map();
    for (const { writer } of ending.values()) writer.end();
  };

  return {
    record(record, run) {
      if (record.kind === 'ct-count' && record.what === 'shown') {
        // The tool's last line: what follows is another listing. Alone it says that the list was empty.
        if (listings.size === 0 && record.value === 0 && record.of === undefined) {
          const part = (run.command === null ? null : partOfCommand(run.command)) ?? 'list:main';
          if (part.startsWith('list:')) this.emptyListing({ part, key: part, once: null }, run);
        }
        endListings();
        const data = {
          what: 'entries',
          shown: record.value,
          ...(record.of === undefined ? {} : { of: record.of }),
        };
        this.record({ kind: 'host-fact', line: record.line, fact: { kind: 'listed', data } }, run);
        return;
      }
      if (record.kind === 'host-fact' && record.fact.data['what'] === 'sockets' && record.fact.data['shown'] === 0)
        this.emptyListing({ part: 'sockets', key: 'sockets:empty', once: null }, run);
      const part = partOfRecord(record);
      if (part === null) {
        const stream = streamOf(record.kind);
        if (stream === null) throw new Error(`no writer takes records of kind '${record.kind}'`);
        if (run !== lastRun && run.command !== null) noteSourceCommand(source.db, source.sourceId, run.command);
        lastRun = run;
        stream.record(record);
      } else listingOf(record, part, run).writer.record(record);
    },
    runEnded: endListings,
    emptyListing(part, run) {
      const kind = EMPTY_KINDS.find(({ parts }) => parts.test(part.part))?.kind;
      if (kind === undefined || listings.has(part.part)) return;
      beginListing(kind, part, run, run.firstLine).writer.end();
      listings.delete(part.part);
    },
    hasOpenListing: () => listings.size > 0,
    flush() {
      for (const writer of opened) writer.flush();
    },
    waiting: waitingOf(() => opened),
    end() {
      endListings();
      for (const writer of opened) writer.end();
    },
  };
}
