// What is published is what is needed, no more, and it runs from the tarball.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
  /^src\/survey\/bundle\/[a-z-]+\.sh$/,
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

  // Logs of this size are parsed in a thread, which exists only in what was built.
  it('reads a log of 15 MB', () => {
    const lines: string[] = [];
    for (let at = 0; at < 60_000; at++)
      lines.push(
        `[${(1000 + at / 2000).toFixed(6).padStart(12)}] INVALID: IN=eth0 OUT=eth1 MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 SRC=10.0.${(at >> 8) & 255}.${at & 255} DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=${at & 65535} DF PROTO=TCP SPT=${1024 + at} DPT=443 SEQ=${at * 7} ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 \n`,
      );
    const log = join(folder, 'kern.log');
    writeFileSync(log, lines.join(''));
    const store = join(folder, 'large.db');
    const ingest = ctwhy('ingest', log, '--db', store);
    expect([ingest.stderr, ingest.status]).toEqual(['', 0]);
    const counted = ctwhy('query', 'SELECT count(*) AS lines FROM passages', '--db', store, '-o', 'csv');
    expect(counted.stdout.trim().split(/\s+/)).toEqual(['lines', '60000']);
  }, 120_000);
});
