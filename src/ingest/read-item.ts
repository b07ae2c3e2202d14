// One source of a call: is it known, how far was it read, whose is it, when was it taken; then it is read.

import type { RecordKind } from '../model/record.js';
import { hintOf } from '../parsers/conntrack/command.js';
import { peek } from '../sources/peek.js';
import type { ByteChunks, SourceItem } from '../sources/source.js';
import { earlierMarks } from '../store/flows.js';
import { hostName, namespaceByInode } from '../store/hosts.js';
import type { Db } from '../store/open-store.js';
import { snapshotsOfSource } from '../store/snapshots.js';
import {
  addSource,
  formsOfSource,
  HEAD_BYTES,
  type KnownSource,
  noteSourceNamespace,
  type SourceKind,
  sourcesWithHead,
  touchSource,
} from '../store/sources.js';
import type { Call } from './call.js';
import { type EvidenceWriter, openEvidenceWriter, type PlaceListing, type SourceRef } from './evidence-writer.js';
import { hintName, type Moment, momentOfPath, rankOfMoment } from './file-hints.js';
import { halfLineOf, resumeSource } from './half-line.js';
import { openHostLanes } from './host-lanes.js';
import { KERNEL_LOG_FORM } from './kernel-log/open-kernel-log.js';
import { type Continuation, continueSource } from './known-source.js';
import { filterOfCommand, mayBeEmpty, partOfCommand } from './listing-commands.js';
import { rawKeeperFor } from './raw-text.js';
import { type ReadJob, type ReadResult, readSource } from './read-source.js';
import type { SourceReport } from './report.js';
import { SNIFF_BYTES, type Sniffed } from './sniff.js';
import { type OpenerOfLane, splitBulk, splitRecords } from './split-by-host.js';
import type { PartStatement, SourcePlace } from './statements.js';

const NOTHING = new Uint8Array(0);

export function momentOf(call: Call, place: SourcePlace): Moment {
  const part = call.statements.part(place);
  if (part === null || part.moment === null) return momentOfPath(place.path);
  const beganUs = call.statements.momentBeganUs(place, part.moment);
  // Times put moments in order; between them and the names of files only names can.
  const rank = beganUs === null ? rankOfMoment(part.moment) : 100 + beganUs / 1e17;
  return { key: `m:${part.moment}`, rank, name: part.moment, isGuessed: false };
}

/**
 * Reads one source into the store, or what is new of it.
 * @param reopen the same bytes again from the start; NULL for what passes by once
 */
