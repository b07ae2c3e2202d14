import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import { followFile } from '../../../src/sources/follow-file.js';

it('follows a file through growth, truncation and rotation', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'follow-'));
  const path = join(folder, 'kern.log');
  writeFileSync(path, 'one\n');
  const abort = new AbortController();
  const restarts: string[] = [];
  const steps = [
    () => appendFileSync(path, 'two\n'),
    () => writeFileSync(path, '3\n'),
    () => {
      renameSync(path, `${path}.1`);
      writeFileSync(path, 'four, which is longer than before\n');
    },
    () => abort.abort(),
  ];
  let text = '';
  const options = { pollMs: 5, signal: abort.signal, onRestart: (why: string) => void restarts.push(why) };
  for await (const chunk of followFile(realHost(), path, options)) {
    text += Buffer.from(chunk).toString();
    if (chunk.length === 0) steps.shift()?.();
  }
  rmSync(folder, { recursive: true });
  expect(text).toBe('one\ntwo\n3\nfour, which is longer than before\n');
  expect(restarts).toEqual(['truncated', 'rotated']);
});
