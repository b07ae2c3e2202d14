// A real systemd as the first process: its timer takes the snapshots of a schedule, and its timer ends a change when ctwhy is gone. Units go
// into the machine's own folder, so that this runs only where the machine is thrown away afterwards.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PROGRAM } from '../lab/built-program.js';
import { delay, patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab } from '../lab/lab.js';

const SERVICE = 'ctwhy-snapshot.service';
const TIMER = 'ctwhy-snapshot.timer';
const FILES = [SERVICE, TIMER].map((unit) => `/etc/systemd/system/${unit}`);
const LINK = `/etc/systemd/system/timers.target.wants/${TIMER}`;
const STORE = '/var/lib/ctwhy/ctwhy.db';
const SNAPSHOTS =
  'SELECT n.name FROM snapshots s JOIN series r ON r.id = s.series_id JOIN namespaces n ON n.id = r.namespace_id';
const LIMIT_MS = patient(180_000);

const why = whyNot();

/** In one line; null when it can be tried. */
function whyNot(): string | null {
  if (process.env['CTWHY_TEST_THROWAWAY'] === undefined) return 'needs npm run test:kernels -- --systemd';
  return existsSync('/run/systemd/system') ? null : 'needs --systemd';
}

function run(program: string, ...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}
/** As root types it: no variable of ours, so that journal and store are where they belong. */
const ctwhy = (...words: readonly string[]) => run(process.execPath, PROGRAM, ...words);
const systemctl = (...words: readonly string[]) => run('systemctl', ...words).out.trim();
const idOf = (out: string) => /^(C\d+) /.exec(out)![1]!;
/** Names of the namespaces that the store has snapshots of, as often as it has. */
function taken(): readonly unknown[] {
  if (!existsSync(STORE)) return [];
  const { out } = ctwhy('query', '--json', SNAPSHOTS);
  return out === '' ? [] : (JSON.parse(out) as { rows: { name: unknown }[] }).rows.map(({ name }) => name);
}

describe.skipIf(why !== null)(`systemd${why === null ? '' : ` (${why})`}`, () => {
  let lab: Lab;
  let place: LabHost;
  afterEach(() => {
    ctwhy('undo', '--all', '--standing', '--yes');
  });
  beforeAll(async () => {
    lab = openLab();
    place = await lab.addHost('systemd');
    await place.run(
      "nft 'table inet lab { chain in { type filter hook input priority 0; ct state new counter accept; }; }'",
    );
  }, LIMIT_MS);
  afterAll(() => lab?.close());

  function expectUnits(): void {
    const judged = run('systemd-analyze', 'verify', ...FILES);
    expect(judged.err).not.toContain('ctwhy-snapshot');
    expect(judged.code).toBe(0);
    expect([systemctl('is-enabled', TIMER), systemctl('is-active', TIMER)]).toEqual(['enabled', 'active']);
  }
  function expectNoUnits(): void {
    expect([...FILES, LINK].filter((path) => existsSync(path))).toEqual([]);
    expect([systemctl('is-active', TIMER), systemctl('show', '-P', 'LoadState', TIMER)]).toEqual([
      'inactive',
      'not-found',
    ]);
  }
  /** Waits until the service has ended once more, well. Asked seldom: it runs at a lower priority than whoever asks. */
  async function expectRun(): Promise<void> {
    const ended = () => systemctl('show', '-P', 'ExecMainExitTimestampMonotonic', SERVICE);
    const before = ended();
    await expect.poll(ended, { timeout: patient(30_000) + 120_000, interval: 3000 }).not.toBe(before);
    const said = systemctl('status', '--no-pager', '--full', '--lines=20', SERVICE);
    expect(systemctl('show', '-P', 'Result', SERVICE), said).toBe('success');
  }

  it(
    'takes a snapshot each time the timer fires, and goes by undo --all --standing',
    async () => {
      const made = ctwhy('snapshot', 'schedule', '--every', '1min', '--keep', '7d', '--allow', 'period', '--yes');
      expect(made.code, made.err).toBe(0);
      expectUnits();
      await expectRun();
      expect(taken()).toHaveLength(1);
      expect(ctwhy('snapshot', 'list').out).not.toBe('');
      // The first undo leaves what was made to stand.
      expect(ctwhy('undo', '--all', '--yes').code).toBe(0);
      expectUnits();
      const gone = ctwhy('undo', '--all', '--standing', '--yes');
      expect(gone.code, gone.err).toBe(0);
      expectNoUnits();
      expect(existsSync(STORE)).toBe(true);
    },
    3 * LIMIT_MS,
  );

  it(
    'enters the other namespaces too, with --all-netns, and goes by unschedule',
    async () => {
      const made = ctwhy('snapshot', 'schedule', '--every', '1min', '--all-netns', '--allow', 'period', '--yes');
      expect(made.code, made.err).toBe(0);
      expectUnits();
      await expectRun();
      expect(taken()).toContain(place.namespace);
      const gone = ctwhy('snapshot', 'unschedule');
      expect(gone.code, gone.err).toBe(0);
      expectNoUnits();
    },
    3 * LIMIT_MS,
  );

  it(
    'ends a change in time when ctwhy and its keeper are gone',
    async () => {
      const value = async () => (await place.run('sysctl -n net.netfilter.nf_conntrack_log_invalid')).stdout.trim();
      const words = ['-p', 'tcp', '--for', `${patient(5)}s`, '--yes', '--netns', place.namespace];
      const made = ctwhy('log-invalid', 'enable', ...words);
      expect(made.code, made.err).toBe(0);
      const id = idOf(made.out);
      const [timer, keeper] = [`ctwhy-end-${id.slice(1)}.timer`, `ctwhy-keep-${id.slice(1)}.service`];
      expect(systemctl('is-active', timer)).toBe('active');
      expect(systemctl('show', '-P', 'AccuracyUSec', timer)).toBe('1s');
      systemctl('kill', '--signal=KILL', keeper);
      expect(await value()).toBe('6');
      await expect.poll(value, { timeout: LIMIT_MS, interval: 500 }).toBe('0');
      const journal = () =>
        JSON.parse(readFileSync(`/var/lib/ctwhy/changes/${id}.json`, 'utf8')) as {
          state: string;
          result: { how: string } | null;
        };
      await expect.poll(() => journal().state, { timeout: LIMIT_MS, interval: 500 }).toBe('ended');
      expect(journal().result?.how).toBe('time ran out');
      await delay(patient(1000));
      expect(systemctl('list-units', '--all', '--no-legend', 'ctwhy-end-*', 'ctwhy-keep-*')).toBe('');
    },
    2 * LIMIT_MS,
  );
});
