// The commands that change a host, run as a person runs them, in a namespace of their own: what they switch on shows, what they undo is gone,
// and what others did in between is told and left alone.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY } from '../helpers/run-command.js';
import { type BuiltProgram, builtProgram, PROGRAM, type Ran } from '../lab/built-program.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';

const why = whyNoLab();
const LIMIT_MS = patient(180_000);

describe.skipIf(why !== null)(`changing commands${why === null ? '' : ` (${why})`}`, () => {
  let lab: Lab;
  let place: LabHost;
  let folder: string;
  let program: BuiltProgram;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-changes-'));
    program = builtProgram(folder);
    lab = openLab();
    place = await lab.addHost('change');
    await place.run('iptables -A OUTPUT -p tcp --dport 8080 -m state --state NEW -j ACCEPT');
    await place.run('iptables -A OUTPUT -m state --state INVALID -j DROP');
  });
  afterAll(() => {
    ctwhy('undo', '--all', '--yes');
    lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ctwhy = (...args: readonly string[]) => program.run(args);
  /** The same within the namespace. */
  const there = (...args: readonly string[]) => program.runIn(place.namespace, args);

  async function state(): Promise<string> {
    const rules = (await place.run('nft -s list ruleset')).stdout;
    const settings = (
      await place.run('sysctl net.netfilter.nf_conntrack_log_invalid net.netfilter.nf_log.2 net.netfilter.nf_log.10')
    ).stdout;
    return rules + settings;
  }
  const journal = (id: string) =>
    JSON.parse(readFileSync(join(folder, 'journal', `${id}.json`), 'utf8')) as {
      state: string;
      result: { how: string } | null;
      ending: { keeperPid: number | null } | null;
    };
  /** The change that was made; what stood against it is the test's failure. */
  const idOf = ({ out, err }: Ran): string => {
    expect(err).toBe('');
    return /^(C\d+) /.exec(out)![1]!;
  };

  it(
    'prints what it would run, and changes nothing',
    async () => {
      const before = await state();
      const { out, code } = there('log-invalid', 'enable', '-p', 'tcp', '--dry-run');
      expect(code).toBe(0);
      expect(out).toContain('sysctl -w net.netfilter.nf_conntrack_log_invalid=6');
      expect(there('trace', 'add', '--dport', '25', '--dry-run').out).toContain('nft -f -');
      expect(await state()).toBe(before);
    },
    LIMIT_MS,
  );

  it(
    'does not ask a pipe, and needs a filter that filters',
    () => {
      expect(there('log-invalid', 'enable')).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
      for (const broad of [
        [],
        ['-p', 'tcp'],
        ['-s', '0.0.0.0/1,128.0.0.0/1'],
        ['--dport', '1:65535'],
        ['-s', '::/0'],
      ]) {
        const { code, err } = there('trace', 'add', '--yes', ...broad);
        expect(code, broad.join(' ')).toBe(4);
        expect(err).toContain('--allow broad');
      }
      expect(there('tag', 'add', '--table', 'raw', '--dport', '25')).toMatchObject({ code: 2 });
      expect(there('tag', 'add', '--at', 'filter OUTPUT 9', '--yes')).toMatchObject({ code: 1 });
    },
    LIMIT_MS,
  );

  it(
    'shares a setting between two changes, and the last one out restores the first value',
    async () => {
      const before = await state();
      const first = idOf(there('log-invalid', 'enable', '-p', 'tcp', '--yes'));
      const second = idOf(there('log-invalid', 'enable', '-p', 'udp', '--yes'));
      expect(await state()).toContain('nf_conntrack_log_invalid = 255');
      expect(ctwhy('undo', first)).toMatchObject({ code: 0, out: expect.stringContaining(`${second} needs it`) });
      expect(await state()).toContain('nf_conntrack_log_invalid = 255');
      expect(ctwhy('undo', second).code).toBe(0);
      expect(await state()).toBe(before);
    },
    LIMIT_MS,
  );

  it(
    'never narrows: the newer one out leaves 255 to the older, which restores the first value',
    async () => {
      const before = await state();
      const first = idOf(there('log-invalid', 'enable', '-p', 'tcp', '--yes'));
      const second = idOf(there('log-invalid', 'enable', '-p', 'udp', '--yes'));
      expect(ctwhy('undo', second).code).toBe(0);
      expect(await state()).toContain('nf_conntrack_log_invalid = 255');
      expect(ctwhy('undo', first).code).toBe(0);
      expect(await state()).toBe(before);
    },
    LIMIT_MS,
  );

  it(
    'leaves what somebody else set since, and says so',
    async () => {
      const before = await state();
      const id = idOf(there('log-invalid', 'enable', '-p', 'tcp', '--yes'));
      await place.run('sysctl -q -w net.netfilter.nf_conntrack_log_invalid=17');
      expect(ctwhy('changes', '-o', 'tsv').out).toContain('CHANGED');
      const undone = ctwhy('undo', id);
      expect(undone.code).toBe(5);
      expect(undone.out).toContain('somebody else changed it since: 17');
      expect(await state()).toContain('nf_conntrack_log_invalid = 17');
      await place.run('sysctl -q -w net.netfilter.nf_conntrack_log_invalid=0');
      expect(await state()).toBe(before);
    },
    LIMIT_MS,
  );

  it(
    'tags what a rule would see, in front of it, and takes the copy out again',
    async () => {
      const before = await state();
      const id = idOf(there('tag', 'add', '--at', 'filter OUTPUT 1', '--ctstate', 'NEW', '--yes'));
      const saved = (await place.run('iptables-nft-save -t filter')).stdout;
      const lines = saved.split('\n').filter((line) => line.startsWith('-A OUTPUT'));
      expect(lines[0]).toContain(`--log-prefix "ctwhy:${id}:NEW "`);
      expect(lines[0]).toContain('--dport 8080');
      expect(lines).toHaveLength(3);
      expect(ctwhy('undo', id).code).toBe(0);
      expect(await state()).toBe(before);
    },
    LIMIT_MS,
  );

  it(
    'finds a table that was flushed away gone, and rules loaded from a file stray',
    async () => {
      const before = await state();
      const id = idOf(there('tag', 'add', '--ctstate', 'INVALID', '--dport', '8080', '--yes'));
      const saved = (await place.run('nft list ruleset')).stdout;
      const file = join(folder, 'rules.nft');
      await place.run(`nft delete table inet ctwhy_${id.slice(1)}`);
      expect(ctwhy('changes', '-o', 'tsv').out).toMatch(/tag.*(GONE|CHANGED)/);
      expect(ctwhy('undo', id)).toMatchObject({ code: 0, out: expect.stringContaining('Was gone') });
      // Somebody saved the ruleset while ours was in it, and loads it now.
      writeFileSync(file, `flush ruleset\n${saved}`);
      await place.run(`nft -f ${file}`);
      expect(await state()).toContain(`ctwhy_${id.slice(1)}`);
      expect(there('undo', '--strays', '--yes')).toMatchObject({
        code: 0,
        out: expect.stringContaining(`ctwhy_${id.slice(1)}`),
      });
      expect(await state()).toBe(before);
      expect(there('undo', '--strays', '--yes').out).toContain('No rules of ctwhy');
    },
    LIMIT_MS,
  );

  it(
    'ends in time when nobody is there any more',
    async () => {
      const before = await state();
      const id = idOf(there('trace', 'add', '--dport', '25', '--for', `${patient(4)}s`, '--yes'));
      expect(await state()).not.toBe(before);
      await expect.poll(state, { timeout: patient(60_000), interval: 500 }).toBe(before);
      await expect.poll(() => journal(id).state, { timeout: patient(30_000) }).toBe('ended');
      expect(journal(id).result?.how).toBe('time ran out');
    },
    LIMIT_MS,
  );

  it(
    'says who is late when what should have ended it was killed',
    async () => {
      const before = await state();
      const id = idOf(there('trace', 'add', '--dport', '25', '--for', `${patient(2)}s`, '--yes'));
      const pid = journal(id).ending?.keeperPid;
      if (pid == null) return; // systemd ends it here
      process.kill(pid, 'SIGKILL');
      const told = expect.poll(() => ctwhy().out, { timeout: patient(30_000), interval: 500 });
      await told.toContain(`${id} should have ended`);
      expect(await state()).not.toBe(before);
      expect(ctwhy('undo', '--all').code).toBe(0);
      expect(await state()).toBe(before);
    },
    LIMIT_MS,
  );

  it(
    'two at once wait for each other',
    async () => {
      const before = await state();
      const both = ['25', '26'].map(
        (port) =>
          new Promise<number | null>((resolve) =>
            spawn(process.execPath, [PROGRAM, 'trace', 'add', '--dport', port, '--yes', '--netns', place.namespace], {
              cwd: REPOSITORY,
              env: program.environment,
              stdio: 'ignore',
            }).on('close', resolve),
          ),
      );
      expect(await Promise.all(both)).toEqual([0, 0]);
      expect((await place.run('nft list tables')).stdout.match(/ctwhy_/g)).toHaveLength(2);
      expect(ctwhy('undo', '--all').code).toBe(0);
      expect(await state()).toBe(before);
    },
    LIMIT_MS,
  );

  it(
    'takes back what was done when the kernel refuses in the middle',
    async () => {
      const before = await state();
      // Somebody has a table of the name that ours will get: nft takes the rules, but reading back does not match an empty place.
      const held = spawn('flock', ['/run/xtables.lock', 'sleep', '40'], { stdio: 'ignore' });
      await new Promise((resolve) => setTimeout(resolve, 500));
      await place.run('iptables-legacy-save -t filter').catch(() => {});
      const { code, err } = there('trace', 'add', '--dport', '25', '--backend', 'legacy', '--yes');
      held.kill();
      expect([4, 5]).toContain(code);
      expect(err).toMatch(/xtables lock|Nothing was changed|taken back/);
      expect(await state()).toBe(before);
      expect(ctwhy('changes').out).not.toContain('trace');
    },
    LIMIT_MS,
  );

  it(
    'undoes what it can when the namespace is gone',
    async () => {
      const gone = await lab.addHost('gone');
      await gone.run('iptables -A OUTPUT -m state --state INVALID -j DROP');
      const made = ctwhy('tag', 'add', '--ctstate', 'INVALID', '--dport', '25', '--yes', '--netns', gone.namespace);
      expect(made.code).toBe(0);
      gone.vacate();
      spawnSync('ip', ['netns', 'del', gone.namespace]);
      const undone = ctwhy('undo', idOf(made));
      expect(undone.code).toBe(0);
      expect(undone.out).toContain('network namespace is gone');
    },
    LIMIT_MS,
  );
});
