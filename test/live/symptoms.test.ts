// What people have, staged on a firewall between two hosts: ctwhy capture is told the symptom alone, and finds what was staged. The host is
// as it was before, each time.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/model/finding.js';
import { REPOSITORY } from '../helpers/run-command.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import { waitUntil } from '../lab/process.js';
import { makeTableSmall } from '../lab/small-table.js';
import { buildRouted, pairAddresses } from '../record/scene.js';

const why = whyNoLab();
const LIMIT_MS = patient(240_000);
const ADDRESSES = pairAddresses(160 + (process.pid % 50));
const CTWHY = join(REPOSITORY, 'bin/ctwhy.js');
const HOLDER = join(REPOSITORY, 'test/lab/hold-connections.py');

interface Document {
  readonly findings: readonly Finding[];
  readonly capture: { readonly putBack: { readonly left: readonly unknown[] } | null };
}

/** How a command is run on each host, and a source port of one's own. */
interface Words {
  readonly client: string;
  readonly firewall: string;
  readonly server: string;
  readonly sport: number;
}

interface Staged {
  readonly symptom: string;
  readonly port: number;
  /** What the firewall gets before, and has taken away after. */
  readonly rules: readonly string[];
  /** What happens, on the client unless said otherwise. */
  readonly script: (words: Words) => string;
  readonly finding: Partial<Finding>;
}

const STAGED: readonly Staged[] = [
  {
    symptom: 'stuck-close',
    port: 8080,
    rules: [],
    script: ({ client, firewall, sport }) =>
      `sleep 30 | ${client} nc -p ${sport} ${ADDRESSES.server} 8080 > /dev/null &\nN=$!\n` +
      `until ${firewall} conntrack -L -p tcp --sport ${sport} 2>/dev/null | grep -q ASSURED; do sleep 0.1; done\n` +
      `${firewall} conntrack -D -p tcp --sport ${sport} > /dev/null 2>&1\nsleep 0.4\nkill -9 $N\nsleep 1.5\n`,
    finding: { class: 'entry-gone', cause: 'entry-deleted-from-userspace' },
  },
  {
    symptom: 'reset',
    port: 8081,
    rules: ['-I FORWARD -p tcp --dport 8081 -j REJECT --reject-with tcp-reset'],
    script: ({ client, sport }) => `${client} nc -w 3 -p ${sport} -z ${ADDRESSES.server} 8081\n`,
    finding: { class: 'rule-decided', outcome: 'NEW' },
  },
  {
    symptom: 'no-connect',
    port: 8082,
    rules: ['-I FORWARD -p tcp --dport 8082 -j DROP'],
    script: ({ client, sport }) => `${client} nc -w 3 -p ${sport} -z ${ADDRESSES.server} 8082\n`,
    finding: { class: 'rule-decided', fate: 'dropped' },
  },
  {
    symptom: 'slow-connect',
    port: 8080,
    rules: ['-I FORWARD -p tcp --dport 8080 --syn -m statistic --mode nth --every 2 --packet 0 -j DROP'],
    script: ({ client, sport }) => `${client} nc -w 5 -p ${sport} -z ${ADDRESSES.server} 8080\n`,
    finding: { class: 'rule-decided', fate: 'dropped' },
  },
  {
    symptom: 'no-nat',
    port: 8080,
    rules: ['-t nat -I POSTROUTING -o eth1 -j MASQUERADE', '-t nat -I POSTROUTING -p tcp --dport 8080 -j ACCEPT'],
    // The server knows no way back to the address that was to be hidden.
    script: ({ client, server, sport }) =>
      `${server} ip route del default\n${client} nc -w 4 -p ${sport} -z ${ADDRESSES.server} 8080\n${server} ip route add default via 198.51.100.1\n`,
    finding: { class: 'rule-decided', cause: 'nat-bypassed' },
  },
];

