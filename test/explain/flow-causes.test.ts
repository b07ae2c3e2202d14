// Causes told by events, sockets and rules, where no packet was logged; and what looks like them.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../helpers/run-command.js';
import { checkHonesty, explainedFiles, FIXTURE_HOSTS } from './explained-files.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-flow-causes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

/** What is said of files with these texts: 'class confidence'. */
async function said(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const own = join(folder, `case-${++count}`);
  mkdirSync(own);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(own, name), text);
  return saidOf(own);
}

async function saidOf(path: string): Promise<readonly string[]> {
  const { db, findings, ofHosts } = await explainedFiles([path]);
  const faults = checkHonesty(db, [...findings, ...ofHosts]);
  db.close();
  expect(faults).toEqual([]);
  return [...findings, ...ofHosts].map(({ finding }) => `${finding.class} ${finding.confidence}`);
}

const ENDS = 'src=192.0.2.20 dst=198.51.100.20 sport=40020 dport=443';
const BACK = 'src=198.51.100.20 dst=192.0.2.20 sport=443 dport=40020';
const OPENED = [
  `    [NEW] tcp      6 120 SYN_SENT ${ENDS} [UNREPLIED] ${BACK}`,
  ` [UPDATE] tcp      6 60 SYN_RECV ${ENDS} ${BACK}`,
];
const update = (seconds: number, state: string, mark: string) =>
  ` [UPDATE] tcp      6 ${seconds} ${state} ${ENDS} ${BACK} [${mark}]`;
const destroy = (state: string, delta: number, more = '') =>
  `[DESTROY] tcp      6 ${state} ${ENDS} packets=9 bytes=900 ${BACK} packets=8 bytes=800 [ASSURED] delta-time=${delta}${more}`;
const events = (...lines: readonly string[]) => `${[...OPENED, ...lines].join('\n')}\n`;

describe('a connection of a flowtable', () => {
  it('that is destroyed while it closes is the teardown', async () => {
    const text = events(
      update(86400, 'ESTABLISHED', 'OFFLOAD'),
      update(120, 'FIN_WAIT', 'OFFLOAD'),
      destroy('FIN_WAIT', 3),
    );
    expect(await said({ 'E.txt': text })).toEqual(['flowtable-teardown likely']);
  });

  it.each([
    ['whose time had run out', [update(120, 'FIN_WAIT', 'OFFLOAD'), destroy('FIN_WAIT', 200)]],
    ['that left the flowtable before it closed', [update(120, 'FIN_WAIT', 'ASSURED'), destroy('FIN_WAIT', 3)]],
    [
      'that a program deleted',
      [update(120, 'FIN_WAIT', 'OFFLOAD'), destroy('FIN_WAIT', 3, ' [USERSPACE] portid=4242 progname=conntrack')],
    ],
    [
      'that was closed by a RST',
      [update(30, 'LAST_ACK', 'OFFLOAD'), update(10, 'CLOSE', 'ASSURED'), destroy('CLOSE', 50)],
    ],
    [
      'whose lifetime is not told',
      [update(120, 'FIN_WAIT', 'OFFLOAD'), destroy('FIN_WAIT', 3).replace(/ delta-time=3/, '')],
    ],
  ])('%s is not', async (_, lines) => {
    const text = events(update(86400, 'ESTABLISHED', 'OFFLOAD'), ...lines);
    expect(await said({ 'E.txt': text })).toEqual([]);
  });

  it('the DESTROY of another connection with the same source port does not count', async () => {
    const other = destroy('TIME_WAIT', 1).replaceAll('198.51.100.20', '198.51.100.21');
    const text = events(update(86400, 'ESTABLISHED', 'OFFLOAD'), update(120, 'FIN_WAIT', 'OFFLOAD'), other);
    expect(await said({ 'E.txt': text })).toEqual([]);
  });
});

describe('an ordinary life', () => {
  const whole = events(update(432000, 'ESTABLISHED', 'ASSURED'), update(10, 'CLOSE', 'ASSURED'), destroy('CLOSE', 50));

  it('closed by a RST is called ordinary where events are all there is', async () => {
    expect(await said({ 'E.txt': whole })).toEqual(['normal likely']);
  });

  it('has a timeline by the number of its finding, and no way through the rules', async () => {
    const file = join(folder, 'life.txt');
    writeFileSync(file, whole);
    const screen = await runCommand(['explain', '-r', file]);
    expect(screen.stdout).toContain(`timeline 1 -r`);
    expect(screen.stdout).not.toContain(`path 1 -r`);
    expect((await runCommand(['timeline', '1', '-r', file])).stdout).toContain('CLOSE [ASSURED], 10 s');
    expect((await runCommand(['path', '1', '-r', file])).stderr).toContain('rules are met by packets');
  });

  it.each([
    ['an entry that a program took', whole.replace(/delta-time=50/, 'delta-time=50 [USERSPACE] portid=4242')],
    ['one that began in the middle', whole.split('\n').slice(2).join('\n')],
    [
      'one that was picked up again',
      `${whole}    [NEW] tcp      6 300 ESTABLISHED ${ENDS.replace('40020', '40021')} [UNREPLIED] ${BACK.replace('40020', '40021')}\n`,
    ],
    [
      'one that went before its time',
      events(update(432000, 'ESTABLISHED', 'ASSURED'), update(120, 'TIME_WAIT', 'ASSURED'), destroy('TIME_WAIT', 4)),
    ],
  ])('is not said of %s', async (_, text) => {
    expect((await said({ 'E.txt': text })).join()).not.toContain('normal');
  });

  it('is not said beside a log of packets', async () => {
    const line =
      'Nov 21 14:00:01 fw kernel: INVALID: IN=eth0 OUT=eth1 MAC= SRC=192.0.2.9 DST=198.51.100.9 LEN=40 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=40009 DPT=443 WINDOW=510 RES=0x00 ACK FIN URGP=0\n';
    expect((await said({ 'E.txt': whole, 'kern.log': line })).join()).not.toContain('normal likely');
  });
});

