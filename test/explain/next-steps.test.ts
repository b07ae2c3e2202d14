// Little evidence, and what can be done with it: notices alone, empty listings, entries without a packet, wrong words on the command line.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../helpers/run-command.js';
import { explainedFiles, FIXTURE_HOSTS } from './explained-files.js';
import { saidOf } from './said-of.js';

const place = mkdtempSync(join(tmpdir(), 'ctwhy-next-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const MARTIAN = (src: string) =>
  `Nov 21 14:00:01 fw kernel: IPv4: martian source 198.51.100.7 from ${src}, on dev eth0`;

describe('martians in the kernel log alone', () => {
  it('are lost in the routing, and the routing is asked about them', async () => {
    const [found, ...others] = await saidOf({ 'kern.log': [MARTIAN('203.0.113.9'), MARTIAN('203.0.113.9')] });
    expect(others).toEqual([]);
    expect([found!.class, found!.fate, found!.packets.count]).toEqual(['routing-dropped', 'dropped', 2]);
    expect(found!.confidence).not.toBe('certain');
    expect(found!.remedies.map(({ command }) => command)).toContain(
      'ip route get 198.51.100.7 from 203.0.113.9 iif eth0',
    );
    expect(found!.missing.map(({ ask }) => ask).join()).toContain('ip -j route');
  });

  it('with an address that nobody may have, the sender is looked for', async () => {
    const [found] = await saidOf({ 'kern.log': [MARTIAN('127.0.0.5')] });
    expect(found!.remedies.map(({ command }) => command)).toEqual(['tcpdump -eni eth0 host 127.0.0.5']);
  });
});

describe('a listing of nothing', () => {
  const partsOf = async (name: string, text: string) => {
    const file = join(place, name);
    writeFileSync(file, text);
    const { db } = await explainedFiles([file]);
    const parts = db.prepare("SELECT part FROM snapshot_parts WHERE state = 'read'").pluck().all();
    db.close();
    return parts;
  };
  const HEADING = 'State   Recv-Q  Send-Q   Local Address:Port    Peer Address:Port  Process\n';

  it('of ss says that there are no sockets', async () => {
    expect(await partsOf('ss.txt', HEADING)).toContain('sockets');
    expect(await partsOf('ss-row.txt', `${HEADING}ESTAB 0 0 192.0.2.1:40001 198.51.100.1:443\n`)).toContain('sockets');
  });

  it('of conntrack says that there are no entries', async () => {
    const footer = 'conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.\n';
    expect(await partsOf('conntrack.txt', footer)).toContain('list:main');
  });
});

describe('the way of a packet', () => {
  it('that nobody saw is worked out from the rules, and said to be', { timeout: 60_000 }, async () => {
    const { stdout, code } = await runCommand(['path', '1', '-r', join(FIXTURE_HOSTS, 'bridge-path')]);
    expect([code, stdout.includes('no packet of it was read'), stdout.includes('DNAT --to-destination')]).toEqual([
      0,
      true,
      true,
    ]);
  });

  it('claims no translation where its entry has none', { timeout: 60_000 }, async () => {
    const way = (port: string) =>
      runCommand(['path', '-r', join(FIXTURE_HOSTS, 'stale-entry'), '-p', 'udp', '--sport', port, '--json']);
    const old = JSON.parse((await way('40096')).stdout) as { readonly rows: readonly { readonly result: string }[] };
    expect(old.rows.map(({ result }) => result)).not.toContain('NAT');
    expect((await way('40096')).stdout).toContain('first packet of an entry only');
  });
});

describe('wrong words', () => {
  it.each([
    ['path', '--packet', '-p bogus'],
    ['explain', '--since', 'yesterdayish'],
    ['explain', '--flow', 'nothing'],
    ['capture', '--for', 'soon'],
    ['capture', '--symptom', 'hiccups'],
    ['check', '--for', '0'],
  ])('%s %s are answered with a line to try, on a terminal of 80 columns', async (...words) => {
    const { stderr, code } = await runCommand(words, { isTerminal: true, width: 80, uid: 0 });
    const lines = stderr.trimEnd().split('\n');
    expect([code, lines.filter((line) => line.length > 80)]).toEqual([2, []]);
    expect(lines.at(-1)).toBe(`Try: ctwhy ${words[0]} --help`);
  });
});
