import { describe, expect, it } from 'vitest';
import { legacyTraceToolsForm } from '../../../../src/parsers/forms/legacy-trace-tools.js';
import { nftTraceForm } from '../../../../src/parsers/forms/nft-trace.js';
import { xtablesTraceForm } from '../../../../src/parsers/forms/xtables-trace.js';
import { only, readLines } from './read-lines.js';

const CONTEXT = { fileName: 'x', command: null };

describe('nft monitor trace', () => {
  const steps = (text: string) => only(readLines(nftTraceForm, text).records, 'trace-step').map(({ step }) => step);

  it('reads packet, rule, jump, return, policy and verdict lines', () => {
    const text = `trace id 85e8d095 inet filter input packet: iif "eth0" ether saddr 00:00:5e:00:53:01 ether daddr 00:00:5e:00:53:02 ip saddr 192.0.2.77 ip daddr 198.51.100.77 ip dscp af41 ip ecn ce ip ttl 63 ip id 24800 ip protocol tcp ip length 60 tcp sport 40077 tcp dport 25 tcp flags == syn tcp window 64240${' '}
trace id 85e8d095 inet filter input rule ct state new jump other (verdict jump other)
trace id 85e8d095 inet filter other rule return (verdict return)
trace id 85e8d095 inet filter input rule tcp dport { 25, 465 } counter packets 3 bytes 180 drop comment "no (mail)" # handle 12 (verdict drop)
trace id 85e8d095 inet filter input verdict continue meta mark 0x00000001
trace id 85e8d095 inet filter input policy accept meta mark 0x7${' '}
trace id 85e8d095 inet filter input unknown rule handle 9 (verdict accept)`;
    const { records, unread, others } = readLines(nftTraceForm, text);
    expect([unread, others]).toEqual([[], []]);
    const [packet, jump, back, drop, verdict, policy, unknown] = only(records, 'trace-step').map(({ step }) => step);
    expect(packet).toMatchObject({
      traceId: '85e8d095',
      family: 'inet',
      table: 'filter',
      chain: 'input',
      ruleKind: 'packet',
    });
    expect(packet!.packet).toMatchObject({
      family: 'ip',
      inIf: 'eth0',
      macSrc: '00:00:5e:00:53:01',
      src: '192.0.2.77',
      dst: '198.51.100.77',
      tos: 0x8a & 0x1e,
      prec: 0x80,
      ttl: 63,
      ipId: 24800,
      proto: 6,
      lenBytes: 60,
      sport: 40077,
      dport: 25,
      flags: 'SYN',
      window: 64240,
      isCut: false,
      unknown: [],
    });
    expect(jump).toMatchObject({ ruleKind: 'rule', ruleText: 'ct state new jump other', verdict: 'jump other' });
    expect(back).toMatchObject({ chain: 'other', ruleText: 'return', verdict: 'return' });
    expect(drop).toMatchObject({
      handle: 12,
      verdict: 'drop',
      ruleText: expect.stringMatching(/"no \(mail\)"$/) as string,
    });
    expect(verdict).toMatchObject({ ruleKind: 'verdict', verdict: 'continue', mark: 1 });
    expect(policy).toMatchObject({ ruleKind: 'policy', verdict: 'accept', mark: 7 });
    expect(unknown).toMatchObject({ ruleKind: 'rule', handle: 9, ruleText: null, verdict: 'accept' });
  });

  it('reads what conntrack knows of the packet (kernel 6.16 and later)', () => {
    const [step] = steps(
      'trace id a62 inet filter in conntrack: ct direction reply ct state established ct status seen-reply,assured,confirmed ct id 32 ',
    );
    expect(step).toMatchObject({
      ruleKind: 'conntrack',
      ctDirection: 'reply',
      ctState: 'established',
      ctStatus: 'seen-reply,assured,confirmed',
      ctId: 32,
    });
  });

  it.each([
    ['tcp flags == 0x12 tcp window 5', { flags: 'SYN ACK' }],
    ['tcp flags == syn | ack tcp window 5', { flags: 'SYN ACK' }],
    ['tcp flags syn,ack tcp window 5', { flags: 'SYN ACK' }],
    ['udp sport 53 udp dport 40000 udp length 9 ', { proto: 17, sport: 53, udpLenBytes: 9 }],
    [
      'icmp type echo-request icmp code net-unreachable icmp id 77 icmp sequence 3 @th,64,96 0x81a7 ',
      { proto: 1, icmpType: 8, icmpCode: 0, icmpId: 77, icmpSeq: 3 },
    ],
    [
      'icmpv6 type echo-request icmpv6 code no-route icmpv6 parameter-problem 5046275 @th,64,96 0x0 ',
      { proto: 58, icmpType: 128, icmpId: 77, icmpSeq: 3 },
    ],
    [
      'ip6 saddr 2001:0db8::0001 ip6 daddr 2001:db8::2 ip6 hoplimit 64 ip6 flowlabel 7 ip6 nexthdr tcp ip6 length 40 ',
      { family: 'ip6', src: '2001:db8::1', ttl: 64, lenBytes: 80, proto: 6 },
    ],
    [
      'arp operation request arp saddr ip 192.0.2.1 arp daddr ip 192.0.2.2 ',
      { family: 'arp', arp: expect.objectContaining({ opcode: 1, ipSrc: '192.0.2.1', ipDst: '192.0.2.2' }) as unknown },
    ],
    [
      'ether saddr .. ip saddr .. ip daddr 192.0.2.2 .. tcp dport 22 tcp flags == syn',
      { macSrc: null, src: null, dst: '192.0.2.2', dport: 22, isCut: false },
    ],
  ])('reads the words %s', (words, packet) => {
    expect(steps(`trace id 1 inet t c packet: iif "eth0" ${words}`)[0]!.packet).toMatchObject(packet);
  });

  it('does not believe the last number of a line that was cut', () => {
    const [step] = steps(
      'trace id 1 inet t c packet: iif "eth0" ip saddr 192.0.2.1 ip daddr 192.0.2.2 ip protocol tcp ip length 60 tcp sport 627',
    );
    expect(step!.packet).toMatchObject({ src: '192.0.2.1', sport: null, isCut: true });
  });

  it('passes over numbers and stamps in front, and keeps a stamp that names a moment', () => {
    const line = 'trace id 1 ip filter INPUT policy drop';
    const { records } = readLines(
      nftTraceForm,
      `  12 ${line}\n14:16:09 ${line}\n[1700000000.25] ${line}\n2023-11-14T22:13:20.25+00:00 ${line}`,
    );
    expect(only(records, 'trace-step').map(({ atUs }) => atUs)).toEqual([
      null,
      null,
      1_700_000_000_250_000,
      1_700_000_000_250_000,
    ]);
  });

  it('reads steps as JSON objects', () => {
    const [step] = steps(
      '{"trace":{"id":2246627477,"family":"ip","table":"filter","chain":"INPUT","type":"rule","handle":4,"verdict":{"jump":{"target":"x"}}}}',
    );
    expect(step).toMatchObject({ traceId: '85e8d095', handle: 4, verdict: 'jump x' });
  });

  it('says what it cannot read, and gives back what is not its own', () => {
    expect(readLines(nftTraceForm, 'trace id 1 inet').unread).toHaveLength(1);
    expect(readLines(nftTraceForm, 'trace id 1 inet t c something').unread).toHaveLength(1);
    expect(readLines(nftTraceForm, 'trace id 1 inet t c policy accept\nadd rule inet t c drop').others).toEqual([2]);
    expect(nftTraceForm.recognise('trace identity', CONTEXT)).toBe(0);
  });
});

