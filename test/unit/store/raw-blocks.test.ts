import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  openRawBlocks,
  readRawLine,
  readRawLineBytes,
  readRawLines,
  readTheseRawLines,
} from '../../../src/store/raw-blocks.js';
import { storeOfSources } from './store-of-sources.js';

/** The bytes of all lines of a source, put together again. */
function stored(db: ReturnType<typeof storeOfSources>, lines: number): Buffer {
  return Buffer.concat(Array.from({ length: lines }, (_, i) => readRawLineBytes(db, 1, i + 1)!));
}

describe('raw text', () => {
  it('comes back byte for byte in any split, with CRLF, NUL, no last newline, and commits in between', () => {
    const line = fc.array(fc.constantFrom(0x00, 0x0a, 0x0d, 0x41, 0xc3, 0xff), { maxLength: 400 });
    fc.assert(
      fc.property(
        line,
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 9 }),
        (bytes, sizes, every) => {
          const db = storeOfSources();
          const text = Buffer.from(bytes);
          let raw = openRawBlocks(db, 1);
          let resumedAt = 0;
          for (let at = 0, i = 0; at < text.length; i++) {
            const size = sizes[i % sizes.length]!;
            raw.add(text.subarray(at, at + size));
            at += size;
            if (i % every === 0) {
              const done = raw.flush();
              // As after a kill: what was not flushed is fed again from the resume point. Only when a kill lost less than
              // was gained, or it would be fed again for ever.
              if (done.bytes > resumedAt) {
                raw = openRawBlocks(db, 1, done);
                at = done.bytes;
                resumedAt = at;
              }
            }
          }
          const done = raw.flush();
          const rest = openRawBlocks(db, 1, done);
          rest.add(text.subarray(done.bytes));
          const { lines } = rest.end();
          expect(stored(db, lines).equals(text)).toBe(true);
          expect(readRawLine(db, 1, lines + 1)).toBeNull();
        },
      ),
      { numRuns: 150 },
    );
  });

  it('keeps lines longer than a block whole, and finds lines in any block', () => {
    const db = storeOfSources();
    const long = 'x'.repeat(1_500_000);
    const text = `${Array.from({ length: 30_000 }, (_, i) => `line ${i + 1} äöü\n`).join('')}${long}\nlast`;
    const raw = openRawBlocks(db, 1);
    for (let bytes = Buffer.from(text); bytes.length > 0; bytes = bytes.subarray(65_536))
      raw.add(bytes.subarray(0, 65_536));
    expect(raw.end()).toEqual({ lines: 30_002, bytes: Buffer.byteLength(text) });
    expect(db.prepare('SELECT count(*) FROM raw_blocks').pluck().get()).toBeGreaterThan(2);
    expect(readRawLine(db, 1, 17)).toBe('line 17 äöü');
    expect(readRawLine(db, 1, 30_001)).toBe(long);
    expect(readRawLine(db, 1, 30_002)).toBe('last');
    expect([...readRawLines(db, 1, 29_999, 30_000)]).toEqual([
      [29_999, 'line 29999 äöü'],
      [30_000, 'line 30000 äöü'],
    ]);
    expect([...readTheseRawLines(db, 1, [30_000, 1, 99_999])]).toEqual([
      [1, 'line 1 äöü'],
      [30_000, 'line 30000 äöü'],
    ]);
  });
});
