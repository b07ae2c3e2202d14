// A snapshot of the running host into the store, in one transaction: killed at any moment, it is not there. Others write while the host is read.

import { holds, parseKernelVersion } from '../catalogue/kernel-version.js';
import type { HostReading, SnapshotPlan } from '../model/host-reading.js';
import { beginSnapshot, type SnapshotWriter } from '../store/conntrack-writer.js';
import { addCoverage, type Coverage, extendCoverage } from '../store/coverage.js';
import { buildFlows, flowMarks } from '../store/flows.js';
import { bootOf, hostByName, namespaceByInode, noteKernelRelease } from '../store/hosts.js';
import type { Db } from '../store/open-store.js';
import { type PartState, seriesFor, settleSnapshotTime } from '../store/snapshots.js';
import { addSource, beginIngest, endIngest, sourcesWithHead, touchSource } from '../store/sources.js';
import { FailedError } from '../text/errors.js';
import { confirmSockets, type SocketConfirmation } from './confirm-sockets.js';
import { FORMS } from './form-list.js';
import { BLIND_LISTS } from './kernel-limits.js';
import {
  holdOutput,
  type Output,
  type OutputDeps,
  type OutputReading,
  type OutputSink,
  openOutput,
  readOutput,
} from './read-output.js';
import { keepHeapSmall } from './small-heap.js';
import { openSnapshotRecords } from './snapshot-records.js';
import { logInvalidCoverage } from './work-out-coverage.js';

export interface SnapshotOptions {
  /** 'before', 'after', what people call it; NULL: none. */
  readonly name: string | null;
  /** As typed, kept with the call. */
  readonly commandArguments: readonly string[];
}

export interface TakenPart {
  readonly part: string;
  readonly state: PartState;
  readonly records: number;
  readonly why: string | null;
}

export interface TakenSnapshot {
  readonly snapshotId: number;
  readonly seq: number;
  readonly beganUs: number;
  readonly endedUs: number;
  readonly parts: readonly TakenPart[];
  readonly sockets: SocketConfirmation;
}

/** Seconds are printed whole, and a line is read soon after the kernel gave it: a pipe holds no more than some hundred lines. */
const LINE_ERROR_US = 100_000;

/**
 * Reads all of a plan into the next snapshot of this host and namespace. Nothing is kept when it fails.
 * @throws FailedError when a part fails without which there is no snapshot, or the signal is aborted
 */
export async function takeSnapshot(
  deps: OutputDeps,
  db: Db,
  plan: SnapshotPlan,
  options: SnapshotOptions,
): Promise<TakenSnapshot> {
  // As in the ingest: ids are given out in the same transaction, and looking each up again takes a sixth of the time.
  const keys = db.pragma('foreign_keys', { simple: true }) as number;
  db.pragma('foreign_keys = OFF');
  keepHeapSmall();
  const before = newestSnapshot(db);
  // Others write while the host is read.
  const begun = await begin(deps, plan);
  try {
    if (deps.signal?.aborted === true) throw new FailedError('stopped: nothing of this snapshot was kept');
    db.exec('BEGIN IMMEDIATE');
    // Of two at once, the one that comes second reads anew: snapshots of a series do not overlap.
    if (newestSnapshot(db) !== before) begun.letGo();
    const taken = await readPlan(deps, db, plan, options, begun);
    db.exec('COMMIT');
    return taken;
  } finally {
    begun.letGo();
    if (db.inTransaction) db.exec('ROLLBACK');
    db.pragma(`foreign_keys = ${keys}`);
  }
}

/** Of what the programs print so much is held in memory; a table of some hundred thousand entries is more, and is read behind the lock. */
const MOST_HELD_BYTES = 16 << 20;

interface Begun {
  readonly beganUs: number;
  /** What was begun of a reading; undefined: it is read when its turn comes. */
  of(reading: HostReading): Output | undefined;
  letGo(): void;
}

/** Reads a plan, part after part, as far as memory allows. */
async function begin(deps: OutputDeps, plan: SnapshotPlan): Promise<Begun> {
  const outputs = new Map<HostReading, Output>();
  const beganUs = deps.clock.nowUs();
  let room = MOST_HELD_BYTES;
  for (const reading of [...byPart(plan.readings)].flat()) {
    if (room < 0 || deps.signal?.aborted === true) break;
    if (reading.source.is === 'absent') continue;
    const { output, heldBytes } = await holdOutput(openOutput(deps, reading), room);
    outputs.set(reading, output);
    room -= heldBytes;
  }
  return {
    beganUs,
    of: (reading) => outputs.get(reading),
    letGo() {
      for (const output of outputs.values()) output.stop();
      outputs.clear();
    },
  };
}

