// The text of every source, byte for byte: blocks of whole lines, compressed. (source, line) gives any line back.
// Brotli at its lowest level, synchronous: a tenth of a log's size at 800 MB/s; the asynchronous call costs three times as much.

import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import type { Db } from './open-store.js';

/** Half a MiB: one block unpacks in under a millisecond. */
const BLOCK_BYTES = 512 * 1024;
const NEWLINE = 0x0a;
const NOTHING = Buffer.alloc(0);

export interface RawBlocks {
  /** Takes the next bytes of the source, in any split. They are copied. */
  add(bytes: Uint8Array): void;
  /**
   * Writes all whole lines taken so far, so that a transaction may end here.
   * @returns whole lines and their bytes since the source began; what follows the last newline waits in memory
   */
  flush(): { readonly lines: number; readonly bytes: number };
  /** What was taken last counts as a line, though it has no end: a block ends there. */
  cutLine(): void;
  /** The source ended: a last line without a newline is whole too. */
  end(): { readonly lines: number; readonly bytes: number };
}

/**
 * Opens the text of a source for writing, inside the caller's transactions.
 * @param from where to go on: lines and bytes already stored (the resume point)
 */
export function openRawBlocks(
  db: Db,
  sourceId: number,
  from: { readonly lines: number; readonly bytes: number } = { lines: 0, bytes: 0 },
): RawBlocks {
  const insert = db.prepare(
    'INSERT INTO raw_blocks (source_id, first_line, lines, bytes, data) VALUES (?, ?, ?, ?, ?)',
  );
  let buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES * 2);
  let used = 0;
  let lines = from.lines;
  let bytes = from.bytes;

  const write = (length: number): void => {
    if (length === 0) return;
    const block = buffer.subarray(0, length);
    const count = countLines(block);
    const data = brotliCompressSync(block, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 1,
        [constants.BROTLI_PARAM_LGWIN]: 20,
        [constants.BROTLI_PARAM_SIZE_HINT]: length,
      },
    });
    insert.run(sourceId, lines + 1, count, length, data);
    lines += count;
    bytes += length;
    buffer.copyWithin(0, length, used);
    used -= length;
  };

  const wholeLines = (): number => buffer.subarray(0, used).lastIndexOf(NEWLINE) + 1;

  return {
    add(more) {
      let at = 0;
      while (at < more.length) {
        if (used === buffer.length) grow();
        const taken = Math.min(more.length - at, buffer.length - used);
        buffer.set(more.subarray(at, at + taken), used);
        at += taken;
        used += taken;
        while (used >= BLOCK_BYTES) {
          const whole = buffer.subarray(0, BLOCK_BYTES).lastIndexOf(NEWLINE) + 1;
          // A line longer than a block: wait for its end, in a larger buffer.
          const length =
            whole > 0
              ? whole
              : buffer.subarray(BLOCK_BYTES, used).indexOf(NEWLINE) + 1 + (used > BLOCK_BYTES ? BLOCK_BYTES : 0);
          if (length <= BLOCK_BYTES && whole === 0) break;
          write(length);
        }
      }
    },
    flush() {
      write(wholeLines());
      return { lines, bytes };
    },
    cutLine() {
      write(used);
    },
    end() {
      write(used);
      buffer = NOTHING;
      return { lines, bytes };
    },
  };

  function grow(): void {
    const larger = Buffer.allocUnsafeSlow(buffer.length * 2);
    buffer.copy(larger, 0, 0, used);
    buffer = larger;
  }
}

function countLines(block: Buffer): number {
  let count = 0;
  for (let at = block.indexOf(NEWLINE); at >= 0; at = block.indexOf(NEWLINE, at + 1)) count++;
  return block[block.length - 1] === NEWLINE ? count : count + 1;
}

interface BlockRow {
  readonly firstLine: number;
  readonly lines: number;
  readonly data: Buffer;
}

/** Bytes of one line with its end; NULL when the source has no such line. */
export function readRawLineBytes(db: Db, sourceId: number, line: number): Buffer | null {
  for (const [number, bytes] of rawLines(db, sourceId, line, line)) if (number === line) return bytes;
  return null;
}

