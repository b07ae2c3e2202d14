// Look-alikes that must not be called what they look like, and words that people can act on, on recorded hosts.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ASK } from '../../src/analysis/explain/ask.js';
import { citer } from '../../src/analysis/explain/cite.js';
import { type Explained, explain } from '../../src/analysis/explain/explain.js';
import { tell } from '../../src/analysis/explain/narrative.js';
import { whatIsHere } from '../../src/analysis/explain/what-is-here.js';
import { WHOLE_STORE } from '../../src/store/case-reader.js';
import { openTextSource } from '../../src/store/text-source.js';
import { explainedFiles, FIXTURE_HOSTS } from './explained-files.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-told-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const host = (name: string) => explainedFiles([join(FIXTURE_HOSTS, name)]);
const written = (name: string, lines: readonly string[]) => {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return explainedFiles([path]);
};

describe('look-alikes of a lost entry', () => {
  it.each(['finwait-table-full', 'finwait-peer-silent'])('%s is not called entry-gone', async (name) => {
    const { findings } = await host(name);
    expect(findings.map(({ finding }) => finding.class)).not.toContain('entry-gone');
  });

  it('an entry that a program deleted while early drop was at work was not evicted', async () => {
    const { findings } = await host('finwait-deleted-while-full');
    const lost = findings.find(({ finding }) => finding.class === 'entry-gone')!.finding;
    expect(lost.cause).toBe('entry-deleted-from-userspace');
  });

  it('data of an expired entry is INVALID with strict tracking and NEW with loose tracking, and both are explained', async () => {
    for (const [name, outcome] of [
      ['data-expired-strict', 'INVALID'],
      ['data-expired-loose', 'NEW'],
    ] as const) {
      const { findings } = await host(name);
      const gone = findings.find(({ finding }) => finding.class === 'entry-gone')!.finding;
      expect({ outcome: gone.outcome, cause: gone.cause }).toEqual({ outcome, cause: 'entry-expired' });
    }
  });

  it('a UDP flow held by an old entry is not called ordinary, its translated neighbour is', async () => {
    const { findings } = await host('stale-entry');
    const old = findings.find(({ subject }) => subject.flow.sport === 40096)!;
    expect(old.finding.class).toBe('stale-entry');
    expect(findings.find(({ subject }) => subject.flow.sport === 40097)!.finding.class).toBe('normal');
  });

  it('a lost entry that packets tell of is not told again from its events', async () => {
    for (const name of ['data-expired-loose', 'finwait-early-drop'])
      expect((await host(name)).ofHosts.map(({ finding }) => finding.class)).not.toContain('midstream-pickup');
  });
});

describe('lines that name no namespace', () => {
  it('are at most likely to be of this one, where namespaces are in play and nothing else knows the connection', async () => {
    const { db, findings } = await host('malformed');
    const sure = (all: readonly Explained[]) =>
      all
        .filter(({ subject }) => subject.events.length + subject.entries.length + subject.wire.length === 0)
        .map(({ finding }) => finding.confidence);
    expect(sure(findings)).toContain('certain');
    db.prepare("INSERT INTO namespaces (boot_id, inode, name) SELECT id, 1, 'blue' FROM boots").run();
    const { explained } = explain(db, WHOLE_STORE, citer(openTextSource(db)));
    expect(sure(explained)).not.toContain('certain');
    expect(sure(explained)).toContain('likely');
  });
});

describe('counting', () => {
  const line = (second: number, sport: number, flags: string) =>
    `Nov 21 14:00:0${second} fw kernel: Dropped: IN=eth0 OUT= MAC= SRC=198.51.100.7 DST=192.0.2.7 LEN=40 TOS=0x00 PREC=0x00 TTL=60 ID=${sport + second} DF PROTO=TCP SPT=${sport} DPT=443 WINDOW=510 RES=0x00 ${flags} URGP=0`;

  it('RSTs and packets of other connections are not tries of a FIN', async () => {
    const { findings } = await written('mixed.log', [
      line(1, 40001, 'ACK FIN'),
      line(2, 40001, 'ACK RST'),
      line(3, 40002, 'ACK FIN'),
      line(4, 40003, 'RST'),
    ]);
    expect(findings.map((one) => tell(one).packetText)).toEqual(['4 packets: 2 FIN, 2 RST']);
  });

  it('a SYN ACK is not a SYN', async () => {
    const { findings } = await written('answer.log', [
      line(1, 40004, 'ACK SYN').replace('Dropped:', 'INVALID:'),
      line(2, 40004, 'ACK SYN').replace('Dropped:', 'INVALID:'),
    ]);
    expect(findings.map((one) => tell(one).packetText)).toEqual(['SYN ACK, 2 tries']);
  });

  it('a complaint without addresses has the outcome of one with them', async () => {
    const words = 'nf_ct_proto_6: SEQ is under the lower bound (already ACKed data retransmitted) ';
    const { db } = await written('cut.log', [
      `${words}IN=.. SEQ=1 ACK=77 WINDOW=257 ACK PSHR`,
      `${words}IN=tun0 OUT= MAC= SRC=198.51.100.8 DST=192.0.2.8 LEN=1500 TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=TCP SPT=34396 DPT=8080 SEQ=1 ACK=77 WINDOW=257 RES=0x00 ACK PSH URGP=0`,
    ]);
    const { explained, ofHosts } = explain(db, WHOLE_STORE, citer(openTextSource(db)));
    expect([...explained, ...ofHosts].map(({ finding }) => finding.outcome)).toEqual(['INVALID', 'INVALID']);
    expect(ofHosts[0]!.finding.missing.map((one) => one.ask)).toEqual([ASK.wholeLine.ask]);
  });
});