function newestSnapshot(db: Db): number | null {
  return db
    .prepare("SELECT max(n.id) FROM snapshots n JOIN series s ON s.id = n.series_id WHERE s.made_by = 'snapshot'")
    .pluck()
    .get() as number | null;
}

interface Place {
  readonly hostId: number;
  readonly bootId: number;
  readonly namespaceId: number | null;
  readonly ingestId: number;
  readonly release: string;
}

async function readPlan(
  deps: OutputDeps,
  db: Db,
  plan: SnapshotPlan,
  options: SnapshotOptions,
  begun: Begun,
): Promise<TakenSnapshot> {
  const isBegun = plan.readings.some((reading) => begun.of(reading) !== undefined);
  const beganUs = isBegun ? begun.beganUs : deps.clock.nowUs();
  const place = placeOf(deps, db, plan, options);
  const marks = flowMarks(db);
  const lastUs = lastTaken(db, place);
  const seriesId = seriesFor(db, { ...place, madeBy: 'snapshot' }, beganUs);
  const writer = beginSnapshot(db, {
    seriesId,
    takenAtUs: beganUs,
    tookUs: null,
    errorUs: LINE_ERROR_US,
    name: options.name,
    isAlone: true,
  });
  const records = openSnapshotRecords(db, writer, { seriesId, seq: writer.seq });
  const parts: TakenPart[] = [];
  for (const readings of byPart(plan.readings))
    parts.push(await readPart(deps, db, place, writer, records, readings, begun));
  writer.finish();
  const sockets = await confirmSockets(deps, db, plan, { seriesId, seq: writer.seq, snapshotId: writer.snapshotId });
  settleSnapshotTime(db, writer.snapshotId);
  buildFlows(db, place.hostId, marks);
  noteLogInvalid(db, place, writer, deps.clock.nowUs());
  noteUnshown(db, place, parts, lastUs, deps.clock.nowUs());
  endIngest(db, place.ingestId, deps.clock.nowUs());
  if (deps.signal?.aborted === true) throw new FailedError('stopped: nothing of this snapshot was kept');
  return {
    snapshotId: writer.snapshotId,
    seq: writer.seq,
    beganUs,
    endedUs: deps.clock.nowUs(),
    parts,
    sockets,
  };
}

function placeOf({ host, clock }: OutputDeps, db: Db, { netns }: SnapshotPlan, options: SnapshotOptions): Place {
  const identity = host.identity();
  const hostId = hostByName(db, identity.name);
  const bootId = bootOf(db, hostId, identity.bootId);
  noteKernelRelease(db, bootId, identity.kernelRelease);
  return {
    hostId,
    bootId,
    namespaceId: netns.inode === null ? null : namespaceByInode(db, bootId, netns.inode, netns.name, netns.isInitial),
    ingestId: beginIngest(db, 'snapshot', options.commandArguments, clock.nowUs()),
    release: identity.kernelRelease,
  };
}

/** Readings of one part stand together, in the order of the plan. */
function byPart(readings: readonly HostReading[]): Iterable<readonly HostReading[]> {
  const parts = new Map<string, HostReading[]>();
  for (const reading of readings) {
    const known = parts.get(reading.part);
    if (known === undefined) parts.set(reading.part, [reading]);
    else known.push(reading);
  }
  return parts.values();
}

/** A part is read when each of its readings was; what one of them says stands for the part. */
async function readPart(
  deps: OutputDeps,
  db: Db,
  place: Place,
  writer: SnapshotWriter,
  records: ReturnType<typeof openSnapshotRecords>,
  readings: readonly HostReading[],
  begun: Begun,
): Promise<TakenPart> {
  const { part } = readings[0]!;
  const done: { readonly reading: HostReading; readonly output: OutputReading }[] = [];
  let sourceId: number | null = null;
  for (const reading of readings) {
    if (reading.source.is === 'absent') continue;
    const from = sourceOfCommand(deps, db, place, reading.command);
    sourceId ??= from;
    const sink: OutputSink = {
      record: (record, atUs, print) => records.record(record, atUs, from, print),
      shownAgain: records.shownAgain,
    };
    const output = await readOutput(deps, FORMS, reading, sink, begun.of(reading));
    if (deps.signal?.aborted === true) throw new FailedError('stopped: nothing of this snapshot was kept');
    if (output.failure !== null && reading.isNeeded)
      throw new FailedError(`${reading.command} failed: ${output.failure}; nothing of this snapshot was kept`);
    done.push({ reading, output });
  }
  const count = done.reduce((sum, { output }) => sum + output.records, 0);
  const verdict = judge(part, count, readings, done, place.release);
  const began = done[0]?.output.beganUs ?? null;
  const ended = done.at(-1)?.output.endedUs ?? null;
  writer.part({
    part,
    ...verdict,
    atUs: began === null || ended === null ? null : Math.round((began + ended) / 2),
    tookUs: began === null || ended === null ? null : Math.round(ended - began),
    sourceId,
    firstLine: sourceId === null ? null : 1,
  });
  return { part, ...verdict, records: count };
}

