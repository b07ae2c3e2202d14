import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dropLine } from '../helpers/drop-lines.js';
import { rowsOf } from '../helpers/run-command.js';
import { countRows, killWhatRuns, later, startCtwhy, until } from '../helpers/started-program.js';
import { patient } from '../lab/clock.js';
import { holdSwitch } from '../lab/shared-switch.js';

const LONG_MS = patient(240_000);
const isRoot = process.getuid?.() === 0;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'live-sources-'));
});
afterAll(() => {
  killWhatRuns();
  rmSync(folder, { recursive: true, force: true });
});

describe('the journal', () => {
  /** An entry of the export format, its line `index` s behind the boot. */
  const entry = (index: number): string =>
    [
      `__CURSOR=s=1;i=${index}`,
      `__REALTIME_TIMESTAMP=${1_795_262_400_000_000 + index * 1_000_000}`,
      `__MONOTONIC_TIMESTAMP=${index * 1_000_000}`,
      '_BOOT_ID=0123456789abcdef0123456789abcdef',
      '_TRANSPORT=kernel',
      'PRIORITY=4',
      '_HOSTNAME=fw1',
      `MESSAGE=${dropLine(index)
        .trimEnd()
        .replace(/^.*?\] /, '')}`,
      '',
      '',
    ].join('\n');

  it(
    'is followed in its export form, and read on from its cursor',
    async () => {
      const programs = join(folder, 'programs');
      mkdirSync(programs);
      const seen = join(folder, 'arguments');
      writeFileSync(join(folder, 'export-1'), entry(1) + entry(2));
      writeFileSync(join(folder, 'export-2'), entry(3));
      // Stands for journalctl: gives what was recorded, behind the cursor if it is asked for that, and stays when it is to follow.
      writeFileSync(
        join(programs, 'journalctl'),
        `#!/bin/sh\necho "$@" >> ${seen}\ncase "$*" in *--after-cursor*) cat ${folder}/export-2 ;; *) cat ${folder}/export-1 ;; esac\ncase "$*" in *--follow*) exec sleep 600 ;; esac\n`,
        { mode: 0o755 },
      );
      const db = join(folder, 'journal.db');
      const environment = { PATH: `${programs}:${process.env['PATH']}` };
      const { child, ended } = startCtwhy(['ingest', '-f', 'journal:', '--db', db, '-q'], environment);
      await until(async () => ((await countRows(db, 'packets')) === 2 ? true : undefined));
      child.kill('SIGINT');
      expect((await ended).code).toBe(130);
      expect((await startCtwhy(['ingest', 'journal:', '--db', db, '-q'], environment).ended).code).toBe(0);
      expect(await countRows(db, 'packets')).toBe(3);
      const calls = readFileSync(seen, 'utf8').trim().split('\n');
      expect(calls).toHaveLength(2);
      expect(calls[0]).not.toContain('--after-cursor');
      expect(calls[1]).toContain('--after-cursor s=1;i=2');
    },
    LONG_MS,
  );

  it(
    'says what journalctl complained of',
    async () => {
      const programs = join(folder, 'failing');
      mkdirSync(programs);
      writeFileSync(join(programs, 'journalctl'), '#!/bin/sh\necho "No journal files were found." >&2\nexit 1\n', {
        mode: 0o755,
      });
      const { code, stdout, stderr } = await startCtwhy(['ingest', 'journal:', '--db', join(folder, 'failing.db')], {
        PATH: `${programs}:${process.env['PATH']}`,
      }).ended;
      expect([code, stdout + stderr]).toEqual([1, expect.stringContaining('No journal files were found.')]);
    },
    LONG_MS,
  );
});

const SECOND_MS = 1000;
/** Writes so slowly that other readers of the ring keep up: it is 128 KiB on a small machine. */
const RECORDS_A_STEP = 5;
const STEP_MS = 50;
const MOST_STEPS = 4000;

