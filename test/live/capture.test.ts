// ctwhy capture as a person runs it, on a client and on a firewall: it finds what happened while it looked, and however it ends the host is
// as it was before.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY } from '../helpers/run-command.js';
import { delay, patient } from '../lab/clock.js';
import { type KernelLog, openKernelLog } from '../lab/kernel-log.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import { type Background, startCommand, waitUntil } from '../lab/process.js';
import { buildRouted, pairAddresses } from '../record/scene.js';

const why = whyNoLab();
const LIMIT_MS = patient(180_000);
const ADDRESSES = pairAddresses(100 + (process.pid % 50));
const CTWHY = join(REPOSITORY, 'bin/ctwhy.js');

interface Document {
  readonly findings: readonly {
    readonly class: string;
    readonly confidence: string;
    readonly cause: string | null;
    readonly flow: { readonly sport: number } | null;
    readonly packets: { readonly count: number };
    readonly droppedBy: { readonly chain: string } | null;
  }[];
  readonly capture: {
    readonly id: string;
    readonly endedBy: string | null;
    readonly command: { readonly exitStatus: number | null } | null;
    readonly seen: { readonly invalid: number; readonly dropped: number; readonly events: number };
    readonly lost: number;
    readonly putBack: { readonly left: readonly unknown[]; readonly endedBefore: string | null } | null;
  };
}

