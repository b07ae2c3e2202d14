// Readers and writers of a source whose lines are of several hosts: each line goes to the lane of its host, in one pass. Every lane counts
// the lines of the others as empty ones, so that line numbers stay those of the file.

import type { EvidenceRecord } from '../model/record.js';
import { type EvidenceWriter, type SourceRef, type StreamWriter, waitingOf } from './evidence-writer.js';
import type { HostLanes } from './host-lanes.js';
import { parseSlow } from './kernel-log/parse-slow.js';
import { isKernelEvidence, type LineHosts, openLineHosts } from './line-hosts.js';
import type { BulkOpener, BulkReader } from './read-source.js';
import { lineText } from './split-lines.js';

const NEWLINE = 0x0a;
const EMPTY_LINES = Buffer.alloc(64 << 10, NEWLINE);

type OpenOptions = Parameters<BulkOpener['open']>[0];

interface Lane {
  readonly ref: SourceRef;
  readonly reader: BulkReader;
  /** Number of the line its reader expects next; after a flush that of the file. */
  nextLine: number;
  /** Of the region at hand: pieces of whole lines in order, as (first line, start, end). */
  pieces: { readonly line: number; readonly start: number; end: number; lines: number }[];
}

/** What is needed to read on: the own lane's state alone while no other host was met. */
interface SplitState {
  readonly own: unknown;
  readonly parts: readonly { readonly sourceId: number; readonly state: unknown }[];
}

function isSplitState(state: unknown): state is SplitState {
  return typeof state === 'object' && state !== null && 'parts' in state && Array.isArray(state.parts);
}

/** Day of a stamp that names no year. */
export type YearlessDate = { readonly month: number; readonly day: number };

/** The reader of one lane's lines. firstDate: of its first line where that names no year; NULL: the source's own. */
export type OpenerOfLane = (lane: SourceRef, firstDate: YearlessDate | null) => BulkOpener;

/** The reader of a text log of several hosts. */
export function splitBulk(lanes: HostLanes, openerOf: OpenerOfLane): BulkOpener {
  const { form } = openerOf(lanes.own, null);
  return { form, open: (options) => openSplitReader(lanes, openerOf, options) };
}

