// The line reader behind a small interface that is the same in this thread and in one of its own.

import type { PacketBatch } from '../../store/packet-batch.js';
import type { ClockStretch } from './clock-tracker.js';
import type { LineCounts } from './line-counts.js';
import { openLineFeed } from './line-feed.js';
import { type OpenLines, openLineReader, type ParseSlow } from './read-lines.js';

export interface ParserStart {
  readonly firstLine: number;
  readonly assumedYear: number | null;
  readonly resume: { readonly state: OpenLines; readonly texts: readonly (readonly [number, string])[] } | null;
}

export interface ParserEvents {
  readonly onForeign: (text: string, line: number) => void;
  readonly onUnread: (line: number, reason: string, at: number) => void;
  readonly onBatch: (batch: PacketBatch) => void;
}

export interface Parser {
  feed(chunk: Uint8Array): void;
  end(): void;
  /** Hands on what is complete; bytes: of whole lines since the beginning. */
  pause(): { readonly bytes: number; readonly state: OpenLines };
  counts(): LineCounts;
  stretches(): readonly ClockStretch[];
}

export function openParserHere(start: ParserStart, parseSlow: ParseSlow, events: ParserEvents): Parser {
  const reader = openLineReader({ parseSlow, firstLine: start.firstLine, assumedYear: start.assumedYear, ...events });
  const lines = openLineFeed();
  let bytes = 0;
  if (start.resume !== null) {
    const texts = new Map(start.resume.texts);
    reader.restore(start.resume.state, (line) => texts.get(line) ?? null);
  }
  const read = (buffer: Buffer, end: number): void => {
    reader.read(buffer, 0, end);
  };
  return {
    feed(chunk) {
      bytes += chunk.length;
      lines.push(chunk, read);
    },
    end() {
      lines.end(read);
      reader.end();
    },
    pause() {
      reader.flush();
      return { bytes: bytes - lines.waiting(), state: reader.openState() };
    },
    counts: () => ({ ...reader.counts }),
    stretches: reader.stretches,
  };
}