describe.skipIf(why !== null)(`symptoms${why === null ? '' : ` (${why})`}`, () => {
  let lab: Lab;
  let [client, firewall, server]: LabHost[] = [];
  let folder: string;
  let sport = 41_000 + (process.pid % 1000) * 10;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-symptoms-'));
    lab = openLab();
    ({ client, firewall, server } = await buildRouted(lab, ADDRESSES));
    await firewall.run('iptables-nft -A FORWARD -p tcp -m state --state NEW -j ACCEPT');
    await firewall.run('iptables-nft -A FORWARD -m state --state INVALID -j DROP');
    // There from the beginning: a table that a rule brings with it does not go with the rule.
    await firewall.run('iptables-nft -t nat -L -n');
    server.start(`python3 '${HOLDER}' serve 8080`);
    await waitUntil(
      'the server listens',
      async () => (await server!.run('ss -Htln sport = :8080')).stdout.includes('8080'),
      60_000,
    );
  }, LIMIT_MS);
  afterAll(() => {
    spawnSync(process.execPath, [CTWHY, 'undo', '--all', '--yes'], { env: environment() });
    lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const environment = () => ({
    PATH: process.env['PATH'],
    HOME: folder,
    CTWHY_CHANGES: join(folder, 'journal'),
    CTWHY_DB: join(folder, 'store.db'),
  });
  const inside = (host: LabHost) => `nsenter --net=/run/netns/${host.namespace} --`;

  async function state(host: LabHost): Promise<string> {
    const said = await Promise.all(
      [
        'nft -s list ruleset',
        'cat /proc/net/netfilter/nf_log',
        'sysctl -a --pattern "^net[.]netfilter[.]nf_(conntrack_(log_invalid|acct|events|timestamp)|log)"',
      ].map((command) => host.attempt(command)),
    );
    return said.map(({ stdout }) => stdout).join('\n');
  }

  /** Captures on the firewall while a script runs, and tells what was found of it. */
  async function captured(words: string, script: string): Promise<Document> {
    const path = join(folder, `script-${++sport}.sh`);
    writeFileSync(path, `#!/bin/sh\n${script}`);
    chmodSync(path, 0o700);
    const before = await state(firewall!);
    const set = Object.entries(environment()).map(([name, value]) => `${name}='${value}'`);
    const ended = await firewall!.attempt(
      `env ${set.join(' ')} ${process.execPath} ${CTWHY} capture ${words} --yes --json -- ${path}`,
    );
    expect(ended.exitStatus, ended.stderr).toBe(0);
    expect(await state(firewall!)).toBe(before);
    const document = JSON.parse(ended.stdout) as Document;
    expect(document.capture.putBack?.left ?? []).toEqual([]);
    return document;
  }

  it.each(STAGED)(
    '$symptom',
    async ({ symptom, port, rules, script, finding }) => {
      for (const rule of rules) await firewall!.run(`iptables-nft ${rule}`);
      const words = script({
        client: inside(client!),
        firewall: inside(firewall!),
        server: inside(server!),
        sport: sport + 1,
      });
      const told = await captured(`-p tcp --dport ${port} --symptom ${symptom}`, words);
      for (const rule of rules) await firewall!.run(`iptables-nft ${rule.replace('-I', '-D')}`);
      await client!.attempt('ss -K state fin-wait-1');
      expect(told.findings[0], JSON.stringify(told.findings, null, 1)).toMatchObject(finding);
    },
    LIMIT_MS,
  );

  it(
    'table-full',
    async () => {
      server!.start(`python3 '${HOLDER}' serve 9000`);
      await waitUntil(
        'port 9000 is open',
        async () => (await server!.run('ss -Htln sport = :9000')).stdout.includes('9000'),
        60_000,
      );
      const holder = client!.start(`python3 '${HOLDER}' tcp ${ADDRESSES.server} 9000 90`);
      await waitUntil('connections are held', () => holder.output().includes('ready'), 60_000);
      const small = makeTableSmall(80);
      try {
        const told = await captured(
          '--symptom table-full',
          `${inside(client!)} python3 '${HOLDER}' udp ${ADDRESSES.server} 9001 40\n`,
        );
        expect(told.findings.map((one) => one.class)).toContain('table-full');
      } finally {
        small.putBack();
      }
    },
    LIMIT_MS,
  );
});
