// Lines of a region one after another are the same as each by itself, whatever bytes and line ends they have.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LineRegion, lineText, lineTexts, openLineSplitter } from '../../../src/ingest/split-lines.js';

function oneByOne(bytes: Uint8Array): string[] {
  const texts: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    texts.push(lineText(bytes, start, end));
    start = end;
  }
  return texts;
}

const someBytes = fc.uint8Array({ maxLength: 200 });
const someText = fc
  .array(fc.constantFrom('a', 'src=192.0.2.1', 'ü', '\r', '\n', '\r\n', ' '), { maxLength: 40 })
  .map((parts) => new Uint8Array(Buffer.from(parts.join(''))));

describe('the lines of a region', () => {
  it('are those that lineText gives', () => {
    fc.assert(
      fc.property(fc.oneof(someBytes, someText), (bytes) => {
        expect([...lineTexts({ bytes, start: 0, end: bytes.length })]).toEqual(oneByOne(bytes));
      }),
    );
  });

  it('do not depend on how the bytes came', () => {
    fc.assert(
      fc.property(someText, fc.nat(40), (bytes, cut) => {
        const splitter = openLineSplitter();
        const texts: string[] = [];
        for (const chunk of [bytes.slice(0, cut), bytes.slice(cut)]) {
          for (const region of splitter.push(chunk)) texts.push(...lineTexts(region));
        }
        const last = splitter.end();
        if (last !== null) texts.push(...lineTexts(last));
        expect(texts).toEqual(oneByOne(bytes));
      }),
    );
  });

  it('are cut into pieces where they are too long, documents later, and no byte is lost', () => {
    const longest = { line: 8, document: 20 };
    const line = fc.string({ unit: fc.constantFrom('a', 'b', '{', ' '), maxLength: 50 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 8 })), (texts, sizes) => {
        const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
        const splitter = openLineSplitter(longest);
        const pieces: string[] = [];
        const take = (region: LineRegion) => {
          const text = Buffer.from(region.bytes.subarray(region.start, region.end)).toString();
          if (region.isCut === true) {
            expect(text).not.toContain('\n');
            expect([8, 20]).toContain(text.length);
            expect(region.bytes[region.end]).toBe(0x0a);
          }
          pieces.push(text);
        };
        let at = 0;
        for (let turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % Math.max(1, sizes.length)] ?? 8;
          splitter.push(bytes.subarray(at, at + size)).forEach(take);
          at += size;
        }
        const last = splitter.end();
        if (last !== null) take(last);
        expect(pieces.join('')).toBe(bytes.toString());
        const longestPiece = Math.max(
          0,
          ...pieces
            .join('\u0000')
            .split(/[\n\u0000]/)
            .map((one) => one.length),
        );
        expect(longestPiece).toBeLessThanOrEqual(longest.document);
      }),
    );
  });
});