export async function readItem(
  call: Call,
  item: SourceItem,
  sniffed: Sniffed,
  chunks: ByteChunks,
  reopen: (() => ByteChunks) | null,
): Promise<void> {
  const { db, statements } = call;
  const part = statements.part(item);
  const moment = momentOf(call, item);
  const { live } = item;
  const peeked = live === undefined ? await peek(chunks, SNIFF_BYTES) : { head: live.head, chunks };
  if (sniffed.foreign !== null) {
    await peeked.chunks[Symbol.asyncIterator]().return?.();
    call.reports.push({ ...emptyReport(item.name), outcome: 'skipped', why: sniffed.foreign });
    return;
  }
  if (live === undefined && peeked.head.length === 0 && emptyPart(part, item) === null) {
    const why = await endOf(peeked.chunks);
    call.reports.push({
      ...emptyReport(item.name),
      outcome: why === null ? 'nothing' : 'skipped',
      why: why ?? whyEmpty(hintName(item.path)),
    });
    return;
  }
  const identity =
    live !== undefined
      ? live.place
      : sniffed.isListing || peeked.head.length === 0 || isListedBy(part)
        ? `${moment.key}/${hintName(item.path)}${readingOf(part)}`
        : '';
  const head = sniffed.isListing ? peeked.head : peeked.head.subarray(0, HEAD_BYTES);
  const name = call.hosts.nameOf(item, sniffed.host);
  const candidates = candidatesFor(db, live?.kind ?? 'file', head, identity).filter(
    (known) => name === null || known.isHostAssumed || hostName(db, known.hostId).name === name,
  );

  let rest: ByteChunks = peeked.chunks;
  for (const known of candidates) {
    // A ring buffer goes on by its numbers, not by its bytes.
    const next: Continuation =
      live !== undefined && live.kind !== 'file'
        ? { is: 'continued', chunks: rest, tail: NOTHING, tailBefore: NOTHING }
        : await continueSource(
            rest,
            known,
            known.doneBytes - (halfLineOf(known.openState)?.doneBytes ?? known.doneBytes),
          );
    if (next.is === 'continued' || next.is === 'shorter') {
      call.hosts.meetKnown(known);
      touchSource(db, known.id, call.ingestId);
      adoptSnapshots(call, item, known, moment);
      let result: ReadResult | null = null;
      if (next.is === 'continued') {
        const { chunks, from, takenBack } = await resumeSource(db, known, next);
        if (takenBack !== null) call.marks = earlierMarks(call.marks, takenBack.marks);
        result = await readInto(call, item, sniffed, part, moment, known.id, known.hostId, chunks, from);
      }
      const isNew = result !== null && result.bytes > 0;
      call.reports.push(
        reportOf(call, item, known.id, isNew ? (known.doneBytes === 0 ? 'read' : 'continued') : 'known', result),
      );
      return;
    }
    if (reopen === null) {
      call.reports.push({
        ...emptyReport(item.name),
        outcome: 'skipped',
        why: `it begins like ${known.name}, which was read before, and goes on differently: give it as a file`,
      });
      return;
    }
    rest = reopen();
  }
  const host = call.hosts.of(item, sniffed);
  const sourceId = addSource(db, {
    hostId: host.hostId,
    ingestId: call.ingestId,
    kind: live?.kind ?? 'file',
    name: item.name,
    addedAtUs: call.deps.clock.nowUs(),
    readAtUs: part?.endedAtUs ?? null,
    readErrorUs:
      part?.endedAtUs == null
        ? null
        : Math.max(1000, Math.ceil((part.endedAtUs - (part.startedAtUs ?? part.endedAtUs)) / 2)),
    namespaceId: null,
    head,
    // Of two with one head the later cannot be known by it alone.
    place: alternative(identity, candidatesFor(db, live?.kind ?? 'file', head, identity).length),
  });
  const result = await readInto(call, item, sniffed, part, moment, sourceId, host.hostId, rest, {
    bytes: 0,
    lines: 0,
    tail: new Uint8Array(0),
    openState: null,
  });
  const isNothing = formsOfSource(db, sourceId).length === 0 && result.unread === 0 && emptyPart(part, item) === null;
  const outcome = isNothing ? 'nothing' : 'read';
  call.reports.push(reportOf(call, item, sourceId, outcome, result));
}

/** What a manifest says to be a listing is one, though nothing is in it: conntrack prints how many entries it has shown. */
function isListedBy(part: PartStatement | null): boolean {
  return part !== null && part.command !== null && partOfCommand(part.command) !== null;
}

/** Two readings may print the same to the last byte: an empty list of one namespace and of another. A manifest tells them apart. */
function readingOf(part: PartStatement | null): string {
  const atUs = part?.startedAtUs ?? part?.endedAtUs ?? null;
  return atUs === null ? '' : `@${atUs}`;
}

/** Of several sources with one head, each but the first carries its number. */
function alternative(identity: string, number: number): string {
  return number === 0 ? identity : `${identity}#${number}`;
}

function candidatesFor(db: Db, kind: SourceKind, head: Uint8Array, identity: string): readonly KnownSource[] {
  const found: KnownSource[] = [];
  for (;;) {
    const more = sourcesWithHead(db, kind, head, alternative(identity, found.length));
    if (more.length === 0) return found;
    found.push(...more);
  }
}

