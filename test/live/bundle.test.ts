// A stuck FIN-WAIT-1 is staged; a bundle of the host, by the program and by its script under two shells, gives the answer; and nothing on
// the host has changed.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY, runCommand } from '../helpers/run-command.js';
import { delay } from '../lab/clock.js';
import { type KernelLog, openKernelLog } from '../lab/kernel-log.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import { buildPair, connectAndIdle, pairAddresses, serve, tagAndDropInvalid } from '../record/scene.js';

const ADDRESSES = pairAddresses(200 + (process.pid % 50));
const SPORT = 41_000 + (process.pid % 1000);
const CTWHY = join(REPOSITORY, 'bin/ctwhy.js');

interface ToldFinding {
  readonly class: string;
  readonly confidence: string;
  readonly cause: string | null;
  readonly droppedBy: { readonly chain: string; readonly rule: number } | null;
}

describe.skipIf(whyNoLab() !== null)('a bundle', () => {
  let lab: Lab;
  let log: KernelLog;
  let client: LabHost;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-bundle-'));
    log = openKernelLog();
    lab = openLab();
    const pair = await buildPair(lab, ADDRESSES);
    client = pair.client;
    await client.setSysctls({ 'netfilter.nf_conntrack_log_invalid': 6 });
    for (const command of tagAndDropInvalid('iptables-nft', 'OUTPUT')) await client.run(command);
    await serve(pair.server, 8080);
    const connection = await connectAndIdle(client, ADDRESSES.server, 8080, SPORT);
    await client.run(`conntrack -D -p tcp --sport ${SPORT}`);
    await connection.stop('SIGKILL');
    await delay(1500);
  });
  afterAll(() => {
    lab.close();
    log.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function explained(tar: string): Promise<readonly ToldFinding[]> {
    const words = ['explain', '-r', tar, '--json', '-p', 'tcp', '--sport', String(SPORT)];
    const { stdout, stderr, code } = await runCommand(words);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return (JSON.parse(stdout) as { findings: ToldFinding[] }).findings;
  }

  function expectTheFin(findings: readonly ToldFinding[]): void {
    const fin = findings.find((one) => one.class === 'entry-gone');
    expect(fin).toBeDefined();
    expect(fin!.droppedBy).toMatchObject({ chain: 'OUTPUT', rule: 3 });
    expect(fin!.confidence).toBe('certain');
  }

  async function stateOfHost(): Promise<string> {
    const parts = await Promise.all(
      [
        "nft -a list ruleset | sed 's/packets [0-9]* bytes [0-9]*//'",
        'nft list hooks',
        'cat /proc/net/ip_tables_names /proc/net/ip6_tables_names',
        'cat /proc/net/netfilter/nf_log',
        'sysctl -a --pattern "^net[.]netfilter[.]nf_(conntrack_(max|log_invalid|acct|events|timestamp)|log)" 2>/dev/null',
      ].map(async (command) => (await client.attempt(command)).stdout),
    );
    return parts.join('\n');
  }

  it('by the program: explained from the tar, and nothing changed', async () => {
    const before = await stateOfHost();
    const tar = join(folder, 'program.tar');
    const made = await client.run(`${process.execPath} ${CTWHY} bundle ${tar} --for 2s --json`);
    const { parts } = JSON.parse(made.stdout) as {
      parts: { file: string; exitStatus: number; error: string | null }[];
    };
    expect(parts.filter(({ file, exitStatus }) => exitStatus !== 0 && file !== 'ipset.txt')).toEqual([]);
    expect(await stateOfHost()).toBe(before);
    expectTheFin(await explained(tar));
    expect(readdirSync(folder)).toEqual(['program.tar']);
    expect(execFileSync('tar', ['tf', tar], { encoding: 'utf8' }).split('\n')[0]).toBe('MANIFEST');
    const again = await client.attempt(`${process.execPath} ${CTWHY} bundle ${tar}`);
    expect(again.exitStatus).toBe(2);
    expect(again.stderr).toContain('is there already');
  });

  it('and check finds the same, live, without anything prepared', async () => {
    const before = await stateOfHost();
    const { stdout, exitStatus } = await client.attempt(
      `${process.execPath} ${CTWHY} check --for 3s --json --exit-code`,
    );
    expect(exitStatus).toBe(10);
    const { findings, unseen } = JSON.parse(stdout) as {
      findings: { class: string; title: string; summary: string; evidence: { label: string; says: string }[] }[];
      unseen: unknown[];
    };
    const [stuck] = findings;
    expect(stuck).toMatchObject({ class: 'stuck-socket' });
    expect(stuck!.title).toContain(`tcp ${ADDRESSES.client}:${SPORT} > ${ADDRESSES.server}:8080`);
    expect(stuck!.summary).toContain('filter OUTPUT rule 3 drops what is INVALID');
    expect(stuck!.evidence.map(({ label, says }) => `${label}: ${says.slice(0, 10)}`)).toEqual([
      'socket: FIN-WAIT-1',
      'entry: none, in e',
      'rule: filter OUT',
    ]);
    expect(unseen).toEqual([]);
    expect(await stateOfHost()).toBe(before);
  });

  it.each(['dash', 'busybox sh'])('by the script under %s: the same', async (shell) => {
    const [program] = shell.split(' ');
    if (!['/bin', '/usr/bin'].some((place) => existsSync(join(place, program!)))) return;
    const script = join(folder, 'collect.sh');
    writeFileSync(script, (await runCommand(['bundle', '--script'])).stdout);
    const before = await stateOfHost();
    const tar = join(folder, `${program}.tar`);
    const ran = await client.run(`TMPDIR=${folder} ${shell} ${script} -t 1 ${tar}`);
    expect(ran.stderr).toContain(tar);
    expect(await stateOfHost()).toBe(before);
    expectTheFin(await explained(tar));
    const piped = await client.run(`TMPDIR=${folder} ${shell} -s -- - < ${script} | tar tf - | head -1`);
    expect(piped.stdout).toBe('MANIFEST\n');
    const manifest = execFileSync('tar', ['xOf', tar, 'MANIFEST'], { encoding: 'utf8' });
    for (const word of ['host', 'kernel', 'boot-id', 'timezone', 'netns', 'uptime', 'made-by'])
      expect(manifest).toMatch(new RegExp(`^${word} \\S`, 'm'));
    expect(manifest).toContain(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
    expect(readdirSync(folder).filter((name) => name.startsWith('ctwhy-collect'))).toEqual([]);
  });
});
