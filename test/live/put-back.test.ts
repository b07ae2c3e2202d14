// Putting back where it is not easy: in the first network namespace, beside a plan that somebody pasted, while another holds the xtables lock.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltProgram, builtProgram } from '../lab/built-program.js';
import { delay, patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import { type HeldSwitch, holdSwitch } from '../lab/shared-switch.js';

const why = whyNoLab();
const LIMIT_MS = patient(180_000);
const LOG_INVALID = '/proc/sys/net/netfilter/nf_conntrack_log_invalid';
/** Documentation addresses: nothing matches. */
const HARMLESS = ['-p', 'tcp', '-s', '192.0.2.77', '--dport', '9'];

const idOf = (out: string) => /^(C\d+) /.exec(out)![1]!;

describe.skipIf(why !== null)(`putting back${why === null ? '' : ` (${why})`}`, () => {
  let lab: Lab;
  let place: LabHost;
  let folder: string;
  let program: BuiltProgram;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-back-'));
    program = builtProgram(folder);
    lab = openLab();
    place = await lab.addHost('back');
    await place.run('iptables-legacy -A OUTPUT -p tcp --dport 8080 -m state --state NEW -j ACCEPT');
    await place.run('iptables -A OUTPUT -m state --state INVALID -j DROP');
  }, LIMIT_MS);
  afterAll(() => {
    program.run(['undo', '--all', '--yes']);
    lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const there = (...args: readonly string[]) => program.runIn(place.namespace, args);

  async function state(): Promise<string> {
    const parts = [];
    for (const command of [
      'nft -s list ruleset',
      'iptables-legacy-save; ip6tables-legacy-save',
      'sysctl net.netfilter.nf_conntrack_log_invalid net.netfilter.nf_log.2 net.netfilter.nf_log.10',
    ])
      parts.push((await place.run(command)).stdout.replaceAll(/^#.*\n|\[\d+:\d+\]/gm, ''));
    return parts.join('\n');
  }

  it(
    'needs one undo although somebody holds the xtables lock for 8 s',
    async () => {
      // The empty table raw stays, as was said: it is there before.
      await place.run('iptables-legacy -t raw -L; ip6tables-legacy -t raw -L');
      const before = await state();
      const made = there('trace', 'add', '-4', ...HARMLESS, '--backend', 'legacy', '--yes');
      expect(made.code, made.err).toBe(0);
      expect(await state()).toContain('-j TRACE');
      const holder = spawn('flock', ['/run/xtables.lock', 'sleep', '8'], { stdio: 'ignore' });
      const ended = new Promise((resolve) => holder.on('close', resolve));
      await delay(patient(500));
      const undone = program.run(['undo', idOf(made.out)]);
      expect(undone).toMatchObject({ code: 0, err: '' });
      expect(await state()).toBe(before);
      await ended;
    },
    LIMIT_MS,
  );

  it(
    'keeps apart what somebody pasted from a dry run',
    async () => {
      const before = await state();
      const dry = program.runIn(place.namespace, ['trace', 'add', ...HARMLESS, '--dry-run']).out;
      const number = /^create table inet ctwhy_(\d+)$/m.exec(dry)![1]!;
      const script = /<<'END'\n([\s\S]*?)^END$/m.exec(dry)![1]!;
      await place.run('nft -f -', script);
      const made = there('trace', 'add', ...HARMLESS, '--yes');
      expect(made.code, made.err).toBe(0);
      const id = idOf(made.out);
      expect(Number(id.slice(1))).toBeGreaterThan(Number(number));
      // Nor can the same be pasted a second time, into ours or into its own.
      await expect(place.run('nft -f -', script)).rejects.toThrow(/File exists/);
      expect(program.run(['undo', id]).code).toBe(0);
      const left = (await place.run('nft list tables')).stdout;
      expect(left).toContain(`ctwhy_${number}\n`);
      expect(left).not.toContain(`ctwhy_${id.slice(1)}\n`);
      expect(there('undo', '--strays', '--yes').out).toContain(`ctwhy_${number}`);
      expect(await state()).toBe(before);
    },
    LIMIT_MS,
  );

  describe('in the first network namespace', () => {
    let held: HeldSwitch;
    beforeAll(() => {
      held = holdSwitch(LOG_INVALID, '0', '/run/ctwhylab-log-invalid');
    });
    afterAll(() => held?.release());
    const sh = (command: string) => spawnSync('sh', ['-c', command], { encoding: 'utf8' }).stdout;
    /** What only ctwhy touches there: other tests run beside this one. */
    const first = () =>
      [
        sh('nft -s list ruleset'),
        sh('iptables-legacy-save 2>/dev/null').replaceAll(/^#.*\n|\[\d+:\d+\]/gm, ''),
        readFileSync(LOG_INVALID, 'utf8'),
        ...[2, 10].map((family) => readFileSync(`/proc/sys/net/netfilter/nf_log/${family}`, 'utf8')),
      ].join('\n');

    it.each([
      [
        'log-invalid',
        ['log-invalid', 'enable', '-p', 'tcp', '-p', 'udp'],
        () => readFileSync(LOG_INVALID, 'utf8'),
        '255\n',
      ],
      ['trace', ['trace', 'add', ...HARMLESS], () => sh('nft list tables'), 'ctwhy_'],
      ['tag', ['tag', 'add', ...HARMLESS, '--allow', 'start-tracking'], () => sh('nft list tables'), 'ctwhy_'],
    ] as const)(
      'leaves it as it was: %s',
      (_, words, shows, mark) => {
        const before = first();
        expect(shows()).not.toContain(mark);
        const made = program.run([...words, '--for', `${patient(60)}s`, '--yes']);
        expect(made.code, made.err).toBe(0);
        try {
          expect(shows()).toContain(mark);
          expect(program.run(['changes', '-o', 'tsv']).out).toMatch(/\ton\t/);
        } finally {
          expect(program.run(['undo', idOf(made.out)])).toMatchObject({ code: 0, err: '' });
        }
        expect(first()).toBe(before);
      },
      LIMIT_MS,
    );
  });
});