async function readInto(
  call: Call,
  item: SourceItem,
  sniffed: Sniffed,
  part: PartStatement | null,
  moment: Moment,
  sourceId: number,
  hostId: number,
  chunks: ByteChunks,
  start: ReadJob['from'],
): Promise<ReadResult> {
  const { db, deps, statements } = call;
  const bootId = call.hosts.bootOf(hostId, item, sniffed.bootId);
  const netns = part?.netns ?? statements.value(item, 'netns');
  const namespaceId = namespaceOfLive(db, bootId, item) ?? call.hosts.namespaceOf(hostId, item, netns);
  const command = part?.command ?? item.live?.command ?? null;
  const archived = item.name.includes('!') && item.modifiedAtUs !== null;
  const times = partTimes(part, archived ? item.modifiedAtUs : null);
  const source: SourceRef = {
    db,
    sourceId,
    hostId,
    bootId,
    namespaceId,
    notAfterUs: part?.endedAtUs ?? item.modifiedAtUs ?? deps.clock.nowUs(),
  };
  const placeListing: PlaceListing = (wanted, { command, netns: runNetns }, line) => {
    const why = [times.why, command === null ? null : filterOfCommand(command)]
      .filter((reason) => reason !== null)
      .join('; ');
    return call.keeper.listing(
      {
        hostId,
        bootId,
        namespaceId: runNetns === null ? namespaceId : call.hosts.namespaceOf(hostId, item, runNetns),
        sourceId,
        firstLine: line,
        moment,
        atUs: times.atUs,
        tookUs: times.tookUs,
        errorUs: times.errorUs,
        why: why === '' ? null : why,
      },
      wanted.part,
      wanted.key,
    );
  };
  const lanes =
    item.live === undefined || item.live.kind === 'file'
      ? openHostLanes({
          hosts: call.hosts,
          own: source,
          seen: sniffed.hosts,
          stated: call.hosts.nameOf(item, null),
          machineId: sniffed.machineId,
          bootUuid: sniffed.bootId,
        })
      : null;
  const ownWriter = noting(openEvidenceWriter(call.tables.writers, source, placeListing));
  const kernelStream = call.tables.writers.streams.find(({ kinds }) => kinds.includes('kernel'));
  const writer =
    lanes === null || kernelStream === undefined ? ownWriter : splitRecords(lanes, ownWriter, kernelStream.open);
  const { bulk } = call.tables;
  const bulkOf: OpenerOfLane | null =
    bulk === null
      ? null
      : (lane, firstDate) =>
          bulk(lane, {
            year: call.options.year ?? null,
            firstDate: firstDate ?? sniffed.firstDate,
            // One thread beside this one is enough: that of the source's own lines.
            sizeBytes: lane === source ? item.sizeBytes : null,
          });
  const emptied = emptyPart(part, item);
  const startedMs = deps.clock.monotonicMs();
  const result = await readSource({
    db,
    sourceId,
    bootId,
    forms: call.tables.forms,
    binary: sniffed.binary,
    fileName: hintName(item.path),
    command,
    netns,
    chunks,
    from: start,
    bulk: bulkOf === null ? null : lanes === null ? bulkOf(source, null) : splitBulk(lanes, bulkOf),
    writer,
    raw: rawKeeperFor(db, sourceId, start, sniffed.binary !== null),
    onBundle(record) {
      const { statement, line } = record;
      statements.add(item, statement);
      call.kernels.add(hostId, line, statement);
      // What was run on the host is evidence of its own.
      if (statement.kind === 'ran') {
        const event = {
          kind: 'command' as const,
          atUs: statement.atUs,
          stamp: null,
          data: { command: statement.command },
        };
        writer.record(
          { kind: 'host-event', line, event },
          { form: 'bundle manifest', firstLine: line, command: null, netns: null },
        );
      }
    },
    onProgress(bytes, lines) {
      const seconds = (deps.clock.monotonicMs() - startedMs) / 1000;
      deps.onProgress?.({
        source: item.name,
        done: call.reports.length,
        found: call.found,
        bytes,
        sizeBytes: item.sizeBytes,
        lines,
        linesPerSecond: seconds > 0 ? Math.round((lines - start.lines) / seconds) : 0,
      });
    },
    ...(deps.signal === undefined ? {} : { signal: deps.signal }),
    ...(item.live === undefined ? {} : { isLive: true, onCommitted: call.onCommitted }),
    ...(item.sizeBytes === null && !item.canReopen ? { passesOnce: true } : {}),
  });
  const isKernelLog =
    ownWriter.kinds.has('kernel') || formsOfSource(db, sourceId).some(({ form }) => form === KERNEL_LOG_FORM);
  // A manifest names its own namespace, and its host, only while it is read.
  const ownNetns = netns ?? statements.value(item, 'netns');
  const ownNamespaceId =
    namespaceId ??
    (ownNetns === null ? null : call.hosts.namespaceOf(call.hosts.of(item, sniffed).hostId, item, ownNetns));
  if (ownNamespaceId !== null && !isKernelLog)
    db.transaction(() => noteSourceNamespace(db, sourceId, ownNamespaceId))();
  // An empty list is an answer, too: the command ran and nothing was there.
  if (result.bytes === 0 && start.bytes === 0 && emptied !== null) {
    db.transaction(() =>
      writer.emptyListing(
        { part: emptied, key: emptied, once: null },
        { form: 'empty', firstLine: 1, command: part?.command ?? null, netns },
      ),
    )();
  }
  return result;
}