describe('connections taken up in the middle', () => {
  const ends = (port: number) =>
    [
      `src=192.0.2.20 dst=198.51.100.20 sport=${port} dport=443`,
      `src=198.51.100.20 dst=192.0.2.20 sport=443 dport=${port}`,
    ] as const;
  const born = (second: number, port: number, more = '') =>
    `[17952900${second}.000000]\t    [NEW] tcp      6 300 ESTABLISHED ${ends(port)[0]} [UNREPLIED] ${ends(port)[1]}${more}`;
  const gone = (second: number, port: number) =>
    `[17952900${second}.000000]\t[DESTROY] tcp      6 ESTABLISHED ${ends(port)[0]} ${ends(port)[1]} [ASSURED]`;
  const seen = (second: number, port: number) =>
    `[17952900${second}.000000]\t [UPDATE] tcp      6 432000 ESTABLISHED ${ends(port)[0]} ${ends(port)[1]} [ASSURED]`;

  it('after their entries were taken away are likely just that', async () => {
    const lines = [40, 41].flatMap((port) => [seen(10, port), gone(12, port), born(14, port)]);
    expect(await said({ 'E.txt': `${lines.join('\n')}\n` })).toEqual(['midstream-pickup likely']);
  });

  it('without a word of what was before are possible', async () => {
    expect(await said({ 'E.txt': `${born(14, 40)}\n` })).toEqual(['midstream-pickup possible']);
  });

  it('by a program that keeps two tables alike are not', async () => {
    expect(await said({ 'E.txt': `${born(14, 40, ' [USERSPACE] portid=77 progname=conntrackd')}\n` })).toEqual([]);
  });
});

describe('a source port that moved', () => {
  const entry = (ends: string, back: string) => `udp      17 29 ${ends} [UNREPLIED] ${back} mark=0 use=1\n`;
  const wanted = 'src=192.0.2.30 dst=198.51.100.30 sport=500 dport=500';
  const moved = entry(wanted, 'src=198.51.100.30 dst=192.0.2.30 sport=500 dport=1024');
  const holder = entry(
    'src=203.0.113.30 dst=198.51.100.30 sport=500 dport=500',
    'src=198.51.100.30 dst=192.0.2.30 sport=500 dport=500',
  );
  const save = (...rules: readonly string[]) =>
    ['*nat', ':PREROUTING ACCEPT [0:0]', ':POSTROUTING ACCEPT [0:0]', ...rules, 'COMMIT', ''].join('\n');

  it('and whose place another entry holds is a clash', async () => {
    expect(await said({ 'ct.txt': moved + holder })).toContain('insert-race likely');
  });

  it('without the other entry is possible, and nothing where a rule translates sources', async () => {
    expect(await said({ 'ct.txt': moved })).toContain('insert-race possible');
    const rules = save('-A POSTROUTING -j MASQUERADE --random-fully');
    expect((await said({ 'ct.txt': moved, 'nat.txt': rules })).join()).not.toContain('insert-race');
  });

  it('that did not move is nothing', async () => {
    const plain = entry(wanted, 'src=198.51.100.30 dst=192.0.2.30 sport=500 dport=500');
    expect((await said({ 'ct.txt': plain })).join()).not.toContain('insert-race');
  });
});

