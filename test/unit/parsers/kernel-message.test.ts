// Kernel messages: what kind each is, with the real catalogue and without one.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMessageCatalogue } from '../../../src/catalogue/match-message.js';
import { type MessageCatalogue, parseKernelMessage } from '../../../src/parsers/kernel-message.js';

const NONE: MessageCatalogue = { match: () => null };
const CATALOGUE: MessageCatalogue = createMessageCatalogue();
const DUMP =
  'IN=eth0 OUT= MAC=02:00:00:00:0a:01:02:00:00:00:0a:02:08:00 SRC=192.0.2.1 DST=198.51.100.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=2 SEQ=3 ACK=4 WINDOW=5 RES=0x00 ACK URGP=0 ';

describe('LOG', () => {
  it.each([
    '',
    ' ',
    'DROP ',
    'DROP: ',
    '[UFW BLOCK] ',
    '[wan-lan-default-D]',
    'Shorewall:net2fw:DROP:',
    'Firewall: *TCP_IN Blocked* ',
    'filter_IN_public_REJECT: ',
    'firehol: BLOCKED out_',
    'DESCR="no rule" ',
    'x=1 IN=a chain ',
    'MAIN=3 ',
    'TRACE: ',
    'fw:INPUT:rule:1 ',
    'log: nf_conntrack ',
    'PHYSIN= ',
  ])("prefix '%s' is kept as printed", (prefix) => {
    const message = parseKernelMessage(prefix + DUMP, NONE);
    expect(message).toMatchObject({ kind: 'log', prefix });
    expect(message).toMatchObject({ packet: { inIf: 'eth0', src: '192.0.2.1', isCut: false } });
  });

  it('starts at OUT= where an empty IN= is left away, and at SRC= in a shortened line', () => {
    expect(parseKernelMessage('DROP OUT=eth0 SRC=192.0.2.1 DST=192.0.2.2 ', NONE)).toMatchObject({
      kind: 'log',
      prefix: 'DROP ',
      packet: { outIf: 'eth0' },
    });
    expect(parseKernelMessage('DROP SRC=192.0.2.1 DST=192.0.2.2 LEN=4 ', NONE)).toMatchObject({
      kind: 'log',
      prefix: 'DROP ',
      packet: { inIf: null, lenBytes: 4 },
    });
  });

  it.each([
    'foo PLAIN=3',
    'usb 1-1: IN=3 endpoints',
    'BEGIN=1 END=2',
    'dma: SRC=0x1000 DST=0x2000 len=3x',
    'PHYSIN=eth0 up',
  ])('%s is not a log line', (text) => {
    expect(parseKernelMessage(text, NONE).kind).toBe('other');
  });
});

describe('TRACE', () => {
  it.each([
    ['TRACE: raw:PREROUTING:policy:2 ', 'raw', 'PREROUTING', 'policy', 2],
    ['TRACE: filter:KUBE-SVC-A:rule:14     ', 'filter', 'KUBE-SVC-A', 'rule', 14],
    ['TRACE: filter:cali:fw:return:1 ', 'filter', 'cali:fw', 'return', 1],
    ['TRACE: inet_filter:input:rule:3 ', 'inet_filter', 'input', 'rule', 3],
    ['raw:OUTPUT:policy:2      ', 'raw', 'OUTPUT', 'policy', 2],
    ['TRACE: nat:POSTROUTING:policy:2', 'nat', 'POSTROUTING', 'policy', 2],
    ['odd envelope| TRACE: nat:OUTPUT:rule:7 ', 'nat', 'OUTPUT', 'rule', 7],
  ])('%s', (head, table, chain, ruleKind, ruleNumber) => {
    expect(parseKernelMessage(head + DUMP, NONE)).toMatchObject({
      kind: 'trace',
      table,
      chain,
      ruleKind,
      ruleNumber,
      packet: { src: '192.0.2.1' },
    });
  });

  it('says what a cut line cannot tell', () => {
    expect(parseKernelMessage('TRACE: filter:INPUT:rule:3', NONE)).toMatchObject({
      kind: 'trace',
      ruleNumber: 3,
      packet: { isCut: true, src: null },
    });
    expect(parseKernelMessage('TRACE: filter:INP', NONE)).toMatchObject({ kind: 'unreadable' });
    expect(parseKernelMessage('TRACE: ', NONE).kind).toBe('other');
    expect(parseKernelMessage('TRACE: raw:PREROUTING:rule:2 Internet Protocol Version 4', NONE).kind).toBe('other');
  });
});

