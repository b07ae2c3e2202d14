// ctwhy ingest -f events: on a live namespace: every event is stored or counted as lost, and the store knows in which times none is missing.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY, rowsOf } from '../helpers/run-command.js';
import { delay, patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import { type Background, type Finished, waitUntil } from '../lab/process.js';

function whyNoTracker(): string | null {
  try {
    for (const program of ['conntrack', 'nft', 'python3']) execFileSync(program, ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'needs conntrack, nft and python3';
  }
}

const obstacle = whyNoLab() ?? whyNoTracker();
if (obstacle !== null) console.warn(`event tests skipped: ${obstacle}`);

const RULES = 'table inet lab { chain in { type filter hook input priority 0; ct state new counter accept; }; }';
const send = (from: number, count: number): string => `python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 20000))
for port in range(${from}, ${from + count}): s.sendto(b'x', ('127.0.0.1', port))"`;

/** The conntrack that hears events of entries in a namespace. */
function listenerIn(namespace: string): number | undefined {
  const pids = execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).trim().split(/\s+/);
  return pids
    .filter((pid) => pid !== '')
    .map(Number)
    .find((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
        return words[0]?.endsWith('conntrack') === true && words.includes('-E') && !words.includes('expect');
      } catch {
        return false;
      }
    });
}

let lab: Lab;
let host: LabHost;
let folder: string;

beforeAll(async () => {
  if (obstacle !== null) return;
  folder = mkdtempSync(join(tmpdir(), 'ctwhy-events-'));
  lab = openLab();
  host = await lab.addHost('gateway');
  await host.run(`nft '${RULES}'`);
});

