// ctwhy snapshot on listings in files: the same screens as of a live host, without one.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../../helpers/run-command.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'snapshot-diff-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tcp = (sport: number, state: string, status: string, left: number, id: number) =>
  `ipv4     2 tcp      6 ${left} ${state} src=192.0.2.1 dst=198.51.100.1 sport=${sport} dport=443 src=198.51.100.1 dst=203.0.113.1 sport=443 dport=${sport} ${status}mark=0 use=1 id=${id}\n`;
const stats = (cpu: number, invalid: number, drop: number) =>
  `cpu=${cpu}   \tfound=0 invalid=${invalid} insert=0 insert_failed=0 drop=${drop} early_drop=0 error=0 search_restart=0 clash_resolve=0 chaintoolong=0 \n`;
const rules = (packets: number, extra = '') =>
  `*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n[${packets}:100] -A OUTPUT -m conntrack --ctstate INVALID -j DROP\n${extra}COMMIT\n`;

const COMMANDS: Readonly<Record<string, string>> = {
  'conntrack-L.txt': 'conntrack -L -o extended,id',
  'conntrack-S.txt': 'conntrack -S',
  'iptables-save.txt': 'iptables-legacy-save -c',
  'sysctl.txt': 'sysctl -a',
  'unconfirmed.txt': 'conntrack -L unconfirmed',
};

/** The difference of two moments ten seconds apart, from a bundle of their files. */
async function diffOf(name: string, before: Record<string, string>, after: Record<string, string>) {
  const own = mkdtempSync(join(folder, `${name}-`));
  const lines = ['ctwhy-bundle 1', 'host gw', 'kernel 6.12.0', 'boot-id 11111111222233334444555555555555'];
  for (const [moment, files, atS] of [
    ['before', before, 1_795_260_000],
    ['after', after, 1_795_260_010],
  ] as const) {
    for (const [file, text] of Object.entries(files)) {
      writeFileSync(join(own, `${moment}-${file}`), text);
      lines.push(
        `part ${moment}-${file} moment=${moment} start=${atS}.0 end=${atS}.0 exit=0 command=${COMMANDS[file]}`,
      );
    }
  }
  writeFileSync(join(own, 'MANIFEST'), `${lines.join('\n')}\n`);
  const text = await runCommand(['snapshot', 'diff', '-r', own]);
  const json = await runCommand(['snapshot', 'diff', '--json', '-r', own]);
  expect([text.code, text.stderr]).toEqual([0, '']);
  return { text: text.stdout, json: JSON.parse(json.stdout) };
}