describe('what to ask for', () => {
  it.each(Object.entries(ASK))('%s can be run', (_name, { command, ask }) => {
    expect(command).toMatch(/^ctwhy (ingest|explain) /);
    // sh -n reads a command without running it.
    expect(() => execFileSync('sh', ['-n', '-c', ask], { stdio: 'pipe' })).not.toThrow();
    for (const piece of ask
      .replace(/#.*$/, '')
      .replace(/"[^"]*"/g, '')
      .split(';'))
      if (piece.trim() !== '')
        expect(piece.trim()).toMatch(
          /^(conntrack|cat|ethtool|ss|iptables-save|nft|nstat|sysctl|journalctl|sleep|uname|tcpdump|ip) ?/,
        );
  });

  it('a host that only forwards is not asked for its own sockets', async () => {
    const { findings } = await written('forwarded.log', [
      'Nov 21 14:00:01 fw kernel: INVALID: IN=eth0 OUT=eth1 MAC= SRC=192.0.2.9 DST=198.51.100.9 LEN=40 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=40009 DPT=443 WINDOW=510 RES=0x00 ACK FIN URGP=0',
    ]);
    const asked = findings.flatMap(({ finding }) => finding.missing.map((one) => one.what));
    expect(asked.join('\n')).toContain('the sockets of the host that has 192.0.2.9');
    expect(asked).not.toContain(ASK.sockets.what);
  });
});

describe('evidence without a packet', () => {
  it('says what is there: the course of a connection, an entry that is not translated as its neighbours are', async () => {
    const { db } = await written('tables.txt', [
      'udp      17 3 src=192.0.2.10 dst=198.51.100.10 sport=53595 dport=8125 [UNREPLIED] src=198.51.100.10 dst=203.0.113.1 sport=8125 dport=53595 mark=0 use=1',
      'udp      17 24 src=192.0.2.11 dst=198.51.100.10 sport=34151 dport=8125 [UNREPLIED] src=198.51.100.10 dst=192.0.2.11 sport=8125 dport=34151 mark=0 use=1',
    ]);
    const texts = openTextSource(db);
    const { contexts } = explain(db, WHOLE_STORE, citer(texts));
    expect(whatIsHere(db, contexts, texts)).toEqual([
      { says: 'entries: 2 udp [UNREPLIED]', source: 'tables.txt' },
      {
        says: 'udp 192.0.2.11:34151 > 198.51.100.10:8125 is not translated; one other to the same destination is',
        source: 'tables.txt:2',
      },
    ]);
  });
});

describe('a rule in front of conntrack', () => {
  // Captured on 6.18 with nft 1.0.6: a SYN through a chain at priority -300 that asks for INVALID, and dropped by a filter behind it.
  const packet = (table: string, chain: string) =>
    `trace id 34656c3a inet ${table} ${chain} packet: iif "d0" ether saddr 00:00:5e:00:53:01 ether daddr 00:00:5e:00:53:02 ip saddr 192.0.2.2 ip daddr 192.0.2.1 ip dscp cs0 ip ecn not-ect ip ttl 64 ip id 11919 ip protocol tcp ip length 60 tcp sport 56000 tcp dport 8080 tcp flags == syn tcp window 64240`;
  const trace = [
    packet('early', 'pre'),
    'trace id 34656c3a inet early pre rule meta nftrace set 1 (verdict continue)',
    'trace id 34656c3a inet early pre rule jump ask (verdict jump ask)',
    'trace id 34656c3a inet early ask rule ct state invalid counter packets 0 bytes 0 (verdict continue)',
    'trace id 34656c3a inet early pre policy accept',
    packet('fw', 'in'),
    'trace id 34656c3a inet fw in rule tcp dport 8080 counter packets 0 bytes 0 drop (verdict drop)',
  ];
  const ruleset = [
    'table inet early { # handle 1',
    '\tchain ask { # handle 1',
    '\t\tct state invalid counter packets 3 bytes 180 # handle 3',
    '\t}',
    '',
    '\tchain pre { # handle 2',
    '\t\ttype filter hook prerouting priority raw; policy accept;',
    '\t\tmeta nftrace set 1 # handle 4',
    '\t\tjump ask # handle 5',
    '\t}',
    '}',
    'table inet fw { # handle 2',
    '\tchain in { # handle 1',
    '\t\ttype filter hook input priority filter; policy accept;',
    '\t\ttcp dport 8080 counter packets 1 bytes 60 drop # handle 2',
    '\t}',
    '}',
  ];

  it('says nothing of the state, because everything tests as INVALID there', async () => {
    const { findings } = await written('with-rules.txt', [...trace, ...ruleset]);
    expect(findings.map(({ finding }) => [finding.outcome, finding.class])).toEqual([['NEW', 'rule-decided']]);
  });

  it('is only a hint where the ruleset is not at hand, and said to be one', async () => {
    const told = (await written('trace-only.txt', trace)).findings[0]!;
    expect(told.subject.packets[0]!.stateIs).toBe('inferred');
    expect(JSON.stringify(tell(told))).toContain('by a rule whose hook is not told');
    const behind = (
      await written(
        'asks-new.txt',
        trace.map((line) => line.replace('ct state invalid', 'ct state new')),
      )
    ).findings[0]!;
    expect(behind.subject.packets[0]).toMatchObject({ state: 'NEW', stateIs: 'shown' });
  });
});
