import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dropLog } from '../helpers/drop-lines.js';
import { rowsOf } from '../helpers/run-command.js';
import { ctwhyCommand, killWhatRuns, later, startCtwhy, startProgram } from '../helpers/started-program.js';
import { patient } from '../lab/clock.js';

const LONG_MS = patient(240_000);
/** More than one transaction of 16 MiB. */
const MANY_LINES = 80_000;
const KILL_ROUNDS = 2;
const isRoot = process.getuid?.() === 0;

let folder = '';
let log = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'robust-'));
  chmodSync(folder, 0o777);
  log = join(folder, 'kern.log');
  writeFileSync(log, dropLog(0, MANY_LINES));
});
afterAll(() => {
  killWhatRuns();
  rmSync(folder, { recursive: true, force: true });
});

/** What a store knows, in every table that holds evidence, without what differs from call to call. */
async function contentOf(db: string): Promise<Record<string, string>> {
  const parts = {
    packets: `select count(*) n, group_concat(row, char(10)) rows from (select concat_ws(' ', seen_at_us, seen_error_us, prefix, src, dst, sport,
      dport, ip_id, line) row from packets order by line)`,
    flows: `select group_concat(row, char(10)) rows from (select concat_ws(' ', f.began_at_us, f.direction_known_by, t.src, t.dst, t.sport, t.dport) row
      from flows f join tuples t on t.id = f.orig_tuple_id order by t.src, t.sport, t.dst, f.began_at_us)`,
    coverage: 'select what, state, from_at_us, to_at_us, lost from coverage order by 1, 2, 3, 4',
    sources: 'select done_bytes, done_lines, hex(tail_hash) from sources',
    unread: 'select line, form, reason from unread_lines order by 1',
    forms: 'select form, records, unread from source_forms order by 1',
    clocks: 'select kind, from_line, offset_us, error_us, method, packet_lines from clocks order by 2',
    text: 'select sum(lines), sum(bytes) from raw_blocks',
  };
  const content: Record<string, string> = {};
  for (const [name, sql] of Object.entries(parts)) content[name] = JSON.stringify(await rowsOf(db, sql));
  return content;
}

/** Names of the parts in which two stores differ: a difference of 80,000 rows helps nobody. */
function differences(one: Record<string, string>, other: Record<string, string>): readonly string[] {
  return Object.keys(one).filter((name) => one[name] !== other[name]);
}

/** Numbers that look random and are the same with every run (Park and Miller's generator), between 0 and 1. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

describe('an ingest that does not come to its end', () => {
  it(
    'killed at any moment, the same call again gives the rows of one that nobody killed',
    async () => {
      const whole = join(folder, 'whole.db');
      const startedMs = performance.now();
      expect((await startCtwhy(['ingest', log, '--db', whole, '-q']).ended).code).toBe(0);
      const tookMs = performance.now() - startedMs;
      const wanted = await contentOf(whole);
      expect(JSON.parse(wanted['packets']!)).toMatchObject([{ n: MANY_LINES }]);
      const random = randomFrom(20_261_121);
      let killed = 0;
      for (let round = 0; round < KILL_ROUNDS; round++) {
        const db = join(folder, `kill-${round}.db`);
        for (let kills = 0; kills < 1 + (round % 2); kills++) {
          const { child, ended } = startCtwhy(['ingest', log, '--db', db, '-q']);
          await later(tookMs * (0.2 + 0.8 * random()));
          child.kill('SIGKILL');
          if ((await ended).signal === 'SIGKILL') killed++;
        }
        expect((await startCtwhy(['ingest', log, '--db', db, '-q']).ended).code, `round ${round}`).toBe(0);
        expect(differences(wanted, await contentOf(db)), `round ${round}`).toEqual([]);
      }
      expect(killed).toBeGreaterThan(0);
    },
    LONG_MS,
  );

  it.skipIf(!isRoot)(
    'a full disk is said in one sentence, the store is whole, and the same call reads on once there is room',
    async () => {
      const place = join(folder, 'small');
      mkdirSync(place);
      const db = join(place, 'ctwhy.db');
      const tell = `${ctwhyCommand} query "select (select count(*) from packets) p, (select coalesce(sum(done_lines), 0) from sources) l" --db ${db} -o csv --no-headers`;
      const script = [
        `mount -t tmpfs -o size=5m tmpfs ${place}`,
        `{ ${ctwhyCommand} ingest ${log} --db ${db} -q; echo "code $?"; }`,
        tell,
        `mount -o remount,size=200m ${place}`,
        `${ctwhyCommand} ingest ${log} --db ${db} -q`,
        tell,
      ].join(' && ');
      const { stdout, stderr } = await startProgram('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script])
        .ended;
      expect(stderr.trim()).toBe(
        `ctwhy: cannot write to the store ${db}: the disk is full; nothing was kept of this step`,
      );
      const [code, full, behind] = stdout.trim().split('\n');
      expect(code).toBe('code 6');
      // As many packets as lines that count as read.
      const [packets, lines] = full!.split(',').map(Number);
      expect(packets).toBe(lines);
      expect(packets).toBeLessThan(MANY_LINES);
      expect(behind).toBe(`${MANY_LINES},${MANY_LINES}`);
    },
    LONG_MS,
  );

  it(
    'two at once into one store are both kept whole',
    async () => {
      const logs = ['one', 'two'].map((name, index) => {
        const path = join(folder, `${name}.log`);
        writeFileSync(path, dropLog(index * 30_000, (index + 1) * 30_000).replaceAll('fw1', `fw${index + 1}`));
        return path;
      });
      const db = join(folder, 'both.db');
      const all = await Promise.all(logs.map((path) => startCtwhy(['ingest', path, '--db', db, '-q']).ended));
      // Who waits too long for the other says so, and goes on when it is called again.
      for (const [index, { code, stderr }] of all.entries()) {
        if (code === 0) continue;
        expect([code, stderr]).toEqual([6, expect.stringContaining('another process is writing to it')]);
        expect((await startCtwhy(['ingest', logs[index]!, '--db', db, '-q']).ended).code).toBe(0);
      }
      const each = await rowsOf(
        db,
        `select h.name, count(*) packets, count(distinct p.line) lines from packets p
         join sources s on s.id = p.source_id join hosts h on h.id = s.host_id group by 1 order by 1`,
      );
      expect(each).toEqual(['fw1', 'fw2'].map((name) => ({ name, packets: 30_000, lines: 30_000 })));
    },
    LONG_MS,
  );
});
