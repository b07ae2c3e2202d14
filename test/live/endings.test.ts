import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowsOf } from '../helpers/run-command.js';

const PROGRAM = new URL('../../bin/ctwhy.js', import.meta.url).pathname;
const LONG_MS = 240_000;
const isRoot = process.getuid?.() === 0;
const second = (index: number): string => String(index % 60).padStart(2, '0');
const logLine = (index: number): string =>
  `Nov 21 12:${second(Math.floor(index / 60))}:${second(index)} fw1 kernel: [${1000 + Math.floor(index / 50)}.${String((index % 50) * 20_000).padStart(6, '0')}] DROP: IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=192.0.2.${(index % 250) + 1} DST=198.51.100.7 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=${index % 65_536} DF PROTO=TCP SPT=${1024 + (index % 60_000)} DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
const logOf = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => logLine(from + index)).join('');

let folder = '';
const running = new Set<ChildProcess>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'robust-'));
  chmodSync(folder, 0o777);
});
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

function start(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Started {
  return startProgram(process.execPath, [PROGRAM, ...words], environment);
}

function startProgram(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Started {
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal, stdout, stderr });
    });
  });
  return { child, ended };
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for something to become so; undefined while it is not, or the store is not there yet. */
async function until<T>(what: () => Promise<T | undefined>, longestMs = 60_000): Promise<T> {
  const endMs = performance.now() + longestMs;
  for (;;) {
    const found = await what().catch(() => undefined);
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error('it did not come to pass in time');
    await later(200);
  }
}

async function count(db: string, table: string): Promise<number> {
  return Number((await rowsOf(db, `select count(*) n from ${table}`))[0]!['n']);
}

describe('what waits can be ended', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'a pipe that says nothing: %s',
    async (signal, code) => {
      const pipe = join(folder, `silent-${signal}`);
      execFileSync('mkfifo', [pipe]);
      const writer = openSync(pipe, 'r+');
      const db = join(folder, `silent-${signal}.db`);
      const { child, ended } = start(['ingest', pipe, '--db', db]);
      await until(async () => ((await count(db, 'ingests')) > 0 ? true : undefined));
      child.kill(signal);
      expect(await ended).toMatchObject({ code, signal: null });
      closeSync(writer);
    },
    LONG_MS,
  );

  it(
    'a pipe that nobody writes to is left by itself',
    async () => {
      const pipe = join(folder, 'nobody');
      execFileSync('mkfifo', [pipe]);
      const { code, stdout, stderr } = await start(['ingest', pipe, '--db', join(folder, 'nobody.db')]).ended;
      expect([code, stdout + stderr]).toEqual([1, expect.stringContaining('a pipe that nobody writes to')]);
    },
    LONG_MS,
  );

  it(
    'a query over files',
    async () => {
      const log = join(folder, 'query.log');
      writeFileSync(log, logOf(0, 50));
      const temporary = join(folder, 'temporary');
      mkdirSync(temporary);
      const endless = 'with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n, packets';
      const { child, ended } = start(['query', endless, '-r', log], { TMPDIR: temporary });
      // The statement runs once its store has no name any more.
      await until(async () =>
        readFileSync(`/proc/${child.pid}/maps`, 'utf8').includes('(deleted)') ? true : undefined,
      );
      await later(1000);
      child.kill('SIGINT');
      const { code, signal } = await ended;
      expect(signal === 'SIGINT' || code === 130).toBe(true);
      expect(execFileSync('ls', ['-A', temporary], { encoding: 'utf8' })).toBe('');
    },
    LONG_MS,
  );
});

it.skipIf(!isRoot)(
  'a file that may not be read is said, by a user who is not root',
  async () => {
    const log = join(folder, 'secret.log');
    writeFileSync(log, logOf(0, 5), { mode: 0o600 });
    const db = join(folder, 'nobody-reads.db');
    const { code, stdout, stderr } = await startProgram('setpriv', [
      ...['--reuid', '65534', '--regid', '65534', '--clear-groups'],
      ...[process.execPath, PROGRAM, 'ingest', log, '--db', db],
    ]).ended;
    expect([code, stdout + stderr]).toEqual([1, expect.stringContaining(`cannot read ${log}: permission denied`)]);
  },
  LONG_MS,
);

describe('following', () => {
  it(
    'shows flows and coverage to others while it goes on, and keeps all that was read through a rotation',
    async () => {
      const log = join(folder, 'grow.log');
      const second = join(folder, 'second.log');
      const db = join(folder, 'grow.db');
      writeFileSync(log, logOf(0, 200));
      writeFileSync(second, logOf(1000, 1010).replaceAll('DROP', 'OTHER'));
      const { child, ended } = start(['ingest', '-f', log, second, '--db', db]);
      await until(async () => ((await count(db, 'flows')) >= 210 ? true : undefined));
      expect(await count(db, "coverage where what = 'log'")).toBeGreaterThan(0);
      const half = logLine(200);
      appendFileSync(log, half.slice(0, 100));
      renameSync(log, `${log}.1`);
      // The writer has the old file open for a while yet.
      appendFileSync(`${log}.1`, half.slice(100));
      writeFileSync(log, logOf(201, 210));
      appendFileSync(second, logOf(1010, 1020).replaceAll('DROP', 'OTHER'));
      await until(async () => ((await count(db, 'flows')) >= 230 ? true : undefined));
      appendFileSync(log, logOf(210, 211));
      await later(2500);
      child.kill('SIGINT');
      const { code, stderr } = await ended;
      expect([code, stderr]).toEqual([130, expect.stringContaining('what was read is kept')]);
      expect(await count(db, 'packets')).toBe(231);
      expect(await count(db, 'unread_lines')).toBe(0);
    },
    LONG_MS,
  );

  it(
    'TERM ends it with 143, its time with 0',
    async () => {
      const log = join(folder, 'quiet.log');
      writeFileSync(log, logOf(0, 3));
      const db = join(folder, 'quiet.db');
      const { child, ended } = start(['ingest', '-f', log, '--db', db, '-q']);
      await until(async () => ((await count(db, 'packets')) === 3 ? true : undefined));
      child.kill('SIGTERM');
      expect((await ended).code).toBe(143);
      expect((await start(['ingest', '-f', log, '--for', '1s', '--db', db, '-q']).ended).code).toBe(0);
    },
    LONG_MS,
  );
});
