// What-if against the kernel: a conversation is captured under one setting and replayed with --set of another; then the same conversation
// is played under that other setting, and the kernel's answers and the life of its entry must be what was foretold.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runCommand } from '../helpers/run-command.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import { waitUntil } from '../lab/process.js';
import { type RawSegment, sendSegments } from '../lab/raw-segments.js';
import { buildRouted, pairAddresses } from '../record/scene.js';

const obstacle = whyNoLab();
if (obstacle !== null) console.warn(`live what-if test skipped: ${obstacle}`);

const ENDS = pairAddresses(98);
const STATES = ['NEW', 'ESTABLISHED', 'INVALID'] as const;
const labs: Lab[] = [];
const folders: string[] = [];
afterEach(() => {
  for (const lab of labs.splice(0)) lab.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

type Sent = { readonly from: 'client' | 'server' } & Omit<RawSegment, 'sport' | 'dport'>;

const OPTIONS = '020405b401030307';
const HANDSHAKE: readonly Sent[] = [
  { from: 'client', flags: 'S', seq: 1000, win: 64240, options: OPTIONS },
  { from: 'server', flags: 'SA', seq: 5000, ack: 1001, win: 65160, options: OPTIONS },
  { from: 'client', flags: 'A', seq: 1001, ack: 5001, win: 502 },
];
const DATA: readonly Sent[] = [
  { from: 'client', flags: 'PA', seq: 1001, ack: 5001, win: 502, size: 100 },
  { from: 'server', flags: 'A', seq: 5001, ack: 1101, win: 510 },
];
const AGAIN: Sent = { from: 'client', flags: 'PA', seq: 1101, ack: 5001, win: 502, size: 50 };

interface Case {
  readonly set: Readonly<Record<string, number>>;
  readonly sent: readonly Sent[];
}

/** Each setting on a conversation whose answer, or whose entry's life, hangs on it. */
const CASES: readonly Case[] = [
  // A refused SYN leaves no entry behind: what follows comes in the middle.
  {
    set: { nf_conntrack_tcp_loose: 0 },
    sent: [HANDSHAKE[0]!, { from: 'server', flags: 'RA', seq: 0, ack: 1001, win: 0 }, ...DATA],
  },
  { set: { nf_conntrack_tcp_be_liberal: 1 }, sent: [...HANDSHAKE, ...DATA, { ...AGAIN, seq: 900_001_101 }] },
  {
    set: { nf_conntrack_tcp_ignore_invalid_rst: 1 },
    sent: [...HANDSHAKE, ...DATA, { from: 'client', flags: 'R', seq: 1050, win: 0 }],
  },
  {
    set: { nf_conntrack_tcp_max_retrans: 2, nf_conntrack_tcp_timeout_max_retrans: 77 },
    sent: [...HANDSHAKE, ...DATA, AGAIN, AGAIN, AGAIN, AGAIN],
  },
  { set: { nf_conntrack_tcp_timeout_unacknowledged: 55 }, sent: [...HANDSHAKE, ...DATA, AGAIN] },
  { set: { nf_conntrack_tcp_timeout_established: 600 }, sent: [...HANDSHAKE, ...DATA] },
  {
    set: { nf_conntrack_tcp_timeout_fin_wait: 33, nf_conntrack_tcp_timeout_close_wait: 44 },
    sent: [...HANDSHAKE, ...DATA, { from: 'client', flags: 'FA', seq: 1101, ack: 5001, win: 502 }],
  },
  { set: { nf_conntrack_tcp_timeout_syn_recv: 21 }, sent: HANDSHAKE.slice(0, 2) },
  {
    set: { nf_conntrack_tcp_timeout_close: 17 },
    sent: [...HANDSHAKE, ...DATA, { from: 'server', flags: 'R', seq: 5001, win: 0 }],
  },
];

interface Answers {
  /** How many packets of each state. */
  readonly counts: readonly number[];
  /** Of the entry at the end; null: there is none. */
  readonly state: string | null;
  readonly leftS: number | null;
  readonly capture: Buffer;
}

const FILE_HEADER = 24;
const RECORD_HEADER = 16;

function countPackets(pcap: Buffer): number {
  let count = 0;
  for (let at = FILE_HEADER; at + RECORD_HEADER <= pcap.length; count += 1) {
    at += RECORD_HEADER + pcap.readUInt32LE(at + 8);
    if (at > pcap.length) break;
  }
  return count;
}

/** Runs of segments of one end go out in one call. */
function turns(sent: readonly Sent[]): readonly (readonly Sent[])[] {
  const found: Sent[][] = [];
  for (const one of sent) {
    const last = found.at(-1);
    if (last?.[0]?.from === one.from) last.push(one);
    else found.push([one]);
  }
  return found;
}

interface Scene {
  readonly client: LabHost;
  readonly firewall: LabHost;
  readonly server: LabHost;
}

/** Plays a conversation from its own port and tells what the kernel made of it. */
async function play({ client, firewall, server }: Scene, sent: readonly Sent[], sport: number): Promise<Answers> {
  await firewall.run('iptables-legacy -t mangle -Z');
  const capture = firewall.start('tcpdump -i eth0 --immediate-mode -U -w - tcp');
  await waitUntil('tcpdump listens', () => capture.errors().includes('listening on'));
  for (const turn of turns(sent)) {
    const isClient = turn[0]!.from === 'client';
    const segments = turn.map(({ from: _, ...segment }) =>
      isClient ? { sport, dport: 80, ...segment } : { sport: 80, dport: sport, ...segment },
    );
    if (isClient) await sendSegments(client, ENDS.client, ENDS.server, segments);
    else await sendSegments(server, ENDS.server, ENDS.client, segments);
  }
  await waitUntil('all is captured', () => countPackets(capture.outputBytes()) >= sent.length, 15_000);
  await capture.stop();
  const { stdout: rules } = await firewall.run('iptables-legacy -t mangle -L PREROUTING -n -v -x');
  const { stdout: entries } = await firewall.run(`conntrack -L -p tcp --sport ${sport} 2>/dev/null || true`);
  const entry = /^tcp\s+6 (\d+) (\S+) /m.exec(entries);
  return {
    counts: STATES.map((state) => Number(new RegExp(`^\\s*(\\d+) .*ctstate ${state}$`, 'm').exec(rules)?.[1] ?? -1)),
    state: entry?.[2] ?? null,
    leftS: entry === null ? null : Number(entry[1]),
    capture: capture.outputBytes(),
  };
}

interface Told {
  readonly verdict: string;
  readonly timeoutMs: { readonly hi: number } | null;
}

/** What `ctwhy replay` says of a capture: as it was, and with other settings. */
async function foretell(file: string, release: string, set: Case['set']) {
  const wishes = Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const { stdout, stderr } = await runCommand(['replay', '-r', file, '--kernel', release, '--json', ...wishes]);
  expect(stderr).toBe('');
  const { packets, whatIf } = JSON.parse(stdout) as {
    packets: readonly (Told & { readonly number: number; readonly stateAfter: readonly string[] })[];
    whatIf: { unknown: number; changed: readonly { number: number; to: Told & { states: readonly string[] } }[] };
  };
  expect(whatIf.unknown, JSON.stringify(set)).toBe(0);
  const before = packets.map(({ verdict, timeoutMs, stateAfter }) => ({ verdict, timeoutMs, states: stateAfter }));
  const after = packets.map(({ number }, at) => whatIf.changed.find((one) => one.number === number)?.to ?? before[at]!);
  return { before: summary(before), after: summary(after), isChanged: whatIf.changed.length > 0 };
}

function summary(packets: readonly (Told & { readonly states: readonly string[] })[]) {
  const state = packets.at(-1)!.states[0];
  const timeout = packets.findLast(({ timeoutMs }) => timeoutMs !== null)?.timeoutMs?.hi ?? null;
  const isThere = state !== undefined && state !== 'NONE';
  return {
    counts: STATES.map((wanted) => packets.filter(({ verdict }) => verdict === wanted).length),
    state: isThere ? state : null,
    leftS: !isThere || timeout === null ? null : timeout / 1000,
  };
}

/** Seconds between the last packet and the listing, on a busy machine. */
const LISTED_WITHIN_S = 6;

function expectSame(kernel: Answers, told: ReturnType<typeof summary>, where: string): void {
  expect([kernel.counts, kernel.state], where).toEqual([told.counts, told.state]);
  if (told.leftS === null || kernel.leftS === null) {
    expect(kernel.leftS, where).toBe(told.leftS);
    return;
  }
  expect(kernel.leftS, where).toBeLessThanOrEqual(told.leftS);
  expect(kernel.leftS, where).toBeGreaterThan(told.leftS - LISTED_WITHIN_S);
}

describe.skipIf(obstacle !== null)('what-if', () => {
  it(
    'is what the kernel does once the setting is made, for each setting of the model',
    async () => {
      const lab = openLab();
      labs.push(lab);
      const folder = mkdtempSync(join(tmpdir(), 'ctwhy-what-if-'));
      folders.push(folder);
      const scene = await buildRouted(lab, ENDS);
      const { firewall } = scene;
      for (const state of STATES)
        await firewall.run(`iptables-legacy -t mangle -A PREROUTING -m conntrack --ctstate ${state}`);
      for (const host of [scene.client, scene.server])
        await host.run('iptables-legacy -t raw -A PREROUTING -p tcp -j DROP');
      const release = (await firewall.run('uname -r')).stdout.trim();
      const defaults = new Map<string, string>();
      for (const name of new Set(CASES.flatMap(({ set }) => Object.keys(set))))
        defaults.set(name, (await firewall.run(`sysctl -n net.netfilter.${name}`)).stdout.trim());
      for (const [index, { set, sent }] of CASES.entries()) {
        const where = JSON.stringify(set);
        const names = Object.keys(set);
        const sport = 41_000 + 2 * index;
        const before = await play(scene, sent, sport);
        const file = join(folder, `${index}.pcap`);
        writeFileSync(file, before.capture);
        const told = await foretell(file, release, set);
        expectSame(before, told.before, `as it was, before ${where}`);
        expect(told.isChanged, where).toBe(true);

        await firewall.setSysctls(Object.fromEntries(names.map((name) => [`netfilter.${name}`, set[name]!])));
        expectSame(await play(scene, sent, sport + 1), told.after, where);
        await firewall.setSysctls(Object.fromEntries(names.map((name) => [`netfilter.${name}`, defaults.get(name)!])));
      }
    },
    patient(300_000),
  );
});