describe.skipIf(why !== null)(`capture${why === null ? '' : ` (${why})`}`, () => {
  let lab: Lab;
  let log: KernelLog;
  let [client, firewall]: LabHost[] = [];
  let folder: string;
  let sport = 40_000 + (process.pid % 1000) * 10;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-capture-'));
    log = openKernelLog();
    lab = openLab();
    const hosts = await buildRouted(lab, ADDRESSES);
    ({ client, firewall } = hosts);
    for (const [host, chain] of [
      [client, 'OUTPUT'],
      [firewall, 'FORWARD'],
    ] as const) {
      await host!.run(`iptables-nft -A ${chain} -p tcp -m state --state NEW -j ACCEPT`);
      await host!.run(`iptables-nft -A ${chain} -m state --state INVALID -j DROP`);
    }
    // It accepts everything: a full queue of a listener would have the server repeat its SYN ACK in the middle of a story.
    hosts.server.start(`python3 '${join(REPOSITORY, 'test/lab/hold-connections.py')}' serve 8080`);
    await waitUntil(
      'the server listens',
      async () => (await hosts.server.run('ss -Htln sport = :8080')).stdout.includes('8080'),
      60_000,
    );
  }, LIMIT_MS);
  afterAll(() => {
    spawnSync(process.execPath, [CTWHY, 'undo', '--all', '--yes'], { env: environment() });
    lab?.close();
    log?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  // A stuck socket tries again for minutes: in the next story it would be a stranger's packet.
  afterEach(async () => {
    await client?.attempt('ss -K state fin-wait-1');
  });

  const environment = () => ({
    PATH: process.env['PATH'],
    HOME: folder,
    COLUMNS: '80',
    CTWHY_CHANGES: join(folder, 'journal'),
    CTWHY_DB: join(folder, 'store.db'),
  });
  const prefix = () =>
    `env CTWHY_CHANGES=${join(folder, 'journal')} CTWHY_DB=${join(folder, 'store.db')} COLUMNS=80 ${process.execPath} ${CTWHY}`;
  const words = (...more: readonly string[]) => `${prefix()} capture -p tcp --dport 8080 --yes ${more.join(' ')}`;

  /** A script that opens a connection on the client, has its entry deleted on a host, closes, and ends with a status. */
  function reproduce(on: LabHost, status: number): string {
    sport++;
    const inside = (host: LabHost) => `nsenter --net=/run/netns/${host.namespace} --`;
    const path = join(folder, `reproduce-${sport}.sh`);
    writeFileSync(
      path,
      `#!/bin/sh
sleep 20 | ${inside(client!)} nc -p ${sport} ${ADDRESSES.server} 8080 > /dev/null &
N=$!
sleep 1
${inside(on)} conntrack -D -p tcp --sport ${sport} > /dev/null 2>&1
sleep 0.4
kill -9 $N
sleep 1.2
exit ${status}
`,
    );
    chmodSync(path, 0o700);
    return path;
  }

  async function state(host: LabHost): Promise<string> {
    const parts = [
      'nft -s list ruleset',
      'cat /proc/net/netfilter/nf_log',
      'sysctl -a --pattern "^net[.]netfilter[.]nf_(conntrack_(max|log_invalid|acct|events|timestamp)|log)"',
      'cat /proc/net/netfilter/nfnetlink_log',
    ];
    const said = await Promise.all(parts.map((command) => host.attempt(command)));
    return said.map(({ stdout }) => stdout).join('\n');
  }
  /** Programs of ours that still run in the namespace. */
  const running = async (host: LabHost) => {
    const pids = spawnSync('ip', ['netns', 'pids', host.namespace], { encoding: 'utf8' }).stdout.trim().split('\n');
    const names = await Promise.all(
      pids.filter((pid) => pid !== '').map((pid) => host.attempt(`cat /proc/${pid}/comm`)),
    );
    return names
      .map(({ stdout }) => stdout.trim())
      .filter((name) => /^(conntrack|nft|tcpdump|tail|node|MainThread)$/.test(name));
  };
  const isOn = async (host: LabHost) => (await host.run('nft list tables')).stdout.includes('ctwhy_');
  /** Sends a signal and waits as long as it takes: on a busy machine the second snapshot alone needs seconds. */
  const end = async (begun: Background, signal: NodeJS.Signals) => {
    process.kill(begun.pid, signal);
    await waitUntil(`it has ended by ${signal}`, () => !begun.isRunning(), 60_000);
    return await begun.stop();
  };
  const start = async (host: LabHost, ...more: readonly string[]): Promise<Background> => {
    const begun = host.start(words(...more));
    await waitUntil('the capture has switched on', () => isOn(host), 30_000);
    return begun;
  };

  it(
    'prints what it would do, and changes nothing',
    async () => {
      const before = await state(client!);
      const { stdout } = await client!.run(words('--dry-run'));
      expect(stdout).toContain('sysctl -w net.netfilter.nf_conntrack_log_invalid=6');
      expect(stdout).toContain('ct state invalid update');
      expect(await state(client!)).toBe(before);
    },
    LIMIT_MS,
  );

  it.each([
    ['client', 'OUTPUT', 'nflog'],
    ['client', 'OUTPUT', 'log'],
    ['firewall', 'FORWARD', 'log'],
  ])(
    'around a command on the %s (%s, by %s): the stuck close, its cause, and the status of the command',
    async (where, chain, via) => {
      const host = where === 'client' ? client! : firewall!;
      const before = await state(host);
      const ended = await host.attempt(words('--json', '--via', via, '--', reproduce(host, 3)));
      expect(ended.exitStatus, ended.stderr).toBe(0);
      const { findings, capture } = JSON.parse(ended.stdout) as Document;
      expect(capture).toMatchObject({
        endedBy: null,
        command: { exitStatus: 3 },
        lost: 0,
        putBack: { left: [], endedBefore: null },
      });
      expect(capture.seen.invalid).toBeGreaterThan(0);
      expect(capture.seen.dropped).toBeGreaterThan(0);
      const [first] = findings;
      expect(first).toMatchObject({
        class: 'entry-gone',
        cause: 'entry-deleted-from-userspace',
        confidence: 'certain',
        flow: { sport },
        droppedBy: { chain },
      });
      // Conntrack's line and the trace are one packet.
      expect(first!.packets.count).toBe(capture.seen.invalid);
      expect(ended.stderr).toContain('first INVALID');
      expect(ended.stderr).toContain('first drop');
      expect(await state(host)).toBe(before);
      await expect.poll(() => running(host), { timeout: patient(10_000) }).toEqual([]);
      // The same evidence answers later, by the words of the capture.
      const again = await host.run(`${prefix()} explain --json --dport 8080 --sport ${sport}`);
      expect((JSON.parse(again.stdout) as Document).findings[0]).toMatchObject({ class: 'entry-gone' });
    },
    LIMIT_MS,
  );

  it(
    'healthy traffic costs no line',
    async () => {
      const script = join(folder, 'healthy.sh');
      writeFileSync(script, `#!/bin/sh\nfor i in 1 2 3; do echo x | nc -N ${ADDRESSES.server} 8080; done\n`);
      chmodSync(script, 0o700);
      const { stdout, exitStatus } = await client!.attempt(words('--json', '--', 'timeout', '5', script));
      expect(exitStatus).toBe(0);
      const { capture, findings } = JSON.parse(stdout) as Document;
      expect(capture.seen).toMatchObject({ invalid: 0, dropped: 0 });
      expect(capture.seen.events).toBeGreaterThan(3);
      expect(findings.filter((one) => one.class !== 'normal')).toEqual([]);
    },
    LIMIT_MS,
  );

  it.each(['SIGINT', 'SIGHUP'] as const)(
    '%s ends it: put back, then explained',
    async (signal) => {
      const before = await state(client!);
      const begun = await start(client!, '--json', '--for', '10min');
      expect(await state(client!)).not.toBe(before);
      spawnSync(reproduce(client!, 0), { stdio: 'ignore' });
      const { stdout, exitStatus, stderr } = await end(begun, signal);
      expect(exitStatus, stderr).toBe(signal === 'SIGINT' ? 130 : 143);
      const { findings, capture } = JSON.parse(stdout) as Document;
      expect(capture.endedBy).toBe(signal);
      expect(findings[0], `${stderr}\n${stdout}`).toMatchObject({ class: 'entry-gone', flow: { sport } });
      expect(await state(client!)).toBe(before);
      await expect.poll(() => running(client!), { timeout: patient(10_000) }).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'a second signal leaves the explaining out, never the putting back',
    async () => {
      const before = await state(client!);
      const begun = await start(client!, '--for', '10min');
      process.kill(begun.pid, 'SIGINT');
      await delay(20);
      const { exitStatus } = await end(begun, 'SIGINT');
      expect(exitStatus).toBe(130);
      expect(await state(client!)).toBe(before);
      // What an earlier story had left would be in both.
      expect(await isOn(client!)).toBe(false);
    },
    LIMIT_MS,
  );

  it(
    'reads only: what was there before, without anything switched on',
    async () => {
      const before = await state(client!);
      const begun = client!.start(`${prefix()} capture -p tcp --dport 8080 --read-only --json --for 6s`);
      await delay(1500);
      expect(await state(client!)).toBe(before);
      await waitUntil('it has ended', () => !begun.isRunning(), 60_000);
      const { stdout, exitStatus, stderr } = await begun.stop();
      expect(exitStatus, stderr).toBe(0);
      expect((JSON.parse(stdout) as Document).capture).toMatchObject({ id: null, putBack: null });
      expect(stderr).toContain('Nothing was changed');
    },
    LIMIT_MS,
  );

  it(
    'waits in the background for the first INVALID packet, puts back and keeps it',
    async () => {
      const before = await state(client!);
      const begun = await client!.attempt(words('--stop-on', 'invalid', '--detach', '--every', '5s'));
      expect(begun.exitStatus, begun.stderr).toBe(0);
      expect(begun.stdout).toMatch(/^C\d+ {2}capture tcp dport 8080 {3}in the background/);
      expect(await isOn(client!)).toBe(true);
      // Whoever asks meanwhile is told what it has seen so far; and it goes on reading the tables.
      await client!.run(`nc -N -w 5 ${ADDRESSES.server} 8080 < /dev/null`);
      const status = async () => (await client!.run(prefix())).stdout;
      await expect
        .poll(status, { timeout: patient(60_000), interval: 500 })
        .toMatch(/\d packets?, 0 INVALID, 0 dropped, [1-9]\d* events/);
      await delay(6000);
      spawnSync(reproduce(client!, 0), { stdio: 'ignore' });
      await expect.poll(() => state(client!), { timeout: patient(60_000), interval: 500 }).toBe(before);
      await expect.poll(() => running(client!), { timeout: patient(60_000), interval: 500 }).toEqual([]);
      const told = await client!.run(`${prefix()} explain --json --sport ${sport}`);
      expect((JSON.parse(told.stdout) as Document).findings[0]).toMatchObject({ class: 'entry-gone', flow: { sport } });
      const kept = await client!.run(`${prefix()} query -o csv "select name from sources"`);
      expect(kept.stdout).toMatch(/conntrack-L-during-\d+\.txt/);
      expect(await status()).not.toContain('Running');
    },
    LIMIT_MS,
  );

  it.each(['stuck-close', 'reset', 'no-connect', 'slow-connect', 'no-nat'])(
    'the kernel takes the rules of --symptom %s',
    async (symptom) => {
      const { stdout } = await client!.run(words('--symptom', symptom, '--dry-run'));
      const script = /^nft -f - <<'END'\n([\s\S]*?)\nEND$/m.exec(stdout)![1]!;
      expect((await client!.run('nft -c -f -', script)).stderr).toBe('');
    },
    LIMIT_MS,
  );

  it(
    'passes signals on to the command, and ends with it',
    async () => {
      const marker = join(folder, 'heard');
      const script = join(folder, 'hears.sh');
      writeFileSync(
        script,
        `#!/bin/sh\ntrap 'echo heard > ${marker}; exit 7' TERM\necho > ${marker}.ready\nwhile :; do sleep 0.1; done\n`,
      );
      chmodSync(script, 0o700);
      const begun = await start(client!, '--json', '--', script);
      await waitUntil('the command runs', () => existsSync(`${marker}.ready`), 60_000);
      const { stdout, exitStatus } = await end(begun, 'SIGTERM');
      expect(exitStatus).toBe(143);
      expect((JSON.parse(stdout) as Document).capture.command).toMatchObject({ exitStatus: 7 });
      expect(spawnSync('cat', [marker], { encoding: 'utf8' }).stdout).toBe('heard\n');
    },
    LIMIT_MS,
  );

  it(
    'killed, the kernel drops its table, its readers and the command, and undo does the rest',
    async () => {
      const before = await state(client!);
      const begun = await start(client!, '--', 'tail', '-f', '/dev/null');
      await waitUntil('the command runs', async () => (await running(client!)).includes('tail'), 60_000);
      await begun.stop('SIGKILL');
      await waitUntil('the kernel has dropped the table', async () => !(await isOn(client!)), 10_000);
      const left = async () => (await running(client!)).filter((name) => /^(conntrack|nft|tcpdump|tail)$/.test(name));
      await expect.poll(left, { timeout: patient(10_000) }).toEqual([]);
      expect(await state(client!)).toContain('nf_conntrack_log_invalid = 6');
      const undone = await client!.attempt(`${prefix()} undo --all --yes`);
      expect(undone.exitStatus, undone.stderr).toBe(0);
      expect(await state(client!)).toBe(before);
    },
    LIMIT_MS,
  );

  it(
    'killed where it was started, outside of the namespace, it ends inside as if it had been asked to, and puts back',
    async () => {
      const before = await state(client!);
      const begun = startCommand([], words('--netns', client!.namespace, '--', 'tail', '-f', '/dev/null'));
      await waitUntil('the command runs', async () => (await running(client!)).includes('tail'), 60_000);
      await begun.stop('SIGKILL');
      await expect.poll(() => running(client!), { timeout: patient(60_000), interval: 500 }).toEqual([]);
      expect(await state(client!)).toBe(before);
    },
    LIMIT_MS,
  );

  it(
    'ends early when somebody takes its change back, and says so',
    async () => {
      const before = await state(client!);
      const begun = await start(client!, '--json', '--for', '10min');
      expect((await client!.attempt(`${prefix()} undo --all --yes`)).exitStatus).toBe(0);
      await waitUntil('it has ended', () => !begun.isRunning(), 30_000);
      const { stdout, stderr } = await begun.stop();
      expect(stderr).toContain('had been ended before: undone');
      expect((JSON.parse(stdout) as Document).capture.putBack?.endedBefore).toBe('undone');
      expect(await state(client!)).toBe(before);
    },
    LIMIT_MS,
  );
});
