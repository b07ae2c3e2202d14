// ctwhy snapshot on a live namespace: what it stores against conntrack's own XML of the same table, what changed around an incident, and that
// nothing is there of one that was stopped.

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/store/open-database.js';
import { REPOSITORY, rowsOf } from '../helpers/run-command.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import { type Finished, waitUntil } from '../lab/process.js';
import { readTracker, recordsOf } from '../unit/parsers/forms/conntrack-forms.js';

function whyNoTracker(): string | null {
  try {
    for (const program of ['conntrack', 'nft', 'python3']) execFileSync(program, ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'needs conntrack, nft and python3';
  }
}

const obstacle = whyNoLab() ?? whyNoTracker();
if (obstacle !== null) console.warn(`snapshot tests skipped: ${obstacle}`);

const CONNTRACK =
  obstacle === null ? execFileSync('sh', ['-c', 'command -v conntrack'], { encoding: 'utf8' }).trim() : '';
const TRAFFIC = fileURLToPath(new URL('conntrack-traffic.py', import.meta.url));
const RULES = `table inet lab {
  chain zones { type filter hook prerouting priority -300; udp dport 5301 ct zone set 7; }
  chain nat { type nat hook prerouting priority -100; tcp dport 8080 redirect to :80; }
  chain marks { type filter hook prerouting priority 11; tcp dport 80 ct mark set 5; ct state new counter accept; }
  chain own { type filter hook output priority 0; ct state invalid counter drop; }
}`;
/** Holds one connection to the peer; closes it when told. */
const HOLD = `import socket, sys
c = socket.create_connection(('192.0.2.1', 9000)); print('open', flush=True)
sys.stdin.readline(); c.close(); print('closed', flush=True); sys.stdin.readline()`;
const LISTEN = `import socket, time
s = socket.create_server(('', 9000)); print('ready', flush=True); a = s.accept(); time.sleep(60)`;

let lab: Lab;
let gateway: LabHost;
let folder: string;

const ctwhy = (words: string, environment = ''): Promise<Finished> =>
  gateway.attempt(`${environment} ${process.execPath} ${REPOSITORY}bin/ctwhy.js ${words}`);

async function take(db: string, words = ''): Promise<Record<string, unknown>> {
  const { stdout, stderr, exitStatus } = await ctwhy(`snapshot take --json --db ${db} ${words}`);
  if (exitStatus !== 0) throw new Error(`${exitStatus}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** A folder with a conntrack of our own making, first on the path. */
function fakeConntrack(name: string, script: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'conntrack'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(path, 'conntrack'), 0o755);
  return `PATH=${path}:$PATH`;
}

const ENTRIES = `SELECT proto, orig_src, orig_dst, orig_sport, orig_dport, reply_src, reply_dst, reply_sport, reply_dport, zone, state, status, mark,
  helper, ct_id, packets, bytes FROM ct_entries WHERE list = 'main' AND snapshot_id = 1 ORDER BY ct_id`;

describe.skipIf(obstacle !== null)('a snapshot of a namespace', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'snapshot-live-'));
    lab = openLab();
    gateway = await lab.addHost('gateway');
    const client = await lab.addHost('client');
    await lab.wire(
      { host: gateway, interface: 'eth0', addresses: ['192.0.2.2/24', '2001:db8:1::2/64'] },
      { host: client, interface: 'eth0', addresses: ['192.0.2.1/24', '2001:db8:1::1/64'] },
    );
    await gateway.setSysctls({
      'netfilter.nf_conntrack_acct': 1,
      'netfilter.nf_conntrack_timestamp': 1,
      'netfilter.nf_conntrack_checksum': 0,
    });
    await gateway.run(`nft '${RULES}'`);
    const server = gateway.start(`python3 ${TRAFFIC} serve`);
    const peer = client.start(`python3 -c "${LISTEN}"`);
    await waitUntil(
      'the servers listen',
      () => server.output().includes('ready') && peer.output().includes('ready'),
      60_000,
    );
    await client.attempt('ping -c1 -W1 2001:db8:1::2');
    const sender = client.start(`python3 ${TRAFFIC} send`);
    await waitUntil('the traffic is sent', () => sender.output().includes('sent'), 60_000);
  }, patient(180_000));

  afterAll(() => {
    lab?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it(
    'stores what XML shows of the same table, field by field',
    async () => {
      const db = join(folder, 'xml.db');
      const [before, taken, after] = [
        await gateway.run('conntrack -L -o xml,id'),
        await take(db),
        await gateway.run('conntrack -L -o xml,id'),
      ];
      const listed = [before, after].map(({ stdout }) =>
        recordsOf(readTracker(stdout, { command: 'conntrack -L -o xml,id' }), 'ct-entry').map(({ entry }) => entry),
      );
      const rows = await rowsOf(db, ENTRIES);
      const stored = new Map(rows.map((row) => [Number(row['ct_id']), row]));
      // An entry may end or be counted on between the three readings: what both listings tell alike must be in the snapshot so.
      const later = new Map(listed[1]!.map((entry) => [entry.id, entry]));
      const steady = listed[0]!.filter(({ id, state }) => later.get(id)?.state === state);
      expect(steady.length).toBeGreaterThan(8);
      for (const entry of steady) {
        const { orig, reply } = entry;
        const isCounted = later.get(entry.id)!.origCounters.packets === entry.origCounters.packets;
        expect(stored.get(entry.id!)).toEqual({
          proto: orig.proto,
          orig_src: orig.src,
          orig_dst: orig.dst,
          orig_sport: orig.sport,
          orig_dport: orig.dport,
          reply_src: reply!.src,
          reply_dst: reply!.dst,
          reply_sport: reply!.sport,
          reply_dport: reply!.dport,
          zone: entry.zone ?? 0,
          state: entry.state,
          status: expect.toSatisfy((text: string | null) => sorted(text) === sorted(entry.status.join(' '))),
          mark: entry.mark,
          helper: entry.helper,
          ct_id: entry.id,
          packets: isCounted ? entry.origCounters.packets : expect.any(Number),
          bytes: isCounted ? entry.origCounters.bytes : expect.any(Number),
        });
      }
      expect(rows.some((row) => row['zone'] === 7)).toBe(true);
      expect(rows.some((row) => String(row['orig_src']).includes(':'))).toBe(true);
      expect(rows.some((row) => row['orig_dport'] === 8080 && row['reply_sport'] === 80)).toBe(true);
      expect(taken['netns']).toBe(gateway.namespace);
      expect(taken['entries']).toBeGreaterThan(8);
      const parts = new Map(
        (taken['parts'] as { part: string; state: string; records: number }[]).map((part) => [part.part, part]),
      );
      for (const part of [
        'list:main',
        'stats',
        'sysctl',
        'sockets',
        'rules:mixed:nft',
        'counters',
        'addresses',
        'routes',
        'neighbours',
        'offload',
      ])
        expect(parts.get(part), part).toMatchObject({ state: 'read' });
      expect(parts.get('list:unconfirmed')).toMatchObject({ records: 0 });
    },
    patient(120_000),
  );

  it(
    'costs little for what did not change',
    async () => {
      const db = join(folder, 'xml.db');
      const versions = async () => (await rowsOf(db, 'SELECT count(*) AS n FROM ct_entry_versions'))[0]!['n'] as number;
      const before = await versions();
      await take(db);
      expect((await versions()) - before).toBeLessThanOrEqual(2);
    },
    patient(120_000),
  );

  it(
    'tells what an entry deleted under a connection left behind, and explain rests on it',
    async () => {
      const db = join(folder, 'incident.db');
      const holder = gateway.start(`python3 -c "${HOLD}"`);
      await waitUntil('the connection is open', () => holder.output().includes('open'));
      await take(db, '--name before');
      await gateway.run('conntrack -D -p tcp --dport 9000');
      holder.say('\n');
      await waitUntil('it is closed', () => holder.output().includes('closed'));
      await gateway.setSysctls({ 'netfilter.nf_conntrack_tcp_be_liberal': 1 });
      const after = await take(db, '--name after');
      expect(after['socketsWithoutEntry']).toBe(1);
      const { stdout } = await ctwhy(`snapshot diff before after --json --db ${db}`);
      const diff = JSON.parse(stdout);
      expect(diff.schema).toBe('ctwhy.snapshot-diff/1');
      const gone = diff.changes.gone.rows.filter((row: { dport: number }) => row.dport === 9000);
      expect(gone).toMatchObject([{ proto: 'tcp', state: 'ESTABLISHED', dst: '192.0.2.1', isTranslated: false }]);
      expect(gone[0].leftS).toBeGreaterThan(400_000);
      expect(diff.socketsWithoutEntry).toMatchObject([{ state: 'FIN-WAIT-1', pport: 9000, outcome: 'no-entry' }]);
      expect(diff.settings).toContainEqual({
        name: 'net.netfilter.nf_conntrack_tcp_be_liberal',
        before: '0',
        after: '1',
      });
      expect(
        diff.counters.some((rule: { chain: string; packets: number }) => rule.chain === 'own' && rule.packets > 0),
      ).toBe(true);
      const invalid = diff.statistics.filter((one: { name: string }) => one.name === 'invalid');
      expect(invalid.reduce((sum: number, one: { delta: number }) => sum + one.delta, 0)).toBeGreaterThan(0);
      const text = (await ctwhy(`snapshot diff --db ${db}`)).stdout;
      expect(text).toContain('Socket without entry 1');
      expect(text).toContain('it did not run out');
      expect(text.split('\n').every((line) => line.length <= 80)).toBe(true);
      const explained = await ctwhy(`explain --db ${db}`);
      expect(explained.exitStatus).toBe(0);
      expect(explained.stdout).toContain('conntrack -L -f ipv4');
      holder.say('\n');
    },
    patient(180_000),
  );

  it(
    'is not there when it is killed in the middle, and the next one is whole',
    async () => {
      const db = join(folder, 'killed.db');
      await take(db);
      const mark = join(folder, 'listing');
      const path = fakeConntrack(
        'slow',
        `case "$*" in *ipv4*) touch ${mark}; echo "ipv4 2 udp 17 29 src=192.0.2.9 dst=192.0.2.2 sport=1 dport=2 src=192.0.2.2 dst=192.0.2.9 sport=2 dport=1 use=1"; sleep 30;; *) exec ${CONNTRACK} "$@";; esac`,
      );
      const killed = gateway.start(
        `env ${path.replace('$PATH', process.env['PATH'] ?? '')} ${process.execPath} ${REPOSITORY}bin/ctwhy.js snapshot take --db ${db}`,
      );
      await waitUntil('the list is being read', () => existsSync(mark), 20_000);
      // Others write meanwhile.
      await take(db);
      await killed.stop('SIGKILL');
      expect(await rowsOf(db, 'SELECT count(*) AS n FROM snapshots')).toEqual([{ n: 2 }]);
      expect(await rowsOf(db, "SELECT count(*) AS n FROM ct_entries WHERE orig_src = '192.0.2.9'")).toEqual([{ n: 0 }]);
      await take(db);
      expect(await rowsOf(db, 'SELECT count(*) AS n FROM snapshots')).toEqual([{ n: 3 }]);
      const opened = openDatabase(db, { readonly: true });
      expect(opened.pragma('integrity_check', { simple: true })).toBe('ok');
      expect(opened.pragma('foreign_key_check')).toEqual([]);
      opened.close();
    },
    patient(180_000),
  );

  it(
    'reads anew when another one was taken while it read: two of a series do not overlap',
    async () => {
      const db = join(folder, 'two.db');
      await take(db);
      const [mark, go] = [join(folder, 'first-list'), join(folder, 'go-on')];
      const path = fakeConntrack(
        'waiting',
        `case "$*" in *ipv4*) echo called >> ${mark}; while [ ! -e ${go} ]; do sleep 0.1; done;; esac; exec ${CONNTRACK} "$@"`,
      );
      const slow = gateway.start(
        `env ${path.replace('$PATH', process.env['PATH'] ?? '')} ${process.execPath} ${REPOSITORY}bin/ctwhy.js snapshot take --name slow --db ${db}`,
      );
      await waitUntil('the list is being read', () => existsSync(mark), 20_000);
      await take(db, '--name quick');
      writeFileSync(go, '');
      await waitUntil('the slow one is done', () => !slow.isRunning(), 60_000);
      expect((await slow.stop()).exitStatus).toBe(0);
      expect(readFileSync(mark, 'utf8')).toBe('called\ncalled\n');
      const rows = await rowsOf(db, 'SELECT name, seq, taken_at_us, took_us FROM snapshots ORDER BY seq');
      expect(rows.map(({ name }) => name)).toEqual([null, 'quick', 'slow']);
      const [, quick, last] = rows as [unknown, Record<string, number>, Record<string, number>];
      expect(last['taken_at_us']! - last['took_us']! / 2).toBeGreaterThanOrEqual(quick['taken_at_us']!);
    },
    patient(240_000),
  );

  it(
    'says in a sentence what is missing, and makes no store',
    async () => {
      const db = join(folder, 'none.db');
      const old = fakeConntrack(
        'old',
        `case "$*" in *id*) echo "conntrack v0.9.6: Bad parameter" >&2; exit 2;; *) exec ${CONNTRACK} "$@";; esac`,
      );
      const refused = fakeConntrack(
        'refused',
        'echo "conntrack v1.4.7 (conntrack-tools): Operation failed: sorry, you must be root or get CAP_NET_ADMIN capability to do this" >&2; exit 1',
      );
      // The program is looked for in all places where a system keeps it, whatever PATH says: there is an empty one in its place.
      const bare = `mount -t tmpfs none $(dirname ${CONNTRACK}) && ${process.execPath} ${REPOSITORY}bin/ctwhy.js snapshot take --db ${db}; echo status $?`;
      const missing = await gateway.attempt(`unshare -m sh -c '${bare}'`);
      expect(missing.stdout).toContain('status 3');
      expect(missing.stderr).toContain('apt install conntrack');
      const rights = await ctwhy(`snapshot take --db ${db}`, refused);
      expect([rights.exitStatus, rights.stderr]).toEqual([4, expect.stringContaining('sudo')]);
      expect(existsSync(db)).toBe(false);
      const dated = await ctwhy(`snapshot take --json --db ${db}`, old);
      expect(dated.exitStatus).toBe(0);
      const parts = JSON.parse(dated.stdout).parts as { part: string; why: string | null }[];
      expect(parts.find(({ part }) => part === 'list:main')!.why).toContain('no ids');
    },
    patient(120_000),
  );

  it(
    'keeps nothing half-written on a full disk',
    async () => {
      const mount = join(folder, 'small');
      mkdirSync(mount, { recursive: true });
      const words = `mount -t tmpfs -o size=600k none ${mount} && ${process.execPath} ${REPOSITORY}bin/ctwhy.js snapshot take --db ${mount}/s.db; echo status $?`;
      const { stdout, stderr } = await gateway.attempt(`unshare -m sh -c '${words}'`);
      expect(stdout).toContain('status 6');
      expect(stderr).toContain('the disk is full');
    },
    patient(120_000),
  );
});

function sorted(words: string | null): string {
  return (words ?? '').split(' ').sort().join(' ');
}