describe('a silence that kills a connection', () => {
  const line = (at: string, from: string, to: string, rest: string) =>
    `2026-11-21 ${at}.000000 IP ${from} > ${to}: ${rest}`;
  const A = '192.0.2.40.40040';
  const B = '198.51.100.40.443';
  const capture = (later: string, ...after: readonly string[]) =>
    `${[
      line('10:00:00', A, B, 'Flags [P.], seq 1:7, ack 1, win 502, length 6'),
      line('10:00:00', B, A, 'Flags [.], ack 7, win 502, length 0'),
      line(later, A, B, 'Flags [P.], seq 7:13, ack 1, win 502, length 6'),
      ...after,
    ].join('\n')}\n`;
  const entry = (left: number) =>
    `tcp      6 ${left} ESTABLISHED src=192.0.2.40 dst=198.51.100.40 sport=40040 dport=443 src=198.51.100.40 dst=192.0.2.40 sport=443 dport=40040 [ASSURED] mark=0 use=1\n`;
  const reset = (at: string) => line(at, B, A, 'Flags [R], seq 1, win 0, length 0');

  it('of a known length, with a living entry here, is not conntrack', async () => {
    expect(await said({ 'wire.txt': capture('10:05:52', reset('10:05:52')), 'ct.txt': entry(431640) })).toEqual([
      'not-conntrack likely',
    ]);
  });

  it.each([
    ['of another length', capture('10:07:10', reset('10:07:10')), entry(431640)],
    [
      'that was answered',
      capture('10:05:52', line('10:05:52', B, A, 'Flags [.], ack 13, win 502, length 0')),
      entry(431640),
    ],
    ['with nothing to tell of the entry here', capture('10:05:52', reset('10:05:52')), ''],
  ])('%s is not said to be', async (_, wire, listing) => {
    const files = listing === '' ? { 'wire.txt': wire } : { 'wire.txt': wire, 'ct.txt': listing };
    expect((await said(files)).join()).not.toContain('not-conntrack');
  });
});

describe('rules alone', () => {
  const filter = (...rules: readonly string[]) =>
    ['*filter', ':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', ...rules, 'COMMIT', ''].join(
      '\n',
    );
  const drop = (chain: string, packets: number | null = null) =>
    `${packets === null ? '' : `[${packets}:40] `}-A ${chain} -m conntrack --ctstate INVALID -j DROP`;

  it("that drop this host's own INVALID make a lost entry possible, and nothing more", async () => {
    expect(await said({ 'rules.txt': filter(drop('OUTPUT')) })).toEqual(['entry-gone possible']);
    expect(
      await said({
        'rules.txt': filter('-A OUTPUT -j own', drop('own')).replace(
          ':OUTPUT ACCEPT [0:0]',
          ':OUTPUT ACCEPT [0:0]\n:own - [0:0]',
        ),
      }),
    ).toEqual(['entry-gone possible']);
  });

  it.each([
    ['INPUT and FORWARD, as most do', filter(drop('INPUT'), drop('FORWARD'))],
    ['OUTPUT, and never met one', filter(drop('OUTPUT', 0))],
  ])('are no alarm where they drop INVALID in %s', async (_, rules) => {
    expect(await said({ 'rules.txt': rules })).toEqual([]);
  });

  it('are no alarm beside entries', async () => {
    const entry = `tcp      6 431990 ESTABLISHED ${ENDS} ${BACK} [ASSURED] mark=0 use=1\n`;
    expect(await said({ 'rules.txt': filter(drop('OUTPUT')), 'ct.txt': entry })).toEqual([]);
  });

  it('of which one reading needs no conntrack: it may have been blind', async () => {
    expect(
      await said({
        'a.txt': filter('-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'),
        'b.txt': filter(),
      }),
    ).toEqual(['midstream-pickup possible']);
  });

  it('are no gap where both readings need conntrack, or nft keeps it', async () => {
    const stateful = filter('-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT');
    const other = filter('-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT', '-A INPUT -j DROP');
    expect(await said({ 'a.txt': stateful, 'b.txt': other })).toEqual([]);
    const nft =
      'table inet t {\n\tchain c {\n\t\ttype filter hook input priority 0; policy accept;\n\t\tct state established accept\n\t}\n}\n';
    expect(await said({ 'a.txt': stateful, 'b.txt': filter(), 'nft.txt': nft })).toEqual([]);
  });
});

describe('a socket that does not end', () => {
  const without = async (host: string, name: string, left: readonly string[], change?: (text: string) => string) => {
    const copy = join(folder, name);
    cpSync(join(FIXTURE_HOSTS, host), copy, { recursive: true });
    for (const file of left) rmSync(join(copy, file));
    if (change !== undefined) {
      const path = join(copy, 'iptables-save.txt');
      writeFileSync(path, change(readFileSync(path, 'utf8')));
    }
    return await saidOf(copy);
  };
  const PACKETS = ['kern.log', 'conntrack-E.txt'];

  it('and has no entry is a lost entry, without a line of its packets', async () => {
    expect(await without('finwait-deleted', 'by-socket', PACKETS)).toEqual(['entry-gone likely']);
  });

  it('is not that where no rule drops INVALID', async () => {
    const said = await without('finwait-deleted', 'no-drop', [...PACKETS, 'iptables-save-before.txt'], (text) =>
      text.replace(/^.*INVALID -j DROP\n/m, ''),
    );
    expect(said).toEqual([]);
  });

  it('and is answered by nobody is not conntrack', async () => {
    const said = await saidOf(join(FIXTURE_HOSTS, 'finwait-peer-silent'));
    expect(said).toContain('not-conntrack likely');
    expect(said.join()).not.toContain('entry-gone');
  });
});
