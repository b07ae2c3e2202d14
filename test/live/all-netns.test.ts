// --all-netns where a name, a file, a process and ourselves hold a network namespace each: in a process and mount namespace of its own, so that no
// other namespace of the machine is seen or entered.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY, rowsOf } from '../helpers/run-command.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import type { Finished } from '../lab/process.js';

const obstacle = whyNoLab();
if (obstacle !== null) console.warn(`tests of all namespaces skipped: ${obstacle}`);

let lab: Lab;
let host: LabHost;
let folder: string;

beforeAll(async () => {
  if (obstacle !== null) return;
  folder = mkdtempSync(join(tmpdir(), 'ctwhy-all-netns-'));
  lab = openLab();
  host = await lab.addHost('gateway');
});

afterAll(() => {
  lab?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const RULES = 'table inet lab { chain in { type filter hook input priority 0; ct state new counter accept; }; }';
const SEND = `python3 -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 5300))"`;

/** Runs ctwhy where four namespaces are: ours, blue by its name with an entry, one that is mounted onto a file, and that of a process. */
async function within(words: string): Promise<Finished> {
  const script = `
    mkdir -p /run/netns && mount -t tmpfs none /run/netns
    ip netns add blue
    ip netns exec blue sh -c "ip link set lo up; sysctl -qw net.netfilter.nf_conntrack_udp_timeout=3600; nft '${RULES}'; ${SEND.replaceAll('"', '\\"')}"
    touch ${folder}/jail && unshare --net=${folder}/jail ip link set lo up
    unshare -n sleep 300 & holder=$!
    until [ "$(cat /proc/$holder/comm)" = sleep ]; do sleep 0.1; done
    ${process.execPath} ${REPOSITORY}bin/ctwhy.js ${words}; status=$?
    kill $holder; umount ${folder}/jail; ip netns del blue; exit $status`;
  return await host.attempt(`unshare -m -p -f --mount-proc sh <<'SCRIPT'\n${script}\nSCRIPT`);
}

/** Without what differs from run to run. */
const shown = (name: string | null): string | null =>
  name?.startsWith(folder) === true ? `FOLDER${name.slice(folder.length)}` : (name?.replace(/\d+/, 'N') ?? null);

describe.skipIf(obstacle !== null)(
  '--all-netns',
  () => {
    it('takes a snapshot of each, with its name in the store', async () => {
      const db = join(folder, 'all.db');
      const { stdout, stderr, exitStatus } = await within(`snapshot take --all-netns --json --db ${db}`);
      expect(exitStatus, stderr).toBe(0);
      const said = JSON.parse(stdout) as { schema: string; namespaces: readonly { netns: string | null }[] };
      expect(said.schema).toBe('ctwhy.all-netns/1');
      const names = said.namespaces.map(({ netns }) => shown(netns));
      expect(names).toEqual(['sh:N', 'FOLDER/jail', 'blue', 'sleep:N']);
      const rows = await rowsOf(
        db,
        `SELECT n.name, s.entry_count AS entries FROM snapshots s JOIN series r ON r.id = s.series_id JOIN namespaces n ON n.id = r.namespace_id ORDER BY s.id`,
      );
      expect(rows.map(({ name, entries }) => [shown(String(name)), entries])).toEqual([
        ['sh:N', 0],
        ['FOLDER/jail', 0],
        ['blue', 1],
        ['sleep:N', 0],
      ]);
    });

    it('makes a tar of each, which says whose it is', async () => {
      const { stdout, stderr, exitStatus } = await within(`bundle ${folder}/case.tar --all-netns`);
      expect(exitStatus, stderr).toBe(0);
      expect(stdout).toContain(`${folder}/case-blue.tar`);
      const manifest = await host.run(`tar -xOf ${folder}/case-blue.tar MANIFEST`);
      expect(manifest.stdout).toMatch(/^netns blue \d+$/m);
      const jailed = `${folder}/case-${`${folder}/jail`.replaceAll(/[^\w.-]/g, '_')}.tar`;
      expect((await host.run(`tar -xOf ${jailed} MANIFEST`)).stdout).toContain(`\nnetns ${folder}/jail `);
      expect((await host.run(`tar -xOf ${folder}/case-blue.tar conntrack-L.txt`)).stdout).toContain('dport=5300');
    });

    it('is one or all', async () => {
      const { stderr, exitStatus } = await within('check --all-netns --netns blue');
      expect(exitStatus).toBe(2);
      expect(stderr).toContain('give one');
    });
  },
  patient(240_000),
);
