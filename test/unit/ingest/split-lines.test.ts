// Lines of a region one after another are the same as each by itself, whatever bytes and line ends they have.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineText, lineTexts, openLineSplitter } from '../../../src/ingest/split-lines.js';

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
          const region = splitter.push(chunk);
          if (region !== null) texts.push(...lineTexts(region));
        }
        const last = splitter.end();
        if (last !== null) texts.push(...lineTexts(last));
        expect(texts).toEqual(oneByOne(bytes));
      }),
    );
  });
});
