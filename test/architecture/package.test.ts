// What is published is what is needed, no more, and it runs from the tarball.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY } from '../helpers/run-command.js';

/** Every path in the package is of one of these kinds. */
const KINDS: readonly RegExp[] = [
  /^package\.json$/,
  /^(README|LICENSE)(\.md)?$/,
  /^bin\/ctwhy\.js$/,
  /^dist\/[a-z0-9/-]+\.js$/,
  /^migrations\/\d{4}-[a-z0-9-]+\.sql$/,
  /^fixtures\/hosts\/finwait-deleted\/[A-Za-z0-9.-]+$/,
];

let folder: string;
let paths: readonly string[];
let size = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-'));
  // A clone of what is tracked or new, built in a place of its own: the working tree's dist may be stale.
  const clone = join(folder, 'clone');
  execFileSync('mkdir', ['-p', clone]);
  for (const name of ['bin', 'src', 'migrations', 'fixtures', 'package.json', 'tsconfig.json', 'README.md', 'LICENSE'])
    if (existsSync(join(REPOSITORY, name))) execFileSync('cp', ['-a', join(REPOSITORY, name), clone]);
  symlinkSync(join(REPOSITORY, 'node_modules'), join(clone, 'node_modules'));
  execFileSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--incremental', 'false', '--tsBuildInfoFile', 'null'],
    { cwd: clone },
  );
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--loglevel=error'], {
    cwd: clone,
    encoding: 'utf8',
  });
  const [{ filename, files, unpackedSize }] = JSON.parse(packed) as [
    { filename: string; files: { path: string }[]; unpackedSize: number },
  ];
  paths = files.map(({ path }) => path);
  size = unpackedSize;
  execFileSync('tar', ['-xzf', join(clone, filename), '-C', folder]);
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'package/node_modules'));
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function ctwhy(...words: readonly string[]) {
  return spawnSync(process.execPath, [join(folder, 'package/bin/ctwhy.js'), ...words], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: folder, XDG_STATE_HOME: folder },
  });
}

describe('the package', () => {
  it('holds nothing that is not of a known kind', () => {
    expect(paths.filter((path) => !KINDS.some((kind) => kind.test(path)))).toEqual([]);
    expect(paths.length).toBeGreaterThan(100);
    expect(size).toBeLessThan(5_000_000);
  });

  it('holds the program, every migration and the bundle of the demo', () => {
    for (const path of [
      'package.json',
      'bin/ctwhy.js',
      'dist/start.js',
      'dist/main.js',
      'fixtures/hosts/finwait-deleted/kern.log',
    ])
      expect(paths).toContain(path);
    for (const name of readdirSync(join(REPOSITORY, 'migrations'))) expect(paths).toContain(`migrations/${name}`);
  });

  it('runs from the tarball', () => {
    const { stdout, stderr, status } = ctwhy('--version');
    expect([stdout, stderr, status]).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+\n$/), '', 0]);
    expect(ctwhy('query', '--schema').stdout).toContain('seen_at_us');
  });

  it('explains the demo', () => {
    const { stdout, stderr, status } = ctwhy('demo');
    expect([stderr, status]).toEqual(['', 0]);
    expect(stdout).toMatch(/FIN/);
    expect(stdout).toMatch(/INVALID/);
  });
});
