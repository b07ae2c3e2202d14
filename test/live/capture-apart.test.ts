// Two captures of one machine, on a client and on the firewall it goes through, in one store: each explains its own namespace, counts each
// packet once, and its numbers lead path and timeline to the same findings.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY, rowsOf } from '../helpers/run-command.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import { waitUntil } from '../lab/process.js';
import { buildRouted, pairAddresses } from '../record/scene.js';

const why = whyNoLab();
const LIMIT_MS = patient(240_000);
const ADDRESSES = pairAddresses(160 + (process.pid % 40));

interface Finding {
  readonly id: number;
  readonly class: string;
  readonly flow: { readonly sport: number; readonly netns: string | null } | null;
  readonly packets: { readonly count: number };
  readonly droppedBy: { readonly chain: string } | null;
  readonly evidence: readonly { readonly text: string }[];
}
interface Document {
  readonly lookedAt: { readonly netns: string | null; readonly otherNetns?: readonly string[] };
  readonly findings: readonly Finding[];
}

describe.skipIf(why !== null)(`captures of two namespaces${why === null ? '' : ` (${why})`}`, () => {
  let lab: Lab;
  let folder: string;
  let [client, firewall]: LabHost[] = [];
  const sports = { client: 50_000 + (process.pid % 1000) * 10, firewall: 50_001 + (process.pid % 1000) * 10 };
  const documents: Partial<Record<'client' | 'firewall', Document>> = {};
  const store = () => join(folder, 'store.db');
  const prefix = () =>
    `env CTWHY_CHANGES=${join(folder, 'journal')} CTWHY_DB=${store()} COLUMNS=80 ${process.execPath} ${join(REPOSITORY, 'bin/ctwhy.js')}`;
  const ofFlow = ({ findings }: Document, sport: number) => findings.find(({ flow }) => flow?.sport === sport);

  /** Opens a connection, has its entry deleted on a host, and closes. */
  function reproduce(on: LabHost, sport: number): string {
    const inside = (host: LabHost) => `nsenter --net=/run/netns/${host.namespace} --`;
    const path = join(folder, `reproduce-${sport}.sh`);
    const lines = [
      '#!/bin/sh',
      `sleep 20 | ${inside(client!)} nc -p ${sport} ${ADDRESSES.server} 8080 > /dev/null &`,
      'N=$!',
      'sleep 1',
      `${inside(on)} conntrack -D -p tcp --sport ${sport} > /dev/null 2>&1`,
      'sleep 0.4',
      'kill -9 $N',
      'sleep 1.2',
      '',
    ];
    writeFileSync(path, lines.join('\n'));
    chmodSync(path, 0o700);
    return path;
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-apart-'));
    lab = openLab();
    const hosts = await buildRouted(lab, ADDRESSES);
    ({ client, firewall } = hosts);
    await client!.run('iptables-nft -A OUTPUT -m state --state INVALID -j DROP');
    await firewall!.run('iptables-nft -A FORWARD -m state --state INVALID -j DROP');
    for (const host of [client!, firewall!]) await host.run('iptables-nft -A FORWARD -m state --state NEW -j ACCEPT');
    hosts.server.start(`python3 '${join(REPOSITORY, 'test/lab/hold-connections.py')}' serve 8080`);
    await waitUntil(
      'the server listens',
      async () => (await hosts.server.run('ss -Htln sport = :8080')).stdout.includes('8080'),
      patient(60_000),
    );
    for (const [name, host] of [
      ['client', client!],
      ['firewall', firewall!],
    ] as const) {
      const script = reproduce(host, sports[name]);
      const { stdout, stderr } = await host.attempt(`${prefix()} capture --yes --json --via nflog -- ${script}`);
      if (!stdout.startsWith('{')) throw new Error(stderr);
      documents[name] = JSON.parse(stdout) as Document;
      // A socket that tries on would be in the next story.
      await client!.attempt('ss -K state fin-wait-1');
    }
  }, patient(600_000));
  afterAll(() => {
    lab?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it(
    'the later one explains its own namespace, with its own rules',
    () => {
      const { lookedAt, findings } = documents.firewall!;
      expect(lookedAt.netns).toBe(firewall!.namespace);
      expect(lookedAt.otherNetns).toEqual([client!.namespace]);
      expect(ofFlow(documents.firewall!, sports.firewall)).toMatchObject({
        class: 'entry-gone',
        flow: { netns: firewall!.namespace },
        droppedBy: { chain: 'FORWARD' },
      });
      expect(findings.map(({ flow }) => flow?.netns)).not.toContain(client!.namespace);
    },
    LIMIT_MS,
  );

  it(
    'a packet seen by NFLOG and by the trace is one packet',
    async () => {
      for (const name of ['client', 'firewall'] as const) {
        const rows = await rowsOf(
          store(),
          `SELECT count(DISTINCT ip_id) AS packets FROM packets WHERE sport = ${sports[name]} AND kind IN ('log-invalid', 'nft-trace')`,
        );
        const finding = ofFlow(documents[name]!, sports[name]);
        expect(finding?.packets.count, name).toBe(rows[0]!['packets']);
      }
    },
    LIMIT_MS,
  );

  it(
    'bare, the numbers of the capture mean the same findings',
    async () => {
      const bare = JSON.parse((await firewall!.run(`${prefix()} explain --json`)).stdout) as Document;
      const short = ({ findings }: Document) =>
        findings.map(({ id, class: kind, flow, packets }) => ({ id, kind, flow, packets }));
      expect(short(bare)).toEqual(short(documents.firewall!));
      const { id } = ofFlow(bare, sports.firewall)!;
      const path = (await firewall!.run(`${prefix()} path ${id}`)).stdout;
      expect(path).toContain(`:${sports.firewall} > `);
      expect(path).toContain('FORWARD');
      // Neither what ctwhy put there, nor an interface that only has a number.
      expect(path).not.toMatch(/ctwhy_\d|ifindex:/);
      expect((await firewall!.run(`${prefix()} timeline ${id}`)).stdout).toContain(`:${sports.firewall} > `);
    },
    LIMIT_MS,
  );

  it(
    'the earlier one is there by its name, and counts nothing of the later',
    async () => {
      const said = (await client!.run(`${prefix()} explain --json --netns ${client!.namespace}`)).stdout;
      const again = JSON.parse(said) as Document;
      expect(ofFlow(again, sports.client)).toMatchObject({ class: 'entry-gone', droppedBy: { chain: 'OUTPUT' } });
      expect(ofFlow(again, sports.firewall)).toBeUndefined();
      const text = (await firewall!.run(`${prefix()} explain`)).stdout.replace(/\s+/g, ' ');
      const lines = Number(/(\d+) packet lines/.exec(text)?.[1]);
      const all = await rowsOf(store(), 'SELECT sum(packet_lines) AS lines FROM clocks');
      const earlier = await rowsOf(store(), `SELECT count(*) AS lines FROM packets WHERE sport = ${sports.client}`);
      expect(lines).toBeLessThanOrEqual(Number(all[0]!['lines']) - Number(earlier[0]!['lines']));
    },
    LIMIT_MS,
  );
});
