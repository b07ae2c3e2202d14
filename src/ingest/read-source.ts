// Reads one source from its resume point to its end, in transactions that each leave the store whole.

import type { EvidenceRecord } from '../model/record.js';
import type { BinaryForm, Form } from '../parsers/form.js';
import type { ByteChunks } from '../sources/source.js';
import { noteGap } from '../store/kernel-gaps.js';
import type { Db } from '../store/open-store.js';
import { readRawLine } from '../store/raw-blocks.js';
import {
  countForm,
  moveResumePoint,
  TAIL_BYTES,
  tailHash,
  type UnreadLine,
  unreadLineWriter,
} from '../store/sources.js';
import { type SourceState, sourceState } from '../store/take-back.js';
import type { EvidenceWriter } from './evidence-writer.js';
import { type FormRun, openTextReader } from './read-text.js';
import type { UnreadExample } from './report.js';
import { openSequenceWatch, type SourceMark } from './sequence-watch.js';
import { type LineRegion, lineText, openLineSplitter } from './split-lines.js';

/** Rows that are lost to a killed process at most, and memory that a transaction may hold. */
const TRANSACTION_BYTES = 16 << 20;
/** Lines nobody could read that are kept one by one; the rest is counted. */
const MOST_UNREAD_ROWS = 10_000;
const LONGEST_EXAMPLE = 1000;
/** Of a piece of a line that is too long for any form. */
const MOST_LOOKED_AT = 64 << 10;
const NEWLINE = 0x0a;

/** Keeps the text of a source, so that (source, line) gives any line back. */
export interface RawKeeper {
  /** Whole lines, in order. */
  lines(bytes: Uint8Array): void;
  /** What came last counts as a line, though it has no end. */
  cutLine(): void;
  flush(): void;
  end(): void;
}

/** A reader of one form that takes bytes, far faster than one string after another; it writes its rows itself. */
export interface BulkReader {
  readonly form: string;
  /** Whole lines, in order; what is not its own comes back through onForeign, in order. Returns how many lines there were. */
  lines(bytes: Uint8Array, start: number, end: number): number;
  /** Before a transaction ends: everything that is done goes to the store. Returns what is needed to read on later. */
  flush(): unknown;
  end(): void;
  /** Since the last call. */
  takeCounts(): { readonly records: number; readonly unread: number };
}

export interface BulkOpener {
  readonly form: string;
  open(options: {
    readonly firstLine: number;
    /** What flush() gave when reading stopped; NULL at the first time. */
    readonly state: unknown;
    onForeign(text: string, line: number): void;
    onUnread(line: number, reason: string, column: number): void;
  }): BulkReader;
}

export interface ReadJob {
  readonly db: Db;
  readonly sourceId: number;
  /** Of clocks that this source begins; NULL: its lines decide. */
  readonly bootId: number | null;
  readonly forms: readonly Form[];
  readonly binary: BinaryForm | null;
  readonly fileName: string;
  readonly command: string | null;
  readonly netns: string | null;
  /** From the resume point on. */
  readonly chunks: ByteChunks;
  readonly from: {
    readonly bytes: number;
    readonly lines: number;
    readonly tail: Uint8Array;
    /** sources.open_state of a source that is read on. */
    readonly openState: string | null;
  };
  readonly bulk: BulkOpener | null;
  readonly writer: EvidenceWriter;
  readonly raw: RawKeeper;
  onBundle(record: Extract<EvidenceRecord, { kind: 'bundle' }>): void;
  onProgress(bytes: number, lines: number): void;
  /** Live sources: rows went to the store, and no transaction is open. */
  onCommitted?(): void;
  readonly signal?: AbortSignal;
  /** A pipe: its bytes do not come again, and what came is kept when reading is stopped. */
  readonly passesOnce?: boolean;
  /** Read while it grows: each chunk is a transaction of its own, and none is open while more is waited for. */
  readonly isLive?: boolean;
}

/** sources.open_state: what a bulk reader needs to read on, and how far the numbers of a live source were read. */
export interface OpenState {
  readonly bulk?: string;
  readonly state: unknown;
  readonly mark?: SourceMark;
  /** The source ended with a line that has no end: where it stood before that. */
  readonly half?: SourceState;
}

export interface ReadResult {
  readonly bytes: number;
  readonly lines: number;
  readonly unrecognised: number;
  readonly unread: number;
  readonly firstUnread: UnreadExample | null;
  /** What was wrong with the end of the source; NULL when it was read to its end. */
  readonly problem: string | null;
  readonly isStopped: boolean;
}