/** Text of one line without its end, UTF-8 where it is UTF-8 and latin1 otherwise; NULL when the source has no such line. */
export function readRawLine(db: Db, sourceId: number, line: number): string | null {
  const bytes = readRawLineBytes(db, sourceId, line);
  return bytes === null ? null : textOf(bytes);
}

/** Blocks kept unpacked by who asks for line after line, wherever they stand. */
const KEPT_BLOCKS = 6;

/** Like readRawLine(), for many lines of few sources: what was unpacked last stays unpacked, in a few MiB. */
export function openRawLines(db: Db): (sourceId: number, line: number) => string | null {
  const find = db.prepare(WHOLE_BLOCK);
  const kept: { readonly sourceId: number; readonly firstLine: number; readonly lines: readonly Buffer[] }[] = [];
  return (sourceId, line) => {
    const at = kept.findIndex(
      (one) => one.sourceId === sourceId && line >= one.firstLine && line < one.firstLine + one.lines.length,
    );
    let block = kept[at];
    if (block === undefined) {
      const found = find.get({ sourceId, line }) as BlockRow | undefined;
      if (found === undefined || line >= found.firstLine + found.lines) return null;
      block = { sourceId, firstLine: found.firstLine, lines: Array.from(linesOf(found), ([, bytes]) => bytes) };
    } else kept.splice(at, 1);
    kept.unshift(block);
    kept.length = Math.min(kept.length, KEPT_BLOCKS);
    const bytes = block.lines[line - block.firstLine];
    return bytes === undefined ? null : textOf(bytes);
  };
}

/** Texts of lines from..to (both included), by number. */
export function readRawLines(db: Db, sourceId: number, from: number, to: number): ReadonlyMap<number, string> {
  return new Map(Array.from(rawLines(db, sourceId, from, to), ([number, bytes]) => [number, textOf(bytes)]));
}

/** Texts of single lines, each block unpacked once. */
export function readTheseRawLines(db: Db, sourceId: number, lines: Iterable<number>): ReadonlyMap<number, string> {
  const wanted = [...new Set(lines)].sort((a, b) => a - b);
  const found = new Map<number, string>();
  for (let i = 0; i < wanted.length; ) {
    const block = blockWith(db, sourceId, wanted[i]!);
    if (block === undefined) {
      i++;
      continue;
    }
    const last = block.firstLine + block.lines - 1;
    const inBlock = new Set<number>();
    while (i < wanted.length && wanted[i]! <= last) inBlock.add(wanted[i++]!);
    for (const [number, bytes] of linesOf(block)) if (inBlock.has(number)) found.set(number, textOf(bytes));
  }
  return found;
}

const WHOLE_BLOCK = `SELECT first_line AS firstLine, lines, data FROM raw_blocks
  WHERE source_id = coalesce((SELECT part_of FROM sources WHERE id = @sourceId), @sourceId) AND first_line <= @line ORDER BY first_line DESC LIMIT 1`;

function blockWith(db: Db, sourceId: number, line: number): BlockRow | undefined {
  const block = db.prepare(WHOLE_BLOCK).get({ sourceId, line }) as BlockRow | undefined;
  return block === undefined || line >= block.firstLine + block.lines ? undefined : block;
}

function* rawLines(db: Db, sourceId: number, from: number, to: number): Generator<readonly [number, Buffer]> {
  for (let line = Math.max(1, from); line <= to; ) {
    const block = blockWith(db, sourceId, line);
    if (block === undefined) return;
    for (const entry of linesOf(block)) if (entry[0] >= from && entry[0] <= to) yield entry;
    line = block.firstLine + block.lines;
  }
}

function* linesOf(block: BlockRow): Generator<readonly [number, Buffer]> {
  const bytes = brotliDecompressSync(block.data);
  let at = 0;
  for (let line = block.firstLine; at < bytes.length; line++) {
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline + 1;
    yield [line, bytes.subarray(at, end)];
    at = end;
  }
}

function textOf(line: Buffer): string {
  let end = line.length;
  if (end > 0 && line[end - 1] === NEWLINE) end--;
  if (end > 0 && line[end - 1] === 0x0d) end--;
  const wide = line.toString('utf8', 0, end);
  return wide.includes('\ufffd') ? line.toString('latin1', 0, end) : wide;
}