describe('ctwhy snapshot diff', () => {
  it('tells gone, new, changed and stuck entries', async () => {
    const { text, json } = await diffOf(
      'entries',
      {
        'conntrack-L.txt':
          tcp(1, 'ESTABLISHED', '[ASSURED] ', 431_000, 11) +
          tcp(2, 'SYN_SENT', '[UNREPLIED] ', 100, 12) +
          tcp(3, 'CLOSE_WAIT', '[ASSURED] ', 50, 13) +
          tcp(4, 'TIME_WAIT', '[ASSURED] ', 5, 14),
      },
      {
        'conntrack-L.txt':
          tcp(2, 'ESTABLISHED', '[ASSURED] ', 432_000, 12) +
          tcp(3, 'CLOSE_WAIT', '[ASSURED] ', 40, 13) +
          tcp(5, 'SYN_SENT', '[UNREPLIED] ', 119, 15),
      },
    );
    const { gone, born, changed, stuck } = json.changes;
    expect(gone.rows.map((row: { sport: number; leftS: number }) => [row.sport, row.leftS])).toEqual([
      [1, 430_990],
      [4, -5],
    ]);
    expect(born.rows).toMatchObject([{ sport: 5, state: 'SYN_SENT', isTranslated: true }]);
    expect(changed.rows).toMatchObject([{ sport: 2, wasState: 'SYN_SENT', state: 'ESTABLISHED' }]);
    expect(stuck.rows).toMatchObject([{ sport: 3, state: 'CLOSE_WAIT' }]);
    expect(text).toContain('430990 s were left: it did not run out');
    expect(text).toContain('its time had run out');
    expect(text).toContain('SYN_SENT [UNREPLIED] -> ESTABLISHED [ASSURED]');
  });

  it('takes a tuple with another id for another connection', async () => {
    const { json } = await diffOf(
      'reused',
      { 'conntrack-L.txt': tcp(1, 'TIME_WAIT', '[ASSURED] ', 5, 11) },
      { 'conntrack-L.txt': tcp(1, 'ESTABLISHED', '[ASSURED] ', 431_999, 99) },
    );
    expect([json.changes.gone.entries, json.changes.born.entries, json.changes.changed.entries]).toEqual([1, 1, 0]);
  });

  it('groups many before it shows some', async () => {
    const many = Array.from({ length: 40 }, (_, at) =>
      tcp(1000 + at, 'ESTABLISHED', '[ASSURED] ', 431_000, at + 1),
    ).join('');
    const { text } = await diffOf(
      'many',
      { 'conntrack-L.txt': many },
      { 'conntrack-L.txt': tcp(1, 'SYN_SENT', '[UNREPLIED] ', 100, 1000) },
    );
    expect(text).toContain('Gone 40');
    expect(text).toMatch(/40 {2}tcp ESTABLISHED port 443/);
    expect(text).not.toContain('192.0.2.1:1005');
  });

  it('counts per CPU, and tells a reset as one', async () => {
    const { text, json } = await diffOf(
      'stats',
      { 'conntrack-S.txt': stats(0, 5, 900) + stats(1, 7, 0), 'iptables-save.txt': rules(10) },
      { 'conntrack-S.txt': stats(0, 9, 3) + stats(1, 7, 0), 'iptables-save.txt': rules(14) },
    );
    expect(
      json.statistics
        .filter((one: { cpu: number; isReset: boolean }) => one.isReset)
        .every((one: { cpu: number }) => one.cpu === 0),
    ).toBe(true);
    expect(text).toMatch(/drop +900 +3 +was reset/);
    expect(text).not.toContain('-897');
    expect(text).toMatch(/Rules that counted 1 of/);
    expect(text).toContain('+4');
  });

  it('shows rules and settings that changed, and what cannot be shown last', async () => {
    const loose = (value: number) => `net.netfilter.nf_conntrack_tcp_loose = ${value}\nnet.ipv4.ip_forward = 1\n`;
    const { text, json } = await diffOf(
      'settings',
      {
        'iptables-save.txt': rules(1),
        'sysctl.txt': loose(1),
        'unconfirmed.txt': '',
        'conntrack-L.txt': tcp(1, 'TIME_WAIT', '', 9, 1),
      },
      {
        'iptables-save.txt': rules(1, '[0:0] -A OUTPUT -p tcp -j ACCEPT\n'),
        'sysctl.txt': loose(0),
        'unconfirmed.txt': '',
        'conntrack-L.txt': tcp(1, 'TIME_WAIT', '', 8, 1),
      },
    );
    expect(json.settings).toEqual([{ name: 'net.netfilter.nf_conntrack_tcp_loose', before: '1', after: '0' }]);
    expect(json.rulesAdded).toMatchObject([{ chain: 'OUTPUT', text: '-A OUTPUT -p tcp -j ACCEPT' }]);
    expect(json.rulesRemoved).toEqual([]);
    expect(text.trimEnd().split('\n').at(-1)).toContain('unconfirmed list');
    expect(text).toContain('Cannot show');
  });
});

describe('ctwhy snapshot', () => {
  it('says what to do where there is none', async () => {
    const { code, stderr } = await runCommand(['snapshot', 'diff', '--db', join(folder, 'nothing.db')]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('no evidence yet')]);
  });

  it('refuses words that name no snapshot, and options that belong together', async () => {
    expect((await runCommand(['snapshot', 'take', '--keep', 'soon'])).code).toBe(2);
    expect((await runCommand(['snapshot', 'take', '--name', 'S3'])).code).toBe(2);
    expect((await runCommand(['snapshot', 'diff', 'a', 'b', 'c'])).code).toBe(2);
  });
});