export async function readSource(job: ReadJob): Promise<ReadResult> {
  const { db, sourceId, writer, raw } = job;
  const writeUnread = unreadLineWriter(db, sourceId);
  const counts = new Map<string, { records: number; unread: number; firstLine: number }>();
  let unread = 0;
  let unreadRows = 0;
  let firstUnread: UnreadExample | null = null;
  let bytes = job.from.bytes;
  let lines = job.from.lines;
  let tail = job.from.tail;
  let sinceCommit = 0;
  let lastRecordLine = 0;
  let bulk = null as BulkReader | null;
  let bulkFromLine = 0;
  /** State of a bulk reader that was closed while nothing came. */
  let resting: { readonly state: unknown } | null = null;
  const stored = job.from.openState === null ? null : (JSON.parse(job.from.openState) as OpenState);
  const watch = openSequenceWatch(stored?.mark ?? null);
  let half: SourceState | null = stored?.half ?? null;

  const countOf = (form: string, line: number): { records: number; unread: number; firstLine: number } => {
    const known = counts.get(form);
    if (known !== undefined) return known;
    const fresh = { records: 0, unread: 0, firstLine: line };
    counts.set(form, fresh);
    return fresh;
  };
  const noteUnread = (row: UnreadLine, text: string): void => {
    unread++;
    if (row.form !== null) countOf(row.form, row.line).unread++;
    firstUnread ??= { line: row.line, form: row.form, reason: row.reason, text: text.slice(0, LONGEST_EXAMPLE) };
    if (unreadRows++ < MOST_UNREAD_ROWS) writeUnread(row);
  };
  const takeRecord = (record: EvidenceRecord, run: FormRun): void => {
    countOf(run.form, record.line).records++;
    lastRecordLine = record.line;
    if (record.kind === 'bundle') job.onBundle(record);
    else writer.record(record, run);
  };
  /** What is needed to read on from here. */
  const openState = (): string | null => {
    const mark = watch.mark();
    const more = { ...(mark === null ? {} : { mark }), ...(half === null ? {} : { half }) };
    if (bulk !== null) return JSON.stringify({ bulk: bulk.form, state: bulk.flush(), ...more } satisfies OpenState);
    if (resting !== null)
      return JSON.stringify({ bulk: job.bulk?.form ?? '', state: resting.state, ...more } satisfies OpenState);
    return Object.keys(more).length === 0 ? null : JSON.stringify({ state: null, ...more } satisfies OpenState);
  };
  /** Returns what it stored to read on. */
  const commit = (): string | null => {
    writer.flush();
    raw.flush();
    const state = openState();
    if (bulk !== null) {
      const { records, unread: unreadByBulk } = bulk.takeCounts();
      const count = countOf(bulk.form, bulkFromLine);
      count.records += records;
      count.unread += unreadByBulk;
    }
    for (const gap of watch.takeGaps()) noteGap(db, sourceId, job.bootId, gap);
    for (const [form, count] of counts) countForm(db, sourceId, { form, ...count });
    for (const [form, { firstLine }] of counts) counts.set(form, { records: 0, unread: 0, firstLine });
    moveResumePoint(db, sourceId, {
      doneBytes: bytes,
      doneLines: lines,
      tailHash: tailHash(tail),
      openState: state,
    });
    db.exec('COMMIT');
    if (job.isLive !== true) db.exec('BEGIN IMMEDIATE');
    sinceCommit = 0;
    return state;
  };
  /** Nothing came for a while: packets do not wait for lines any longer. */
  const rest = (): void => {
    if (bulk === null && !writer.waiting.isAny()) return;
    db.exec('BEGIN IMMEDIATE');
    writer.waiting.release();
    if (bulk !== null) {
      bulk.end();
      resting = { state: bulk.flush() };
      const told = bulk.takeCounts();
      const count = countOf(bulk.form, bulkFromLine);
      count.records += told.records;
      count.unread += told.unread;
      bulk = null;
    }
    commit();
  };
  /** No listing is half written and no reader holds the beginning of a record: reading may resume after this line. */
  const isAtResumePoint = (): boolean =>
    !writer.hasOpenListing() && (reader.isBetweenStretches() || (bulk === null && lastRecordLine === lines));
  const passed = (view: Uint8Array): void => {
    bytes += view.length;
    sinceCommit += view.length;
    // A copy: the next region may come in the same buffer.
    tail =
      view.length >= TAIL_BYTES
        ? Buffer.from(view.subarray(-TAIL_BYTES))
        : Buffer.concat([tail, view]).subarray(-TAIL_BYTES);
  };

  const reader = openTextReader(
    {
      forms: job.forms,
      fileName: job.fileName,
      command: job.command,
      netns: job.netns,
      bulkForm: job.bulk?.form ?? null,
    },
    {
      record: takeRecord,
      unread: (line, form, reason, column, text) => noteUnread({ line, form, reason, column }, text),
      runEnded(run) {
        countOf(run.form, run.firstLine);
        writer.runEnded();
      },
    },
  );
  const openBulk = (state: unknown): void => {
    bulkFromLine = lines + 1;
    bulk =
      job.bulk?.open({
        firstLine: lines + 1,
        state,
        // A line the bulk reader does not know is any other form's; what is of its form was its own.
        onForeign: (text, line) => void reader.line(text, line),
        onUnread: (line, reason, column) => noteUnread({ line, form: job.bulk?.form ?? null, reason, column }, ''),
      }) ?? null;
  };
  const takeLines = (region: LineRegion): void => {
    const view = region.bytes.subarray(region.start, region.end);
    const text = region.isCut === true ? beginningOf(view) : region;
    // The text goes in first: a bulk reader that reads on looks up its open lines there.
    raw.lines(view);
    if (region.isCut === true) raw.cutLine();
    watch.see(view, lines + 1);
    half = null;
    if (resting !== null) {
      const { state } = resting;
      resting = null;
      openBulk(state);
    }
    let start = text.start;
    while (start < text.end) {
      if (bulk !== null) {
        lines += bulk.lines(text.bytes, start, text.end);
        break;
      }
      const newline = text.bytes.indexOf(NEWLINE, start);
      const end = newline < 0 || newline >= text.end ? text.end : newline + 1;
      if (reader.line(lineText(text.bytes, start, end), lines + 1) === 'bulk') {
        openBulk(null);
        continue;
      }
      lines++;
      start = end;
    }
    passed(view);
  };

  const binaryRun: FormRun | null =
    job.binary === null ? null : { form: job.binary.id, firstLine: 1, command: job.command, netns: job.netns };
  const binaryReader =
    job.binary === null || binaryRun === null
      ? null
      : job.binary.open((record) => takeRecord(record, binaryRun), { fileName: job.fileName, command: job.command });
  const splitter = openLineSplitter();
  let problem: string | null = null;
  let isStopped = false;

  if (job.isLive !== true) db.exec('BEGIN IMMEDIATE');
  try {
    if (stored?.bulk !== undefined && stored.bulk === job.bulk?.form) {
      if (job.isLive === true) resting = { state: stored.state };
      else openBulk(stored.state);
    }
    try {
      for await (const chunk of job.chunks) {
        if (job.isLive === true) {
          const regions = chunk.length === 0 ? [] : splitter.push(chunk);
          if (regions.length > 0) {
            db.exec('BEGIN IMMEDIATE');
            for (const region of regions) takeLines(region);
            commit();
          } else if (chunk.length === 0) rest();
          job.onCommitted?.();
        } else if (binaryReader !== null) {
          for (const { line, reason } of binaryReader.bytes(Buffer.from(chunk)))
            noteUnread({ line, form: job.binary?.id ?? null, reason, column: null }, '');
          passed(chunk);
        } else {
          for (const region of splitter.push(chunk)) takeLines(region);
          if (sinceCommit > TRANSACTION_BYTES && isAtResumePoint()) commit();
        }
        job.onProgress(bytes, lines);
        // What is live ends by itself when it is told to, and gives what it holds until then.
        if (job.isLive !== true && job.signal?.aborted === true) break;
      }
    } catch (error) {
      // What was read before a source broke is good; what is wrong with its end is told beside it.
      if (!isSourceProblem(error)) throw error;
      problem = error.message;
    }
    isStopped = job.signal?.aborted === true;
    if (job.isLive === true) {
      const last = isStopped ? null : splitter.end();
      db.exec('BEGIN IMMEDIATE');
      if (last !== null) takeLines(last);
      reader.end();
      bulk?.end();
      writer.end();
      commit();
    } else if (isStopped && job.passesOnce !== true) {
      // As if the process had been killed here: the next call reads on, and its rows are those of a call nobody stopped.
      if (isAtResumePoint()) commit();
      db.exec('ROLLBACK');
    } else {
      const last = splitter.end();
      if (last !== null) {
        const mayGrow = job.passesOnce !== true && isAtResumePoint();
        const before = mayGrow ? { doneBytes: bytes, doneLines: lines, openState: commit() } : null;
        const state = before === null ? null : sourceState(db, sourceId, before);
        takeLines(last);
        half = state;
      }
      reader.end();
      if (binaryReader !== null) {
        for (const { line, reason } of binaryReader.end())
          noteUnread({ line, form: job.binary?.id ?? null, reason, column: null }, '');
      }
      bulk?.end();
      writer.end();
      raw.end();
      commit();
      db.exec('COMMIT');
    }
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
  return {
    bytes: bytes - job.from.bytes,
    lines: lines - job.from.lines,
    unrecognised: reader.counts.unrecognised,
    unread,
    firstUnread: withText(db, sourceId, firstUnread),
    problem,
    isStopped,
  };
}

/** As much of a piece of an endless line as anybody looks at, with an end. */
function beginningOf(piece: Uint8Array): LineRegion {
  const size = Math.min(piece.length, MOST_LOOKED_AT);
  const bytes = Buffer.allocUnsafe(size + 1);
  bytes.set(piece.subarray(0, size));
  bytes[size] = NEWLINE;
  return { bytes, start: 0, end: size + 1 };
}

function isSourceProblem(error: unknown): error is Error {
  return (
    error instanceof Error &&
    (error.name === 'SourceError' || error.name === 'HostError' || 'code' in error) &&
    !error.name.startsWith('Sqlite')
  );
}

/** A bulk reader tells where a line is, not what it says: that is in the store. */
function withText(db: Db, sourceId: number, example: UnreadExample | null): UnreadExample | null {
  if (example === null || example.text !== '') return example;
  return { ...example, text: (readRawLine(db, sourceId, example.line) ?? '').slice(0, LONGEST_EXAMPLE) };
}
