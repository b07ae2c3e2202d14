// From inputs to a filled store: finds the sources, reads each from where it was left, and works out at the end what only the
// whole call can tell.

import { HostError } from '../host/host.js';
import { openInputs } from '../sources/open-inputs.js';
import { peek } from '../sources/peek.js';
import { type ByteChunks, SourceError, type SourceItem } from '../sources/source.js';
import { flowMarks } from '../store/flows.js';
import { sourcesOfKilledCalls } from '../store/ingest-report.js';
import type { Db } from '../store/open-store.js';
import { beginIngest, endIngest } from '../store/sources.js';
import type { Call, IngestTables } from './call.js';
import { openCallHosts } from './call-hosts.js';
import { hintName } from './file-hints.js';
import { finishCall } from './finish-call.js';
import { BINARY_FORMS, FORMS } from './form-list.js';
import { type KeepUp, openKeepUp } from './keep-up.js';
import { kernelLogBulk } from './kernel-log/kernel-log-bulk.js';
import { type HeardEvents, hearEvents } from './live-events.js';
import { asLiveWord, followInput, isLiveWord, mayBeFollowed, noteHostClocks, readLiveWord } from './live-inputs.js';
import type { IngestDeps, IngestOptions } from './options.js';
import { emptyReport, momentOf, readItem } from './read-item.js';
import type { IngestReport } from './report.js';
import { keepHeapSmall } from './small-heap.js';
import { openSnapshotKeeper } from './snapshot-keeper.js';
import { SNIFF_BYTES, type Sniffed, sniff } from './sniff.js';
import { openStatedKernels } from './stated-kernels.js';
import { openStatements } from './statements.js';
import { WRITERS } from './writers.js';

const ALL: IngestTables = { forms: FORMS, binaryForms: BINARY_FORMS, writers: WRITERS, bulk: kernelLogBulk };

/** Listings of an archive wait in memory until all of it was seen, so that 'after' is not read before 'before'. */
const MOST_WAITING_BYTES = 32 << 20;

interface Waiting {
  readonly item: SourceItem;
  readonly sniffed: Sniffed;
  open(): ByteChunks;
}

/**
 * Reads everything that lies in the inputs into a store. The same again adds nothing. Killed at any moment, the store is whole
 * and the next call reads on. Memory stays flat whatever the size of the inputs.
 * @param inputs files, folders, archives, '-' for standard input
 */
export async function ingest(
  deps: IngestDeps,
  db: Db,
  inputs: readonly string[],
  options: IngestOptions = {},
  tables: IngestTables = ALL,
): Promise<IngestReport> {
  keepHeapSmall();
  return await withoutKeyChecks(db, () => ingestAll(deps, db, inputs, options, tables));
}

/**
 * Every id that is written was given out in the same transaction or read from the store; looking each up again takes a
 * sixth of a large load. Nothing here relies on ON DELETE CASCADE.
 */
async function withoutKeyChecks<T>(db: Db, work: () => Promise<T>): Promise<T> {
  const before = db.pragma('foreign_keys', { simple: true }) as number;
  db.pragma('foreign_keys = OFF');
  try {
    return await work();
  } finally {
    if (db.open) db.pragma(`foreign_keys = ${before}`);
  }
}