afterAll(() => {
  lab?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const ctwhy = (words: string): string => `${process.execPath} ${REPOSITORY}bin/ctwhy.js ${words}`;

async function ended(listening: Background): Promise<Finished> {
  await waitUntil('the end of listening', () => !listening.isRunning(), patient(120_000));
  return await listening.stop();
}

interface Stretch {
  readonly what: string;
  readonly state: string;
  readonly from_at_us: number;
  readonly to_at_us: number;
  readonly lost: number | null;
}

async function stretches(db: string): Promise<readonly Stretch[]> {
  const rows = await rowsOf(db, 'SELECT what, state, from_at_us, to_at_us, lost FROM coverage ORDER BY id');
  return rows as unknown as Stretch[];
}

describe.skipIf(obstacle !== null)('events as they happen', () => {
  it('keeps what was made and who removed it, and says from when to when nothing is missing', {
    timeout: patient(240_000),
  }, async () => {
    const db = join(folder, 'quiet.db');
    const listening = host.start(ctwhy(`ingest -f events: --for ${patient(40)}s --db ${db} --json`));
    await waitUntil('the listener', () => listenerIn(host.namespace) !== undefined, patient(60_000));
    await delay(patient(500));
    const beforeUs = Date.now() * 1000;
    await host.run(send(30_000, 20));
    await host.run('conntrack -D -p udp');
    const afterUs = Date.now() * 1000;
    const { exitStatus, stdout } = await ended(listening);
    expect(exitStatus).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'ctwhy.ingest/1' });
    const [counts] = await rowsOf(
      db,
      `SELECT sum(kind = 'NEW') AS made, sum(kind = 'DESTROY') AS gone, sum(kind = 'DESTROY' AND is_user_space = 1) AS byProgram,
         count(DISTINCT e.namespace_id) AS namespaces, max(n.inode) AS inode FROM events e JOIN namespaces n ON n.id = e.namespace_id`,
    );
    expect(counts).toEqual({ made: 20, gone: 20, byProgram: 20, namespaces: 1, inode: host.inode });
    const said = await stretches(db);
    const complete = said.filter(({ what, state }) => what === 'events' && state === 'complete');
    expect(complete).toHaveLength(1);
    expect(complete[0]!.from_at_us).toBeLessThanOrEqual(beforeUs);
    expect(complete[0]!.to_at_us).toBeGreaterThanOrEqual(afterUs);
    const setting = (await host.run('cat /proc/sys/net/netfilter/nf_conntrack_events')).stdout.trim();
    const older = said.filter(({ what }) => what === 'events:older-entries');
    expect(older.map(({ state }) => state)).toEqual(setting === '2' ? ['cannot-show'] : []);
    expect(said.some(({ what, state }) => what === 'events:expect' && state === 'complete')).toBe(true);
    expect(listenerIn(host.namespace)).toBeUndefined();
  });

  it('counts every event that the kernel dropped, and claims nothing of that time', {
    timeout: patient(240_000),
  }, async () => {
    const db = join(folder, 'burst.db');
    // Without a perl that works the socket stays as small as net.core.rmem_default makes it.
    writeFileSync(join(folder, 'perl'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const listening = host.start(
      `env PATH=${folder}:$PATH ${ctwhy(`ingest -f events: --for ${patient(40)}s --db ${db} --json`)}`,
    );
    await waitUntil('the listener', () => listenerIn(host.namespace) !== undefined, patient(60_000));
    await delay(patient(1500));
    const pid = listenerIn(host.namespace)!;
    // Ends of entries are events, too, and would be lost with the rest: none is to end while this goes on.
    await host.setSysctls({ 'netfilter.nf_conntrack_udp_timeout': 600 });
    process.kill(pid, 'SIGSTOP');
    const beforeUs = Date.now() * 1000;
    // More than any socket takes that has not been enlarged.
    await host.run(send(10_000, 10_000));
    await host.run(send(20_000, 10_000));
    const afterUs = Date.now() * 1000;
    process.kill(pid, 'SIGCONT');
    await ended(listening);
    const [stored] = await rowsOf(db, "SELECT count(*) AS n FROM events WHERE kind = 'NEW'");
    const said = await stretches(db);
    const lost = said.filter(({ what, state }) => what === 'events' && state === 'lost');
    expect(Number(stored?.['n']) + lost.reduce((sum, row) => sum + (row.lost ?? 0), 0)).toBe(20_000);
    expect(lost.length).toBeGreaterThan(0);
    for (const row of said.filter(({ what, state }) => what === 'events' && state === 'complete'))
      for (const hole of lost)
        expect(row.to_at_us <= hole.from_at_us || row.from_at_us >= hole.to_at_us, JSON.stringify([row, hole])).toBe(
          true,
        );
    expect(lost[0]!.from_at_us).toBeLessThanOrEqual(afterUs);
    expect(lost.at(-1)!.to_at_us).toBeGreaterThanOrEqual(beforeUs);
  });

  it('gives the socket the room it asked for, and loses nothing of a burst that it holds', {
    timeout: patient(240_000),
  }, async () => {
    const db = join(folder, 'held.db');
    const listening = host.start(ctwhy(`ingest -f events: --for ${patient(40)}s --db ${db} --json`));
    await waitUntil('the listener', () => listenerIn(host.namespace) !== undefined, patient(60_000));
    const pid = listenerIn(host.namespace)!;
    const buffers = async () => (await host.run('ss -f netlink -mn')).stdout.match(/(?<=\brb)\d+/g)!.map(Number);
    // Two sockets of entries, one of expectations; conntrack itself enlarges at most the one that hears nothing.
    await waitUntil(
      'large sockets',
      async () => (await buffers()).filter((bytes) => bytes > 60e6).length >= 2,
      patient(60_000),
    );
    process.kill(pid, 'SIGSTOP');
    await host.run(send(40_000, 3000));
    process.kill(pid, 'SIGCONT');
    await ended(listening);
    expect(await rowsOf(db, "SELECT count(*) AS n FROM events WHERE kind = 'NEW' AND clock_us IS NOT NULL")).toEqual([
      { n: 3000 },
    ]);
    expect((await stretches(db)).filter(({ state }) => state === 'lost')).toEqual([]);
  });

  it('says that there is nothing to read from before, and that no tracker is there', {
    timeout: patient(240_000),
  }, async () => {
    const db = join(folder, 'nothing.db');
    const once = await host.attempt(ctwhy(`ingest events: --db ${db}`));
    expect(once.exitStatus).toBe(1);
    expect(once.stderr).toContain('add --follow');
  });
});
