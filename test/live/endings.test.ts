import { execFileSync } from 'node:child_process';
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
import { dropLine, dropLog } from '../helpers/drop-lines.js';
import {
  countRows,
  ctwhyCommand,
  killWhatRuns,
  later,
  startCtwhy,
  startProgram,
  until,
} from '../helpers/started-program.js';
import { patient } from '../lab/clock.js';

const LONG_MS = patient(240_000);
const isRoot = process.getuid?.() === 0;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'endings-'));
  chmodSync(folder, 0o777);
});
afterAll(() => {
  killWhatRuns();
  rmSync(folder, { recursive: true, force: true });
});

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
      const { child, ended } = startCtwhy(['ingest', pipe, '--db', db]);
      await until(async () => ((await countRows(db, 'ingests')) > 0 ? true : undefined));
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
      const { code, stdout, stderr } = await startCtwhy(['ingest', pipe, '--db', join(folder, 'nobody.db')]).ended;
      expect([code, stdout + stderr]).toEqual([1, expect.stringContaining('a pipe that nobody writes to')]);
    },
    LONG_MS,
  );

  it(
    'a query over files',
    async () => {
      const log = join(folder, 'query.log');
      writeFileSync(log, dropLog(0, 50));
      const temporary = join(folder, 'temporary');
      mkdirSync(temporary);
      const endless = 'with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n, packets';
      const { child, ended } = startCtwhy(['query', endless, '-r', log], { TMPDIR: temporary });
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
    writeFileSync(log, dropLog(0, 5), { mode: 0o600 });
    const db = join(folder, 'nobody-reads.db');
    const { code, stdout, stderr } = await startProgram('setpriv', [
      ...['--reuid', '65534', '--regid', '65534', '--clear-groups'],
      ...[...ctwhyCommand.split(' '), 'ingest', log, '--db', db],
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
      writeFileSync(log, dropLog(0, 200));
      writeFileSync(second, dropLog(1000, 1010).replaceAll('DROP', 'OTHER'));
      const { child, ended } = startCtwhy(['ingest', '-f', log, second, '--db', db]);
      await until(async () => ((await countRows(db, 'flows')) >= 210 ? true : undefined));
      expect(await countRows(db, "coverage where what = 'log'")).toBeGreaterThan(0);
      const half = dropLine(200);
      appendFileSync(log, half.slice(0, 100));
      renameSync(log, `${log}.1`);
      // The writer has the old file open for a while yet.
      appendFileSync(`${log}.1`, half.slice(100));
      writeFileSync(log, dropLog(201, 210));
      appendFileSync(second, dropLog(1010, 1020).replaceAll('DROP', 'OTHER'));
      await until(async () => ((await countRows(db, 'flows')) >= 230 ? true : undefined));
      appendFileSync(log, dropLog(210, 211));
      await later(2500);
      child.kill('SIGINT');
      const { code, stderr } = await ended;
      expect([code, stderr]).toEqual([130, expect.stringContaining('what was read is kept')]);
      expect(await countRows(db, 'packets')).toBe(231);
      expect(await countRows(db, 'unread_lines')).toBe(0);
    },
    LONG_MS,
  );

  it(
    'TERM ends it with 143, its time with 0',
    async () => {
      const log = join(folder, 'quiet.log');
      writeFileSync(log, dropLog(0, 3));
      const db = join(folder, 'quiet.db');
      const { child, ended } = startCtwhy(['ingest', '-f', log, '--db', db, '-q']);
      await until(async () => ((await countRows(db, 'packets')) === 3 ? true : undefined));
      child.kill('SIGTERM');
      expect((await ended).code).toBe(143);
      expect((await startCtwhy(['ingest', '-f', log, '--for', '1s', '--db', db, '-q']).ended).code).toBe(0);
    },
    LONG_MS,
  );
});
