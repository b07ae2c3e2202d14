// What is said of inputs that could not be read, of clocks that could not be placed, and of which evidence an answer rests on.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../helpers/run-command.js';

let folder: string;
let db: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inputs-'));
  db = join(folder, 'store.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const packet = (sport: number, flags = 'ACK') =>
  `IN=lan0 OUT= SRC=192.0.2.10 DST=198.51.100.80 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=${sport} DPT=443 WINDOW=64240 RES=0x00 ${flags} URGP=0 `;
const stamped = (second: number, message: string) =>
  `2026-11-21T10:00:${String(second).padStart(2, '0')}.000000+00:00 gw1 kernel: ${message}\n`;
const LOG = stamped(1, `INPUT INVALID: ${packet(40001)}`) + stamped(2, `INPUT INVALID: ${packet(40001)}`);
const ENTRY =
  'tcp      6 431999 ESTABLISHED src=192.0.2.10 dst=198.51.100.80 sport=40001 dport=443 src=198.51.100.80 dst=192.0.2.10 sport=443 dport=40001 [ASSURED] mark=0 use=1\n';
const EVENTS =
  '[1795255200.000000]\t    [NEW] tcp      6 120 SYN_SENT src=192.0.2.77 dst=198.51.100.80 sport=40077 dport=443 [UNREPLIED] src=198.51.100.80 dst=192.0.2.77 sport=443 dport=40077\n' +
  '[1795255260.000000]\t[DESTROY] tcp      6 src=192.0.2.77 dst=198.51.100.80 sport=40077 dport=443 [UNREPLIED] src=198.51.100.80 dst=192.0.2.77 sport=443 dport=40077\n';

describe('inputs that cannot be read', () => {
  it('the good one is read, the other named, and the end is 1', async () => {
    const good = file('kern.log', LOG);
    const missing = join(folder, 'none.log');
    const { stdout, stderr, code } = await runCommand(['ingest', '--db', db, good, missing]);
    expect(stdout).toContain('Read 1 of 2 sources');
    expect(stderr).toBe(`ctwhy: ${missing} was not read: no such file or directory\n`);
    expect(code).toBe(1);
    expect((await runCommand(['ingest', '--db', db, good])).code).toBe(0);
    const answered = await runCommand(['explain', '-r', good, '-r', missing]);
    expect([answered.code, answered.stderr]).toEqual([1, `ctwhy: ${missing} skipped: no such file or directory\n`]);
    expect(answered.stdout).toContain('INVALID');
  });

  it('alone, what was wrong with it leads', async () => {
    const missing = join(folder, 'none.log');
    const first = await runCommand(['ingest', '--db', db, missing]);
    expect([first.stdout, first.stderr, first.code]).toEqual([
      '',
      `ctwhy: nothing was read: ${missing}: no such file or directory\n`,
      1,
    ]);
    const binary = file('program', Buffer.concat([Buffer.from('7f454c4602010100', 'hex'), Buffer.alloc(4096)]));
    const second = await runCommand(['ingest', '--db', db, binary]);
    expect(second.stdout).toBe('');
    expect(second.stderr.split('\n')[0]).toMatch(/^ctwhy: nothing was read: .*program: /);
    expect(second.code).toBe(1);
  });
});

describe('an empty listing', () => {
  it('says no entry where conntrack said so', async () => {
    const zero = file('conntrack.txt', 'conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.\n');
    const { code } = await runCommand(['ingest', '--db', db, zero]);
    expect(code).toBe(0);
    const { stdout } = await runCommand([
      'query',
      "SELECT part, state FROM snapshot_parts WHERE part = 'list:main'",
      '--db',
      db,
      '-o',
      'csv',
    ]);
    expect(stdout).toContain('list:main,read');
  });

  it('cannot be told from a failure where it did not', async () => {
    const empty = file('conntrack.txt', '');
    const { stdout, code } = await runCommand(['ingest', '--db', db, empty, file('kern.log', LOG)]);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(/cannot be told/);
    expect(code).toBe(0);
    const { stdout: parts } = await runCommand([
      'query',
      'SELECT count(*) AS n FROM snapshot_parts',
      '--db',
      db,
      '-o',
      'csv',
    ]);
    expect(parts).toMatch(/n\r?\n0/);
  });
});

describe('times that could not be placed', () => {
  it('ask once for --boot-time, and are placed when it is given for the same file', async () => {
    const line = (at: number) => `[ ${at}.000000] INPUT INVALID: ${packet(40001)}\n`;
    const a = file('dmesg.txt', line(100) + line(101));
    const { stdout } = await runCommand(['ingest', '--db', db, a, file('kern.log', LOG)]);
    expect(stdout.match(/--boot-time/g)).toHaveLength(1);
    const { stdout: explained } = await runCommand(['explain', '--db', db]);
    expect(explained.match(/--boot-time/g)).toHaveLength(1);
    const again = await runCommand(['ingest', '--db', db, a, '--boot-time', '2026-11-21 08:00']);
    expect(again.stdout).not.toContain('--boot-time');
    expect((await runCommand(['explain', '--db', db])).stdout).toContain('2026-11-21 08:01:40');
  });
});

describe('what an answer looks at', () => {
  it("yesterday's log is explained with today's listing, and both are counted", async () => {
    await runCommand(['ingest', '--db', db, file('kern.log', LOG), '--host', 'gw1']);
    await runCommand(['ingest', '--db', db, file('conntrack.txt', ENTRY), '--host', 'gw1']);
    const { stdout } = await runCommand(['explain', '--db', db]);
    const head = stdout.replace(/\s+/g, ' ');
    expect(head).toContain('the last ingest (1 source) and 1 source of this host read before');
    expect(head).toMatch(/2 packet lines, .*1 entry; 0 lines unread/);
  });

  it('counts what was captured beside what the log shows, and takes its times where nothing else has any', async () => {
    const capture = file(
      'tcpdump.txt',
      [1, 2, 3]
        .map(
          (second) =>
            `2026-11-21 10:00:0${second}.000000 IP 192.0.2.10.40001 > 198.51.100.80.443: Flags [.], ack 1, win 502, length 0\n`,
        )
        .join(''),
    );
    const head = async (...files: string[]) =>
      (await runCommand(['explain', ...files.flatMap((name) => ['-r', name])])).stdout.replace(/\s+/g, ' ');
    expect(await head(capture)).toMatch(/2026-11-21 10:00:01 - 10:00:03 UTC 3 captured packets; 0 lines unread/);
    expect(await head(capture, file('kern.log', LOG))).toMatch(
      /UTC 2 packet lines, 2 packets, 3 captured packets; 0 lines/,
    );
  });

  it('leaves out what another host had', async () => {
    await runCommand(['ingest', '--db', db, file('conntrack.txt', ENTRY.repeat(1)), '--host', 'other']);
    await runCommand(['ingest', '--db', db, file('kern.log', LOG)]);
    const { stdout } = await runCommand(['explain', '--db', db]);
    expect(stdout).toContain('host gw1,');
    expect(stdout).not.toMatch(/host other|other:|1 entry/);
  });

  it('checks the filter before it misses evidence', async () => {
    for (const words of [
      ['-s', '192.0.2.300'],
      ['-p', 'tpc'],
      ['--ctstate', 'NEVER'],
      ['--reason', 'no-such'],
    ])
      for (const command of ['explain', 'timeline', 'path']) {
        const { code, stderr } = await runCommand([command, '--db', join(folder, 'absent.db'), ...words]);
        expect([command, words[0], code, stderr.includes('no evidence yet')]).toEqual([command, words[0], 2, false]);
      }
  });

  it('says what there is when no packet is', async () => {
    const uname = file('uname.txt', 'Linux gw1 6.1.0-18-amd64 #1 SMP Debian 6.1.76-1 (2024-02-01) x86_64 GNU/Linux\n');
    const nothing = await runCommand(['explain', '-r', uname]);
    expect(nothing.stdout).not.toContain('entries:');
    const tables = await runCommand(['explain', '-r', file('conntrack.txt', ENTRY)]);
    expect(tables.stdout).toContain('entries: 1 tcp ESTABLISHED');
  });

  it('shows the timeline of a connection that only events tell of', async () => {
    const events = file('conntrack-E.txt', EVENTS);
    const timeline = await runCommand(['timeline', '-r', events]);
    expect(timeline.stdout).toContain('192.0.2.77:40077');
    expect(timeline.stdout).toContain('entry gone');
    expect(timeline.stdout).toContain('no packet of it was read');
    const path = await runCommand(['path', '-r', events]);
    expect([path.code, path.stderr]).toEqual([1, expect.stringContaining('timeline --flow')]);
    expect((await runCommand(['timeline', '-r', events, '-s', '192.0.2.99'])).code).toBe(1);
  });
});

describe('a port that is used again', () => {
  const at = (minutes: number, sequence: number | null) =>
    `${new Date(Date.parse('2026-11-21T06:00:00Z') + minutes * 60_000).toISOString().replace('Z', '000+00:00')} gw1 kernel: NEW: IN=lan0 OUT=wan0 SRC=192.0.2.10 DST=198.51.100.80 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=40001 DPT=443 ${sequence === null ? '' : `SEQ=${sequence} ACK=0 `}WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
  const lives = async (): Promise<readonly string[]> =>
    (
      await runCommand([
        'query',
        'SELECT utc(began_at_us) AS began FROM flows ORDER BY began_at_us',
        '--db',
        db,
        '-o',
        'csv',
      ])
    ).stdout
      .trim()
      .split(/\r?\n/)
      .slice(1)
      .map((text) => text.slice(11, 19));

  it('is another flow after the quiet time, not for a repeated SYN', async () => {
    await runCommand([
      'ingest',
      '--db',
      db,
      file('kern.log', at(0, null) + at(0.02, null) + at(1, null) + at(180, null) + at(181, null)),
    ]);
    expect(await lives()).toEqual(['06:00:00', '09:00:00']);
    const { stdout } = await runCommand(['explain', '--db', db, '--json']);
    const { findings } = JSON.parse(stdout) as { findings: { packets: { count: number }; flow: unknown }[] };
    expect(findings.map(({ packets, flow }) => [packets.count, flow])).toEqual([[5, null]]);
  });

  it('is another flow with another initial sequence number, and the same one with the same', async () => {
    await runCommand([
      'ingest',
      '--db',
      db,
      file('kern.log', at(0, 1000) + at(0.05, 1000) + at(0.5, 2000) + at(0.55, 2000)),
    ]);
    expect(await lives()).toEqual(['06:00:00', '06:00:30']);
  });

  it('is told once, whether the log is read whole or as it grows', async () => {
    const log = file('kern.log', at(0, null) + LOG);
    await runCommand(['ingest', '--db', db, log]);
    writeFileSync(log, at(0, null) + LOG + at(300, null));
    await runCommand(['ingest', '--db', db, log]);
    await runCommand(['ingest', '--db', db, log]);
    expect((await lives()).filter((began) => began !== '10:00:01')).toEqual(['06:00:00', '11:00:00']);
  });

  it('waits as long as the host’s setting says', async () => {
    const settings = file('sysctl.txt', 'net.netfilter.nf_conntrack_tcp_timeout_syn_sent = 600\n');
    await runCommand(['ingest', '--db', db, settings, file('kern.log', at(0, null) + at(5, null) + at(30, null))]);
    expect(await lives()).toEqual(['06:00:00', '06:30:00']);
  });
});