/** The ring buffer with our own pen: no limit on writers (printk_devkmsg), and a reader that notices when it is overrun. */
function openRing() {
  const held = holdSwitch('/proc/sys/kernel/printk_devkmsg', 'on', '/run/ctwhylab-printk_devkmsg');
  const pen = openSync('/dev/kmsg', 'w');
  const reader = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
  const record = Buffer.alloc(8192);
  const read = (): 'record' | 'empty' | 'overrun' => {
    try {
      readSync(reader, record, 0, record.length, null);
      return 'record';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPIPE' ? 'overrun' : 'empty';
    }
  };
  return {
    write: (text: string): void => void writeSync(pen, text),
    /** Fills the ring until what is written from now on was overwritten. Returns how many records that took. */
    async overrun(text: string): Promise<number> {
      while (read() !== 'empty');
      for (let step = 0; step < MOST_STEPS; step++) {
        for (let written = 0; written < RECORDS_A_STEP; written++) writeSync(pen, text);
        await later(STEP_MS);
        if (step % 20 === 19 && read() === 'overrun') return (step + 1) * RECORDS_A_STEP;
      }
      throw new Error('the ring takes more than this test writes');
    },
    close(): void {
      closeSync(pen);
      closeSync(reader);
      held.release();
    },
  };
}

describe.skipIf(!isRoot)('the ring buffer', () => {
  it(
    'overrun while the reader stands still: each lost record is counted, and the gap is told',
    async () => {
      const mark = `nf_conntrack: ctwhy-robust-${process.pid}`;
      const db = join(folder, 'ring.db');
      const { child, ended } = startCtwhy(['ingest', '-f', 'kmsg:', '--db', db, '-q']);
      await until(async () => ((await countRows(db, 'sources where done_lines > 0')) > 0 ? true : undefined));
      const ring = openRing();
      let written = 0;
      try {
        ring.write(`<7>${mark}: before\n`);
        await until(async () =>
          (await countRows(db, `kernel_messages where text like '%before'`)) > 0 ? true : undefined,
        );
        child.kill('SIGSTOP');
        written = await ring.overrun(`<7>${mark}: ${'x'.repeat(900)}\n`);
        child.kill('SIGCONT');
        await later(SECOND_MS);
        ring.write(`<7>${mark}: behind\n`);
        await until(async () =>
          (await countRows(db, `kernel_messages where text like '%behind'`)) > 0 ? true : undefined,
        );
      } finally {
        child.kill('SIGCONT');
        ring.close();
      }
      child.kill('SIGINT');
      expect((await ended).code).toBe(130);
      const lines = await numberedLines(db);
      expect(lines.filter((one) => one.text.includes(mark))).not.toEqual([]);
      // Each step in the numbers of what was read is a gap of just that size, and there are no others.
      const steps = lines.slice(1).map((one, index) => one.number - lines[index]!.number - 1);
      const gaps = await rowsOf(
        db,
        "select count from kernel_messages where text like '% were overwritten before they were read' order by line",
      );
      expect(gaps.map(({ count }) => Number(count))).toEqual(steps.filter((step) => step > 0));
      const lost = steps.reduce((sum, step) => sum + step, 0);
      expect(lost).toBeGreaterThan(0);
      expect(lost + lines.length).toBeGreaterThan(written);
      const told = await rowsOf(db, "select lost, why from coverage where state = 'lost' and what = 'log'");
      expect(told.reduce((sum, row) => sum + Number(row['lost']), 0)).toBe(lost);
    },
    LONG_MS,
  );
});

/** Every record that was read, by the number the kernel gave it. */
async function numberedLines(db: string): Promise<readonly { readonly number: number; readonly text: string }[]> {
  const rows = await rowsOf(
    db,
    `with recursive n(line) as (select 1 union all select line + 1 from n where line < (select done_lines from sources))
     select raw_line((select id from sources), line) text from n order by line`,
  );
  return rows.flatMap(({ text }) => {
    const number = /^\d+,(\d+),/.exec(String(text))?.[1];
    return number === undefined ? [] : [{ number: Number(number), text: String(text) }];
  });
}