/** A writer that notes which kinds of records it was given: lines of the kernel log are of no one namespace, whatever wraps them. */
function noting(writer: EvidenceWriter): EvidenceWriter & { readonly kinds: ReadonlySet<RecordKind> } {
  const kinds = new Set<RecordKind>();
  return {
    ...writer,
    kinds,
    record(record, run) {
      kinds.add(record.kind);
      writer.record(record, run);
    },
  };
}

/** Of what is read from the running host in one of its namespaces. */
function namespaceOfLive(db: Db, bootId: number | null, { live }: SourceItem): number | null {
  const netns = live?.netns;
  if (bootId === null || netns === undefined || netns.inode === null) return null;
  return db.transaction(() => namespaceByInode(db, bootId, netns.inode!, netns.name, netns.isInitial))();
}

/** The part that an empty file stands for; NULL when emptiness says nothing: nobody tells that its command ended well. */
function emptyPart(part: PartStatement | null, item: SourceItem): string | null {
  if (item.sizeBytes !== 0 || part === null || part.command === null || part.exitStatus !== 0) return null;
  const named = partOfCommand(part.command);
  return named !== null && mayBeEmpty(named) ? named : null;
}

/** What an empty file nobody vouches for may mean. conntrack tells on standard error how many entries it showed. */
function whyEmpty(fileName: string): string {
  const isListing = hintOf({ fileName, command: null })?.subject === 'list';
  return isListing
    ? "empty: no entry, or conntrack failed, cannot be told; 'conntrack -L > FILE 2>&1' keeps the line that tells"
    : 'empty';
}

function partTimes(
  part: PartStatement | null,
  archivedAtUs: number | null,
): {
  readonly atUs: number | null;
  readonly tookUs: number | null;
  readonly errorUs: number | null;
  readonly why: string | null;
} {
  const end = part?.endedAtUs ?? part?.startedAtUs ?? null;
  if (end !== null) {
    const start = part?.startedAtUs ?? end;
    return {
      atUs: Math.round((start + end) / 2),
      tookUs: end - start,
      errorUs: Math.max(1000, Math.ceil((end - start) / 2)),
      why: null,
    };
  }
  if (archivedAtUs === null) return { atUs: null, tookUs: null, errorUs: null, why: null };
  return { atUs: archivedAtUs, tookUs: null, errorUs: 60_000_000, why: 'time guessed from the file in the archive' };
}

function adoptSnapshots(call: Call, item: SourceItem, known: KnownSource, moment: Moment): void {
  for (const { snapshot, parts } of snapshotsOfSource(call.db, known.id)) {
    const netns = call.statements.part(item)?.netns ?? call.statements.value(item, 'netns');
    call.keeper.adopt(
      {
        hostId: known.hostId,
        bootId: null,
        namespaceId: call.hosts.namespaceOf(known.hostId, item, netns),
        moment,
        atUs: null,
        tookUs: null,
        errorUs: null,
        why: null,
      },
      snapshot,
      parts,
    );
  }
}

export function emptyReport(name: string): SourceReport {
  return {
    sourceId: null,
    name,
    outcome: 'nothing',
    why: null,
    host: null,
    isHostAssumed: false,
    kernel: null,
    bytes: 0,
    lines: 0,
    forms: [],
    unrecognisedLines: 0,
    unreadLines: 0,
    firstUnread: null,
    clock: null,
  };
}

function reportOf(
  call: Call,
  item: SourceItem,
  sourceId: number,
  outcome: SourceReport['outcome'],
  result: ReadResult | null,
): SourceReport {
  return {
    ...emptyReport(item.name),
    sourceId,
    outcome,
    why: result?.problem ?? null,
    bytes: result?.bytes ?? 0,
    lines: result?.lines ?? 0,
    forms: formsOfSource(call.db, sourceId),
    unrecognisedLines: result?.unrecognised ?? 0,
    unreadLines: result?.unread ?? 0,
    firstUnread: result?.firstUnread ?? null,
  };
}

/** Reads a stream that is empty to its end: NULL, or why nothing came. */
async function endOf(chunks: ByteChunks): Promise<string | null> {
  try {
    for await (const _ of chunks) break;
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