describe('log_invalid and helpers', () => {
  it.each<[string, Record<string, unknown>]>([
    [
      'nf_ct_proto_6: invalid new ',
      { message: 'invalid new', protoName: 'tcp', reasonId: 'tcp-invalid-new', numbers: [] },
    ],
    ['nf_ct_tcp: invalid state ', { protoName: 'tcp', reasonId: 'tcp-invalid-state' }],
    [' ip_ct_tcp: invalid packet ignored ', { protoName: 'tcp', reasonId: 'tcp-packet-ignored' }],
    ['nf_ct_proto_6: invalid packet ignored in state TIME_WAIT  ', { reasonId: 'tcp-packet-ignored' }],
    [
      'nf_ct_proto_6: SEQ is over upper bound 2002 (over the window of the receiver) ',
      {
        reasonId: 'tcp-seq-over-upper-bound',
        numbers: [2002],
        message: 'SEQ is over upper bound %u (over the window of the receiver)',
      },
    ],
    [
      'nf_ct_proto_6: packet (index 2, dir 1) response for index 2 lower timeout to 75000 ',
      { reasonId: 'tcp-lower-timeout', numbers: [2, 1, 2, 75000] },
    ],
    ['nf_ct_proto_132: nf_ct_sctp: bad CRC  ', { protoName: 'sctp', reasonId: 'sctp-bad-crc', message: 'bad CRC' }],
    [
      'nf_ct_proto_132: do_basic_checks failed. chunk num 0, type 1, len 0 flag 1\n ',
      { reasonId: 'sctp-basic-checks', numbers: [0, 1, 0, 1] },
    ],
    ['nf_ct_proto_58: ICMPv6 checksum failed ', { protoName: 'icmpv6', reasonId: 'icmpv6-bad-checksum' }],
    ['nf_ct_icmpv6: invalid new with type 129 ', { protoName: 'icmpv6', numbers: [129] }],
    [
      '[00] nf_ct_proto_6: 3312 bytes more than expected ',
      { reasonId: 'tcp-bytes-more-than-expected', numbers: [3312] },
    ],
    [
      'nf_ct_proto_1: outer daddr 192.0.2.1 != inner 192.0.2.2 ',
      { protoName: 'icmp', reasonId: 'icmp-error-outer-daddr-mismatch' },
    ],
    [
      'nf_ct_proto_99: something new with 7 beans ',
      { protoName: '99', reasonId: null, message: 'something new with %u beans', numbers: [7] },
    ],
  ])('%s', (head, fields) => {
    expect(parseKernelMessage(head + DUMP, CATALOGUE)).toMatchObject({
      kind: 'log-invalid',
      packet: { src: '192.0.2.1', isCut: false },
      ...fields,
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['nf_ct_ftp: dropping packet', { protoName: 'ftp', message: 'dropping packet' }],
    ["nf_ct_ftp: dropping packet: partial matching of `227 ' ", { protoName: 'ftp' }],
    ['nf_ct_sip: dropping packet: wrong port 5070 ', { protoName: 'sip' }],
    ['helper ftp dropping packet: cannot add expectation ', { protoName: 'ftp' }],
    ['helper Q.931 dropping packet: cannot process Q.931 message ', { protoName: 'Q.931' }],
    ['nf_ct_frobnicate: dropping packet: because ', { protoName: 'frobnicate', reasonId: null }],
  ])('helper: %s', (head, fields) => {
    expect(parseKernelMessage(head + DUMP, NONE)).toMatchObject({
      kind: 'helper',
      packet: { src: '192.0.2.1' },
      ...fields,
    });
  });

  it('knows a helper that dropped a packet', () => {
    expect(parseKernelMessage(`helper ftp dropping packet: cannot add expectation ${DUMP}`, CATALOGUE)).toMatchObject({
      kind: 'helper',
      reasonId: 'helper-drop',
    });
    expect(parseKernelMessage(`nf_ct_ftp: dropping packet ${DUMP}`, CATALOGUE)).toMatchObject({
      kind: 'helper',
      reasonId: 'helper-drop',
    });
  });

  it('reads lines shortened beyond IN= and SRC=, and those without a dump', () => {
    expect(
      parseKernelMessage(
        'nf_ct_proto_6: ACK is over upper bound 39803 (ACKed data not seen yet) .. SEQ=240 ACK=40128 WINDOW=10030 RES=0x00 ACK URG',
        CATALOGUE,
      ),
    ).toMatchObject({
      kind: 'log-invalid',
      reasonId: 'tcp-ack-over-upper-bound',
      numbers: [39803],
      packet: { seq: 240, ack: 40128, flags: 'ACK', isCut: true },
    });
    expect(
      parseKernelMessage('nf_ct_tcp: invalid RST seq:0 td_maxack:12029 SRC=192.0.2.1 DST=192.0.2.2 LEN=40', NONE),
    ).toMatchObject({
      message: 'invalid RST seq:%u td_maxack:%u',
      numbers: [0, 12029],
      packet: { inIf: null, src: '192.0.2.1' },
    });
    expect(parseKernelMessage('nf_ct_proto_6: invalid new', CATALOGUE)).toMatchObject({
      kind: 'log-invalid',
      packet: null,
      reasonId: 'tcp-invalid-new',
    });
    expect(parseKernelMessage('nf_ct_proto_6', NONE)).toMatchObject({ kind: 'unreadable' });
  });
});

describe('debug lines', () => {
  it.each<[string, Record<string, unknown>]>([
    [
      'nf_ct_tcp: invalid new deleting.',
      { function: null, reasonId: 'tcp-invalid-new', text: 'nf_ct_tcp: invalid new deleting.' },
    ],
    [
      "[512] nf_conntrack:nf_conntrack_in:1799: nf_conntrack_in: Can't track with proto module",
      { function: 'nf_conntrack_in' },
    ],
    ["<intr> nf_conntrack:icmp_new:123: icmp: can't create new conn with type 0", { function: 'icmp_new' }],
    ['nf_conntrack_ftp: ftp: dataoff(60) >= skblen(60)', { function: null, text: 'ftp: dataoff(60) >= skblen(60)' }],
    ['tcp_in_window:590: tcp_in_window: I=1 II=1 III=0 IV=1', { function: 'tcp_in_window' }],
    ['nf_ct_ras: decoding error: out of range', { function: null }],
  ])('%s', (text, fields) => {
    expect(parseKernelMessage(text, CATALOGUE)).toMatchObject({ kind: 'debug', ...fields });
  });
});

describe('notices', () => {
  it.each<[string, Record<string, unknown>]>([
    ['nf_conntrack: table full, dropping packet.', { reasonId: 'table-full' }],
    ['nf_conntrack: nf_conntrack: table full, dropping packet', { reasonId: 'table-full' }],
    [
      'nf_conntrack: nf_conntrack: table full in netns 4026532457, dropping packet',
      { reasonId: 'table-full', detail: { about: 'pressure', netns: 4026532457 } },
    ],
    ['nf_conntrack: expectation table full', { reasonId: 'expectation-table-full' }],
    ['net_ratelimit: 11 callbacks suppressed', { count: 11, detail: { function: 'net_ratelimit' } }],
    ['11 callbacks suppressed', { count: 11 }],
    ['nf_ct_expect_related_report: 3 callbacks suppressed', { count: 3 }],
    ['printk: 5 messages suppressed.', { count: 5 }],
    [
      "conntrack: generic helper won't handle protocol 47. Please consider loading the specific helper module.",
      { reasonId: 'generic-protocol-module-missing', detail: { proto: 47 } },
    ],
    ['ppp0 ate my IP address', { detail: { dev: 'ppp0' } }],
    [
      'nf_conntrack: default automatic helper assignment has been turned off for security reasons and CT-based  firewall rule not found. Use the iptables CT target to attach helpers instead.',
      { reasonId: 'helper-not-assigned' },
    ],
    [
      'martian source 192.0.2.9 from 198.51.100.1, on dev eth1',
      { detail: { dst: '192.0.2.9', src: '198.51.100.1', dev: 'eth1', about: 'elsewhere' } },
    ],
    ['IPv4: martian destination 192.0.2.9 from 198.51.100.1, dev eth1', { detail: { dst: '192.0.2.9', dev: 'eth1' } }],
    [
      'll header: ff:ff:ff:ff:ff:ff:02:00:00:00:0a:02:08:00',
      { detail: { header: 'ff:ff:ff:ff:ff:ff:02:00:00:00:0a:02:08:00' } },
    ],
    [
      'UDP: bad checksum. From 192.0.2.9:27503 to 198.51.100.1:8472 ulen 75',
      { detail: { src: '192.0.2.9', sport: 27503, dst: '198.51.100.1', dport: 8472, ulen: 75 } },
    ],
    ['Missed 12 kernel messages', { count: 12, detail: { about: 'evidence-lost' } }],
    ['Suppressed 917 messages from ulogd.service', { count: 917, detail: { unit: 'ulogd.service' } }],
    [
      'imuxsock lost 23 messages from pid 77 due to rate-limiting',
      { count: 23, detail: { function: 'imuxsock', pid: 77 } },
    ],
    ['imjournal: 84667 messages lost due to rate-limiting (20000 allowed within 600 seconds)', { count: 84667 }],
    ['imklog: 12 messages lost due to rate-limiting', { count: 12 }],
    ['** 1196 printk messages dropped **', { count: 1196 }],
    ['/dev/kmsg buffer overrun, some messages lost.', { count: null, detail: { about: 'evidence-lost' } }],
    ['nf_conntrack version 0.5.0 (16384 buckets, 65536 max)', { detail: { buckets: 16384, max: 65536 } }],
    [
      'audit: type=1325 audit(1494469680.359:16): table=filter family=2 entries=4 op=xt_replace pid=7',
      { detail: { table: 'filter', family: 2, entries: 4, op: 'xt_replace' } },
    ],
  ])('%s', (text, fields) => {
    expect(parseKernelMessage(text, CATALOGUE)).toMatchObject({ kind: 'notice', text, ...fields });
  });
});

it('keeps its hands off other lines', () => {
  for (const text of [
    '',
    'usb 1-1: new high-speed USB device number 4',
    'eth0: link up',
    'device eth1 left promiscuous mode',
    'x'.repeat(5000),
  ]) {
    expect(parseKernelMessage(text, CATALOGUE)).toEqual({ kind: 'other' });
  }
});

it('never throws', () => {
  const part = fc.constantFrom(
    'IN=',
    'OUT=',
    'SRC=',
    ' DST=',
    'nf_ct_',
    'proto_6',
    ': ',
    'TRACE: ',
    'filter:',
    'rule:',
    '1',
    ' ',
    '[',
    ']',
    'helper ',
    ' dropping packet',
    'table full',
    ' lost ',
    'NETFILTER_PKT',
    '..',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(part).map((parts) => parts.join('')),
      ),
      (text) => {
        for (const catalogue of [NONE, CATALOGUE])
          expect(parseKernelMessage(text, catalogue).kind).toBeTypeOf('string');
      },
    ),
    { numRuns: 3000 },
  );
});

it.each([
  'IN=',
  'IN=x OUT=',
  'SRC=',
  'A',
  'TTL=A',
  'nf_ct_',
  'im lost ',
  'TRACE: ',
  '[',
  'OPT (',
  'ACK',
  '1 messages lost',
  '\\n ',
])('takes time in proportion to the length of a hostile line of %s', (piece) => {
  const text = `DROP IN=eth0 OUT= SRC=192.0.2.1 LEN=${piece.repeat(100_000)}`;
  const started = performance.now();
  parseKernelMessage(text, CATALOGUE);
  parseKernelMessage(piece.repeat(100_000), CATALOGUE);
  expect(performance.now() - started).toBeLessThan(2000);
});