describe('xtables-monitor', () => {
  it('reads packets and steps, and takes events without keeping them', () => {
    const text = `PACKET: 2 85e8d095 IN=eth0 OUT=eth1 MACSRC=0:0:5e:0:53:1 MACDST=0:0:5e:0:53:2 MACPROTO=0800 SRC=192.0.2.77 DST=198.51.100.77 LEN=60 TOS=0x0 TTL=64 ID=24800DF SPORT=40077 DPORT=25 SYN${' '}
  2 TRACE: 2 85e8d095 raw:PREROUTING:rule:0x1f:CONTINUE  -4 -t raw -A PREROUTING -p tcp -m tcp --dport 25 -j TRACE
 TRACE: 2 85e8d095 filter:INPUT:rule:0x3:JUMP:other  -4 -t filter -A INPUT -j other
 TRACE: 1 85e8d095 t:other:rule:0x5:0xfffffffb${'  '}
 TRACE: 2 85e8d095 filter:INPUT:return:
 TRACE: 10 85e8d095 filter:INPUT:policy:DROP${' '}
PACKET: 1 30536f2b IN=e0 NFPROTO=10 LL=0x304 0000 SRC=2001:db8::1 DST=2001:db8::2 LEN=52 TC=0 HOPLIMIT=255 FLOWLBL=0 MARK=0x7 NEWWORD=1${' '}
 EVENT: -4 -t filter -A INPUT -j ACCEPT
 10 NEWGEN: GENID=13904 PID=25167 NAME=iptables-restore`;
    const { records, unread, others } = readLines(xtablesTraceForm, text);
    expect([unread, others]).toEqual([[], []]);
    const all = only(records, 'trace-step').map(({ step }) => step);
    expect(all).toHaveLength(7);
    expect(all[0]).toMatchObject({ tool: 'xtables', traceId: '85e8d095', family: 'ip', ruleKind: 'packet' });
    expect(all[0]!.packet).toMatchObject({
      inIf: 'eth0',
      outIf: 'eth1',
      macSrc: '00:00:5e:00:53:01',
      ipId: 24800,
      dontFragment: true,
      sport: 40077,
      dport: 25,
      proto: 6,
      flags: 'SYN',
    });
    expect(all[1]).toMatchObject({
      table: 'raw',
      chain: 'PREROUTING',
      handle: 31,
      verdict: 'continue',
      ruleText: '-A PREROUTING -p tcp -m tcp --dport 25 -j TRACE',
    });
    expect(all[2]).toMatchObject({ verdict: 'jump other' });
    expect(all[3]).toMatchObject({ family: 'inet', verdict: 'return', ruleText: null });
    expect(all[4]).toMatchObject({ ruleKind: 'return', verdict: null });
    expect(all[5]).toMatchObject({ family: 'ip6', ruleKind: 'policy', verdict: 'drop' });
    expect(all[6]!.packet).toMatchObject({ family: 'ip6', lenBytes: 72, ttl: 255, mark: 7, unknown: ['NEWWORD=1'] });
  });
});