async function ingestAll(
  deps: IngestDeps,
  db: Db,
  given: readonly string[],
  options: IngestOptions,
  tables: IngestTables,
): Promise<IngestReport> {
  const startedMs = deps.clock.monotonicMs();
  const inputs = [...new Set(given.map(asLiveWord))];
  let keepUp: KeepUp | null = null;
  const ingestId = beginIngest(db, options.kind ?? 'ingest', options.commandArguments ?? inputs, deps.clock.nowUs());
  const statements = openStatements();
  const call: Call = {
    db,
    deps,
    options,
    tables,
    ingestId,
    statements,
    hosts: openCallHosts(
      db,
      { ingestId, host: options.hostName ?? null, kernel: options.kernelRelease ?? null },
      statements,
    ),
    kernels: openStatedKernels(),
    keeper: openSnapshotKeeper(
      db,
      options.kind === 'capture' ? 'capture' : options.kind === 'snapshot' ? 'snapshot' : 'ingest',
    ),
    reports: [],
    liveSamples: [],
    marks: flowMarks(db),
    killed: sourcesOfKilledCalls(db, ingestId),
    onCommitted: () => keepUp?.look(),
    found: 0,
  };

  const isLive = (input: string): boolean =>
    isLiveWord(input) || (options.isFollowed === true && mayBeFollowed(deps.host, input));
  const live = inputs.filter(isLive);
  // First of all: what happens while files are read must not be missed.
  const heard = await listen(call, live);
  const waiting: Waiting[] = [];
  let waitingBytes = 0;
  const inputOptions = {
    ...(deps.standardInput === undefined ? {} : { standardInput: deps.standardInput }),
    ...(deps.standardInputName === undefined ? {} : { standardInputName: deps.standardInputName }),
    ...(deps.signal === undefined ? {} : { signal: deps.signal }),
  };
  for await (const found of openInputs(
    deps.host,
    inputs.filter((input) => !isLive(input)),
    inputOptions,
  )) {
    if (isStopped(call)) break;
    if (found.is === 'skipped') {
      call.reports.push({ ...emptyReport(found.name), outcome: 'skipped', why: found.why });
      continue;
    }
    call.found++;
    const { item } = found;
    const peeked = await peek(item.open(), SNIFF_BYTES);
    if (isStopped(call) && item.canReopen) break;
    const command = statements.part(item)?.command ?? null;
    const sniffed = sniff(tables.forms, tables.binaryForms, peeked.head, hintName(item.path), command);
    const mayWait =
      !sniffed.isManifest &&
      (item.canReopen ||
        (sniffed.isListing && item.sizeBytes !== null && waitingBytes + item.sizeBytes <= MOST_WAITING_BYTES));
    if (!mayWait) await readItem(call, item, sniffed, peeked.chunks, null);
    else if (item.canReopen) {
      await peeked.chunks[Symbol.asyncIterator]().return?.();
      waiting.push({ item, sniffed, open: () => item.open() });
    } else {
      const held = await holdAll(peeked.chunks);
      waitingBytes += held.reduce((sum, chunk) => sum + chunk.length, 0);
      waiting.push({ item, sniffed, open: () => from(held) });
    }
  }
  // Stable: what has no moment keeps the order of the inputs.
  const ordered = waiting
    .map((one) => ({ ...one, rank: momentOf(call, one.item).rank }))
    .sort((a, b) => a.rank - b.rank);
  for (const one of ordered) {
    if (isStopped(call)) break;
    await readItem(call, one.item, one.sniffed, one.open(), one.open);
  }
  if (options.isFollowed === true) keepUp = openKeepUp(call, live.some(isLiveWord));
  await Promise.all(live.map((input) => readLive(call, input, heard)));
  if (live.some(isLiveWord)) noteHostClocks(call);
  const isAnythingNew = call.reports.some(
    ({ outcome, sourceId }) => sourceId !== null && (outcome === 'read' || outcome === 'continued'),
  );
  const finished = finishCall({ ...call, isAnythingNew, flowsSoFar: keepUp?.flows ?? 0 });
  endIngest(db, ingestId, deps.clock.nowUs());
  return {
    ingestId,
    sources: finished.describe(call.reports),
    hosts: finished.hosts,
    snapshots: finished.snapshots,
    flows: finished.flows,
    isAnythingNew: call.reports.some(
      ({ outcome, lines, bytes }) => (outcome === 'read' || outcome === 'continued') && lines + bytes > 0,
    ),
    missing: finished.missing,
    durationMs: deps.clock.monotonicMs() - startedMs,
  };
}

/** NULL: nobody asked for events, or there are none to hear. */
async function listen(call: Call, live: readonly string[]): Promise<HeardEvents | null> {
  if (!live.includes('events:')) return null;
  try {
    if (call.options.isFollowed !== true)
      throw new SourceError('events are heard as they happen: add --follow, and --for 30s to end it');
    const heard = hearEvents(call);
    await heard.bound;
    call.deps.onListening?.();
    return heard;
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    call.reports.push({ ...emptyReport('events:'), outcome: 'skipped', why: error.message });
    return null;
  }
}

/** What is wrong with one live source must not end the others. */
async function readLive(call: Call, input: string, heard: HeardEvents | null): Promise<void> {
  try {
    if (!isLiveWord(input)) await followInput(call, input);
    else if (input === 'events:') await heard?.read();
    else await readLiveWord(call, input);
  } catch (error) {
    if (!(error instanceof Error) || !(error instanceof SourceError || error instanceof HostError)) throw error;
    call.reports.push({ ...emptyReport(input), outcome: 'skipped', why: error.message });
  }
}

function isStopped(call: Call): boolean {
  return call.deps.signal?.aborted === true;
}

async function holdAll(chunks: ByteChunks): Promise<Uint8Array[]> {
  const held: Uint8Array[] = [];
  try {
    // A copy: a reader may reuse its buffers.
    for await (const chunk of chunks) held.push(Buffer.from(chunk));
  } catch {
    // A cut archive says so itself, behind this member.
  }
  return held;
}

async function* from(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
