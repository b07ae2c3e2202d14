// Which result of a live test file on a kernel counts now, and when is it no longer of the present program?

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type FileResult,
  keepResult,
  readResults,
  standing,
  stateReader,
  tellStanding,
} from '../../kernels/results.js';

const RELEASE = '6.1.0-50-amd64';
const RAN: FileResult = {
  ...{ release: RELEASE, file: 'test/live/a.test.ts', passed: 3, failed: 0, skipped: 1, seconds: 40, failures: [] },
  ...{ state: 'now', commit: 'abc', at: '2026-11-21T10:00:00.000Z' },
};
const ONLY_SKIPPED: FileResult = { ...RAN, passed: 0, skipped: 4 };
const FAILED: FileResult = { ...RAN, failed: 1, failures: ['a > b: no'] };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ctwhy-results-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the result that stands', () => {
  it.each([
    ['is the last one', [RAN, FAILED], FAILED],
    ['is the one that ran, not one that only skipped in the same state', [RAN, ONLY_SKIPPED], RAN],
    ['is the one that skipped when the state is another', [{ ...RAN, state: 'old' }, ONLY_SKIPPED], ONLY_SKIPPED],
    ['is never that of another kernel', [RAN, { ...FAILED, release: '5.10.0-32-amd64' }], RAN],
  ])('%s', (_, results, wanted) => {
    expect([...standing(results, RELEASE).values()]).toEqual([wanted]);
  });

  it('is read although a run was cut off while it was written', () => {
    const path = join(folder, 'results.jsonl');
    keepResult(path, RAN);
    writeFileSync(path, JSON.stringify(FAILED).slice(0, 50), { flag: 'a' });
    expect(readResults(path)).toEqual([RAN]);
    expect(readResults(join(folder, 'none'))).toEqual([]);
  });
});

describe('the state of a result', () => {
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  beforeEach(() => {
    const shared = ['src/main.ts', 'bin/x.js', 'migrations/1.sql', 'package-lock.json', 'test/vitest.config.ts'];
    const rooms = ['test/lab/lab.ts', 'test/helpers/a.ts', 'test/oracle/b.ts', 'test/record/c.ts'];
    for (const path of [...shared, ...rooms, 'test/live/a.test.ts', 'test/live/b.test.ts']) put(path, path);
  });
  const states = () => ['test/live/a.test.ts', 'test/live/b.test.ts', 'incident x'].map(stateReader(folder));

  it('is the same for the same files, and another for each test file', () => {
    expect(states()).toEqual(states());
    expect(new Set(states()).size).toBe(3);
  });

  it('changes for all with the program, and with a test file for that alone', () => {
    const before = states();
    put('test/live/a.test.ts', 'other');
    const [a, ...others] = states();
    expect(a).not.toBe(before[0]);
    expect(others).toEqual(before.slice(1));
    put('src/deep/er.ts', '');
    for (const [n, state] of states().entries()) expect(state).not.toBe([a, ...others][n]);
  });
});

it('tells the sum over all files of a kernel, and what is not of the present state or was not tried', () => {
  const files = ['test/live/a.test.ts', 'test/live/b.test.ts', 'test/live/c.test.ts'];
  const results = [RAN, { ...FAILED, file: files[1]!, state: 'old' }];
  expect(tellStanding(results, [RELEASE], files, () => 'now').split('\n')).toEqual([
    'kernel 6.1.0-50-amd64: 2 of 3 tried: 2 skipped, 6 passed, 1 failed; 1 of them as the program or the test was before',
    '  passed     test/live/a.test.ts: 1 skipped, 3 passed, 0 failed; 40 s, abc, 2026-11-21T10:00Z',
    '  failed     test/live/b.test.ts: 1 skipped, 3 passed, 1 failed; 40 s, abc, 2026-11-21T10:00Z',
    '    a > b: no',
    '  not tried  test/live/c.test.ts',
    '',
  ]);
});