describe('traces of other tools', () => {
  it('reads table, chain and rule number', () => {
    const text = `333e26bf278d TRACE: raw:PREROUTING:rule:3  "-A PREROUTING -s 192.0.2.1/32 -j MARK --set-xmark 0x1/0xffffffff"
333e26bf278d TRACE: raw:PREROUTING:policy:4  "-P PREROUTING ACCEPT"
TRACE: raw:PREROUTING:rule:2     Internet Protocol Version 4, Src: 192.0.2.1, Dst: 198.51.100.2  Domain Name System (response)
[04:53:15] [0xffff8df402e052e8] [4026531840] 6888     3                         00:00:00:00:00:00  264    T_ACK,PSH:192.0.2.1:22->198.51.100.2:53059         ipttrace=[pf=PF_INET in= out=eth0 table=filter chain=OUTPUT hook=3 rulenum=1]`;
    const { records, others } = readLines(legacyTraceToolsForm, text);
    expect(others).toEqual([]);
    expect(
      only(records, 'trace-step').map(({ step }) => [
        step.table,
        step.chain,
        step.ruleKind,
        step.ruleNumber,
        step.verdict,
      ]),
    ).toEqual([
      ['raw', 'PREROUTING', 'rule', 3, null],
      ['raw', 'PREROUTING', 'policy', 4, 'accept'],
      ['raw', 'PREROUTING', 'rule', 2, null],
      ['filter', 'OUTPUT', 'rule', 1, null],
    ]);
    expect(only(records, 'trace-step')[3]!.step.packet).toMatchObject({
      src: '192.0.2.1',
      sport: 22,
      dport: 53059,
      flags: 'PSH ACK',
      outIf: 'eth0',
    });
  });

  it('reads the indented form of iptables-tracer, and joins no packets that nothing identifies', () => {
    const text = `IN=eth0 OUT= SRC=192.0.2.1 DST=198.51.100.2 LEN=60 TOS=00 TTL=64 ID=3588 DF PROTO=TCP SPT=53949 DPT=80 FLAGS=SYN SEQ=3083952015 CSUM=585b${' '}
\traw PREROUTING NFMARK=0x0${' '}
\t\tDEFAULT POLICY
\t\t=> ACCEPT
\tnat PREROUTING NFMARK=0x7${' '}
\t\tMATCH RULE (#2): -m addrtype --dst-type LOCAL -j DOCKER
\t\t=> DOCKER
\tfilter DOCKER NFMARK=0x7 IN=eth0 OUT=br0 (changed by last rule)
\t\t=> RETURN
\tfilter FORWARD NFMARK=0x7${' '}
\t\tMATCH RULE (#1): -o br0 -j DROP
\t\t=> DROP`;
    const { records, unread, others } = readLines(legacyTraceToolsForm, text);
    expect([unread, others]).toEqual([[], []]);
    const steps = only(records, 'trace-step').map(({ step }) => step);
    expect(
      steps.map((step) => [
        step.traceId,
        step.table,
        step.chain,
        step.ruleKind,
        step.ruleNumber,
        step.verdict,
        step.mark,
      ]),
    ).toEqual([
      ['#1', null, null, 'packet', null, null, null],
      ['#1', 'raw', 'PREROUTING', 'policy', null, 'accept', 0],
      ['#1', 'nat', 'PREROUTING', 'rule', 2, 'jump DOCKER', 7],
      ['#1', 'filter', 'DOCKER', 'return', null, 'return', 7],
      ['#1', 'filter', 'FORWARD', 'rule', 1, 'drop', 7],
    ]);
    expect(steps[0]!.packet).toMatchObject({
      src: '192.0.2.1',
      sport: 53949,
      dport: 80,
      proto: 6,
      flags: 'SYN',
      seq: 3_083_952_015,
      dontFragment: true,
    });
    expect(steps[3]!.packet!.outIf).toBe('br0');
    const two = readLines(
      legacyTraceToolsForm,
      'TRACE: raw:PREROUTING:rule:2  Internet Protocol Version 4, Src: 192.0.2.1, Dst: 198.51.100.2\nTRACE: raw:PREROUTING:rule:2  Internet Protocol Version 4, Src: 192.0.2.9, Dst: 198.51.100.2',
    );
    expect(new Set(only(two.records, 'trace-step').map(({ step }) => step.traceId)).size).toBe(2);
  });
});
