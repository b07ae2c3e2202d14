// A kernel log from its bytes to rows: what the ingest calls for each source recognised as one. Writes inside the caller's transactions;
// large sources are parsed in a thread of their own while this one compresses and inserts, with the same result.

import type { Db } from '../../store/open-store.js';
import type { ClockStart } from '../../store/packet-batch.js';
import { openPacketWriter } from '../../store/packet-writer.js';
import { openPassageMerge } from '../../store/passage-merge.js';
import { readTheseRawLines } from '../../store/raw-blocks.js';
import type { ClockStretch } from './clock-tracker.js';
import type { LineCounts } from './line-counts.js';
import { openParserHere, type Parser, type ParserEvents } from './parser.js';
import { openParserThread } from './parser-thread.js';
import type { OpenLines, ParseSlow } from './read-lines.js';

/** From this size on a thread of its own pays for being started. */
const THREAD_BYTES = 12 << 20;

export interface KernelLogOptions {
  readonly db: Db;
  readonly sourceId: number;
  /** The network namespace that all packets are of, as with NFLOG; left out: lines do not tell theirs. */
  readonly namespaceId?: number | null;
  /** Boot of the source, where a file tells; uptime that falls back leads to clocks of no known boot. */
  readonly bootId: number | null;
  /** Number of the first line that will be fed. */
  readonly firstLine: number;
  readonly hints: KernelLogHints;
  readonly parseSlow: ParseSlow;
  /** A line without envelope that is not the kernel's: perhaps of another form. Lines arrive in order, perhaps some chunks late. */
  readonly onForeignLine: (text: string, line: number) => void;
  /** A line that looks like netfilter's and cannot be read. */
  readonly onUnread: (line: number, form: string, reason: string, at: number) => void;
  /** What checkpoint() gave, to read on; the raw text up to there must be in the store. */
  readonly resume?: string | null;
}

export interface KernelLogHints {
  /** Year of the first line where stamps name none. */
  readonly assumedYear: number | null;
  /** How large the source is, where that is known. */
  readonly sizeBytes: number | null;
}

/** Form id under which unread lines of a kernel log are kept. */
export const KERNEL_LOG_FORM = 'kernel log';

export interface PlacedStretch extends ClockStretch {
  readonly clockId: number;
}

export interface KernelLog {
  feed(chunk: Uint8Array): void;
  /** The source ended: open packets are written. */
  end(): void;
  /**
   * Writes what is complete and tells where reading may go on: to be stored in the same transaction.
   * bytes, lines: whole lines read since the beginning of this object, plus the lines before it.
   */
  checkpoint(): { readonly bytes: number; readonly lines: number; readonly openState: string };
  stats(): LineCounts & { readonly written: number; readonly merged: number };
  /** Clocks of the source with what its lines tell about their place on the epoch axis; complete after end(). */
  clockStretches(): readonly PlacedStretch[];
}

interface SavedState {
  readonly lines: OpenLines;
  readonly clockIds: readonly number[];
}

export function openKernelLog(options: KernelLogOptions): KernelLog {
  const { db, sourceId } = options;
  const saved =
    options.resume === undefined || options.resume === null ? null : (JSON.parse(options.resume) as SavedState);
  const addClock = db.prepare(
    `INSERT INTO clocks (source_id, boot_id, kind, from_line, offset_us, error_us, method) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const bootOf = (clock: ClockStart): number | null => (clock.boot === 0 ? options.bootId : null);
  const writer = openPacketWriter(db, {
    sourceId,
    namespaceId: options.namespaceId ?? null,
    addClock: (clock) =>
      Number(
        addClock.run(
          sourceId,
          bootOf(clock),
          clock.kind,
          clock.fromLine,
          clock.kind === 'epoch' ? 0 : null,
          clock.kind === 'epoch' ? 0 : null,
          clock.kind === 'epoch' ? 'epoch' : 'unplaced',
        ).lastInsertRowid,
      ),
    mergeFor: (id, clock) => openPassageMerge(db, { id, sourceId, kind: clock.kind, bootId: bootOf(clock) }),
    clockIds: saved?.clockIds ?? [],
  });
  const events: ParserEvents = {
    onForeign: options.onForeignLine,
    onUnread: (line, reason, at) => options.onUnread(line, KERNEL_LOG_FORM, reason, at),
    onBatch: (batch) => writer.write(batch),
  };
  const start = {
    firstLine: saved?.lines.nextLine ?? options.firstLine,
    assumedYear: options.hints.assumedYear,
    resume:
      saved === null
        ? null
        : { state: saved.lines, texts: [...readTheseRawLines(db, sourceId, saved.lines.passages.flat())] },
  };
  const isLarge = (options.hints.sizeBytes ?? 0) >= THREAD_BYTES;
  const parser: Parser =
    (isLarge ? openParserThread(start, events) : null) ?? openParserHere(start, options.parseSlow, events);
  let isEnded = false;

  return {
    feed: (chunk) => parser.feed(chunk),
    end() {
      if (isEnded) return;
      isEnded = true;
      parser.end();
    },
    checkpoint() {
      const { bytes, state } = parser.pause();
      const kept: SavedState = { lines: state, clockIds: writer.clockIds };
      return { bytes, lines: state.nextLine - 1, openState: JSON.stringify(kept) };
    },
    stats: () => ({ ...parser.counts(), ...writer.counts }),
    clockStretches: () =>
      parser.stretches().map((stretch) => ({ ...stretch, clockId: writer.clockIds[stretch.clock]! })),
  };
}