function judge(
  part: string,
  records: number,
  readings: readonly HostReading[],
  done: readonly { readonly reading: HostReading; readonly output: OutputReading }[],
  release: string,
): { readonly state: PartState; readonly why: string | null } {
  const absent = readings.find(({ source }) => source.is === 'absent');
  if (absent?.source.is === 'absent') return { state: absent.source.state, why: absent.why };
  const failed = done.find(({ output }) => output.failure !== null);
  if (failed !== undefined) return { state: 'failed', why: `${failed.reading.command}: ${failed.output.failure}` };
  const blind = BLIND_LISTS.find((list) => list.part === part);
  if (records === 0 && blind !== undefined && holds(blind.range, parseKernelVersion(release)) !== 'no')
    return { state: 'cannot-show', why: blind.why };
  const unread = done.reduce((sum, { output }) => sum + output.unread, 0);
  const whys = [
    ...new Set(done.map(({ reading }) => reading.why).filter((why) => why !== null)),
    ...(unread === 0
      ? []
      : [
          `${unread} lines could not be read, first ${done.find(({ output }) => output.unread > 0)!.output.firstUnread}`,
        ]),
  ];
  return { state: 'read', why: whys.length === 0 ? null : whys.join('; ') };
}

/** One source for each command of a boot and namespace, however often it is run: what it printed are rows of the snapshots. */
function sourceOfCommand({ clock }: OutputDeps, db: Db, place: Place, command: string): number {
  const head = new Uint8Array(0);
  const key = `${place.bootId}/${place.namespaceId ?? ''}/${command}`;
  const known = sourcesWithHead(db, 'command', head, key)[0];
  if (known !== undefined) {
    touchSource(db, known.id, place.ingestId);
    return known.id;
  }
  return addSource(db, {
    hostId: place.hostId,
    ingestId: place.ingestId,
    kind: 'command',
    name: command,
    addedAtUs: clock.nowUs(),
    readAtUs: null,
    readErrorUs: null,
    namespaceId: place.namespaceId,
    head,
    place: key,
  });
}

/** For which protocols the kernel would have printed why a packet is INVALID, at this moment. */
function noteLogInvalid(db: Db, place: Place, writer: SnapshotWriter, atUs: number): void {
  const value = db
    .prepare(
      `SELECT v.value FROM values_over_time v JOIN snapshots n ON n.series_id = v.series_id WHERE n.id = ? AND v.what = 'sysctl'
       AND v.name = 'net.netfilter.nf_conntrack_log_invalid' AND v.seq = n.seq`,
    )
    .pluck()
    .get(writer.snapshotId) as string | undefined;
  // Only where it changed: a row for each snapshot would tell nothing more.
  if (value === undefined) return;
  addCoverage(db, coverageAt(place, atUs, logInvalidCoverage(String(value))));
}

/** Parts that could not be read, or that this kernel cannot show: from when to when. */
function noteUnshown(db: Db, place: Place, parts: readonly TakenPart[], lastUs: number | null, atUs: number): void {
  for (const { part, state, why } of parts)
    if (state !== 'read')
      extendCoverage(db, coverageAt(place, atUs, { what: part, state: 'cannot-show', why }), lastUs);
}

function coverageAt(
  { hostId, bootId, namespaceId }: Place,
  atUs: number,
  said: Pick<Coverage, 'what' | 'state' | 'why'>,
): Coverage {
  return { hostId, bootId, namespaceId, sourceId: null, fromAtUs: atUs, toAtUs: atUs, lost: null, ...said };
}

function lastTaken(db: Db, { hostId, bootId, namespaceId }: Place): number | null {
  return db
    .prepare(
      `SELECT max(n.taken_at_us) FROM snapshots n JOIN series s ON s.id = n.series_id
       WHERE s.host_id = ? AND s.boot_id = ? AND s.namespace_id IS ? AND s.made_by = 'snapshot'`,
    )
    .pluck()
    .get(hostId, bootId, namespaceId) as number | null;
}
