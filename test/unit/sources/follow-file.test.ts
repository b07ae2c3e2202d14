import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import { followFile } from '../../../src/sources/follow-file.js';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'follow-'));
  path = join(folder, 'kern.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

const nothing = (): void => {};

/** Follows through steps, each done when nothing new had come; gives the text of each source. */
async function follow(...steps: readonly (() => void)[]): Promise<readonly string[]> {
  const abort = new AbortController();
  const texts = [''];
  const left = [...steps, nothing, nothing, () => abort.abort()];
  for await (const chunk of followFile(realHost(), path, {
    pollMs: 2,
    signal: abort.signal,
    onRestart: () => void texts.push(''),
  })) {
    texts[texts.length - 1] += Buffer.from(chunk).toString();
    if (chunk.length === 0) left.shift()?.();
  }
  return texts;
}

it('follows a file through growth, truncation and rotation', async () => {
  writeFileSync(path, 'one\n');
  const texts = await follow(
    () => appendFileSync(path, 'two\n'),
    () => writeFileSync(path, '3\n'),
    () => {
      renameSync(path, `${path}.1`);
      writeFileSync(path, 'four, which is longer than before\n');
    },
  );
  expect(texts).toEqual(['one\ntwo\n', '3\n', 'four, which is longer than before\n']);
});

it('reads on in the renamed file until its writer has begun the new one', async () => {
  writeFileSync(path, 'one\n');
  const texts = await follow(
    () => {
      renameSync(path, `${path}.1`);
      writeFileSync(path, '');
    },
    // The log daemon has not been told yet, and stops in the middle of a line.
    () => appendFileSync(`${path}.1`, 'late\nhal'),
    nothing,
    () => appendFileSync(`${path}.1`, 'f\n'),
    () => {
      appendFileSync(`${path}.1`, 'last\n');
      writeFileSync(path, 'new\n');
    },
  );
  expect(texts).toEqual(['one\nlate\nhalf\nlast\n', 'new\n']);
});

it('loses nothing of a file that is compressed and removed at once', async () => {
  writeFileSync(path, 'one\n');
  const texts = await follow(() => {
    appendFileSync(path, 'two\n');
    renameSync(path, `${path}.1`);
    unlinkSync(`${path}.1`);
    writeFileSync(path, 'new\n');
  });
  expect(texts).toEqual(['one\ntwo\n', 'new\n']);
});

it.each([
  ['plain', (text: string) => text, '.1'],
  ['compressed', (text: string) => gzipSync(text), '.1.gz'],
] as const)('reads what copytruncate took away from its copy: %s', async (_, made, ending) => {
  writeFileSync(path, 'one\n');
  // A copy of another day lies there, too.
  writeFileSync(`${path}-20260101`, 'onerous\nof another file\n');
  const texts = await follow(() => {
    writeFileSync(`${path}${ending}`, made('one\ntwo\nthree\n'));
    writeFileSync(path, '');
  });
  expect(texts[0]).toBe('one\ntwo\nthree\n');
});

it('sees a file that was cut and has grown beyond where it was', async () => {
  writeFileSync(path, 'one\n');
  const texts = await follow(() => {
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    appendFileSync(path, 'another, longer than the first\n');
  });
  expect(texts).toEqual(['one\n', 'another, longer than the first\n']);
});