function openSplitReader(
  lanes: HostLanes,
  openerOf: OpenerOfLane,
  { firstLine, state, onForeign, onUnread }: OpenOptions,
): BulkReader {
  const hosts: LineHosts = openLineHosts();
  const open = new Map<SourceRef, Lane>();
  const openLane = (ref: SourceRef, nextLine: number, resumed: unknown, firstDate: YearlessDate | null): Lane => {
    const reader = openerOf(ref, firstDate).open({ firstLine: nextLine, state: resumed, onForeign, onUnread });
    const lane: Lane = { ref, reader, nextLine, pieces: [] };
    open.set(ref, lane);
    return lane;
  };
  const own = openLane(lanes.own, firstLine, isSplitState(state) ? state.own : state, null);
  if (isSplitState(state)) {
    for (const part of state.parts) {
      const ref = lanes.withSource(part.sourceId);
      if (ref !== null && ref !== lanes.own) openLane(ref, firstLine, part.state, null);
    }
  }
  let line = firstLine;
  let lastName: string | null = null;
  let lastLane: Lane = own;

  /** NULL: a host of which nothing is evidence so far, and neither is this line. */
  const laneOf = (bytes: Uint8Array, start: number, end: number): Lane | null => {
    const name = hosts.of(bytes, start, end);
    if (name === lastName) return lastLane;
    const ref = lanes.of(name, () => isKernelEvidence(parseSlow(lineText(bytes, start, end))));
    if (ref === null) return null;
    lastName = name;
    lastLane = open.get(ref) ?? openLane(ref, line, null, dateOf(bytes, start, end));
    return lastLane;
  };
  const skip = (lane: Lane, toLine: number): void => {
    for (let left = toLine - lane.nextLine; left > 0; left -= EMPTY_LINES.length)
      lane.reader.lines(EMPTY_LINES, 0, Math.min(left, EMPTY_LINES.length));
    lane.nextLine = Math.max(lane.nextLine, toLine);
  };
  /** Hands a lane its lines of the region, with an empty one for each of another host between them. */
  const feed = (lane: Lane, bytes: Uint8Array): void => {
    const { pieces } = lane;
    lane.pieces = [];
    const first = pieces[0];
    const last = pieces.at(-1);
    if (first === undefined || last === undefined) return;
    skip(lane, first.line);
    lane.nextLine = last.line + last.lines;
    if (pieces.length === 1) {
      lane.reader.lines(bytes, first.start, first.end);
      return;
    }
    const size = pieces.reduce((sum, piece) => sum + piece.end - piece.start, 0) + last.line - first.line;
    const text = Buffer.allocUnsafe(size);
    let at = 0;
    let next = first.line;
    for (const piece of pieces) {
      if (piece.line > next) {
        text.fill(NEWLINE, at, at + piece.line - next);
        at += piece.line - next;
      }
      text.set(bytes.subarray(piece.start, piece.end), at);
      at += piece.end - piece.start;
      next = piece.line + piece.lines;
    }
    lane.reader.lines(text, 0, at);
  };

  return {
    form: own.reader.form,
    lines(bytes, start, end) {
      const before = line;
      let piece: Lane['pieces'][number] | null = null;
      let pieceLane: Lane | null = null;
      for (let at = start; at < end; ) {
        const newline = bytes.indexOf(NEWLINE, at);
        const next = newline < 0 || newline >= end ? end : newline + 1;
        const lane = laneOf(bytes, at, next);
        if (lane !== null && lane === pieceLane && piece !== null) {
          piece.end = next;
          piece.lines++;
        } else {
          pieceLane = lane;
          piece = { line, start: at, end: next, lines: 1 };
          lane?.pieces.push(piece);
        }
        line++;
        at = next;
      }
      for (const lane of open.values()) feed(lane, bytes);
      return line - before;
    },
    flush() {
      // All are told of the lines that were nobody's, so that each reads on where the file does.
      for (const lane of open.values()) skip(lane, line);
      const state = own.reader.flush();
      if (open.size === 1) return state;
      const split: SplitState = {
        own: state,
        parts: [...open.values()]
          .filter((lane) => lane !== own)
          .map((lane) => ({ sourceId: lane.ref.sourceId, state: lane.reader.flush() })),
      };
      return split;
    },
    end() {
      for (const lane of open.values()) lane.reader.end();
    },
    takeCounts() {
      let records = 0;
      let unread = 0;
      for (const lane of open.values()) {
        const counts = lane.reader.takeCounts();
        records += counts.records;
        unread += counts.unread;
      }
      return { records, unread };
    },
  };
}

function dateOf(bytes: Uint8Array, start: number, end: number): YearlessDate | null {
  const stamp = parseSlow(lineText(bytes, start, end)).envelope.stamps.find(
    (one) => one.kind === 'wall' && one.year === null,
  );
  return stamp?.kind === 'wall' ? { month: stamp.month, day: stamp.day } : null;
}

/** Routes kernel records that forms took out of their wrapping (a journal's exports) to the lane and boot they name. */
export function splitRecords(
  lanes: HostLanes,
  own: EvidenceWriter,
  open: (source: SourceRef) => StreamWriter,
): EvidenceWriter {
  /** A host's boots follow each other: only the one at hand is open. */
  const streams = new Map<number, { readonly boot: string | null; readonly writer: StreamWriter }>();
  const streamOf = (record: EvidenceRecord & { readonly kind: 'kernel' }): StreamWriter | 'own' | null => {
    const { envelope, message } = record;
    const lane = lanes.ofRecord(envelope, () => message.kind !== 'other');
    if (lane === null) return null;
    const ref = envelope.bootId === null ? lane : lanes.inBoot(lane, envelope.bootId);
    if (ref === lanes.own) return 'own';
    const known = streams.get(lane.sourceId);
    if (known !== undefined && (envelope.bootId === null || known.boot === envelope.bootId)) return known.writer;
    known?.writer.end();
    const writer = open(ref);
    streams.set(lane.sourceId, { boot: envelope.bootId, writer });
    return writer;
  };
  return {
    ...own,
    record(record, run) {
      const stream = record.kind === 'kernel' ? streamOf(record) : 'own';
      if (stream === 'own') own.record(record, run);
      else stream?.record(record);
    },
    flush() {
      own.flush();
      for (const { writer } of streams.values()) writer.flush();
    },
    waiting: waitingOf(() => [own, ...[...streams.values()].map(({ writer }) => writer)]),
    end() {
      own.end();
      for (const { writer } of streams.values()) writer.end();
    },
  };
}
