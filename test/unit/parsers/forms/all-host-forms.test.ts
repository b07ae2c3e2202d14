// What holds for each of these forms: no line makes it throw, a cut line neither; each begins on its own lines and on no other's.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Form } from '../../../../src/parsers/form.js';
import { bundleManifestForm } from '../../../../src/parsers/forms/bundle-manifest.js';
import { dyndbgControlForm } from '../../../../src/parsers/forms/dyndbg-control.js';
import { ethtoolForm } from '../../../../src/parsers/forms/ethtool.js';
import { hostIdentityForm } from '../../../../src/parsers/forms/host-identity.js';
import { ipForm } from '../../../../src/parsers/forms/ip.js';
import { ipMonitorForm } from '../../../../src/parsers/forms/ip-monitor.js';
import { legacyTraceToolsForm } from '../../../../src/parsers/forms/legacy-trace-tools.js';
import { netstatForm } from '../../../../src/parsers/forms/netstat.js';
import { nfLogForm } from '../../../../src/parsers/forms/nf-log.js';
import { nftTraceForm } from '../../../../src/parsers/forms/nft-trace.js';
import { nstatForm } from '../../../../src/parsers/forms/nstat.js';
import { procModulesForm } from '../../../../src/parsers/forms/proc-modules.js';
import { ssForm } from '../../../../src/parsers/forms/ss.js';
import { sysctlForm } from '../../../../src/parsers/forms/sysctl.js';
import { tcpdumpTextForm } from '../../../../src/parsers/forms/tcpdump-text.js';
import { ulogdJsonForm } from '../../../../src/parsers/forms/ulogd-json.js';
import { xtablesTraceForm } from '../../../../src/parsers/forms/xtables-trace.js';
import { readLines } from './read-lines.js';

/** Forms, each with text that is its own; the first line begins it. */
const FORMS: readonly (readonly [Form, string])[] = [
  [
    bundleManifestForm,
    'ctwhy-bundle 1\npart x start=1.5 end=2.5 exit=0 error="a \\"b\\"" command=ss -t\ncoverage log state=complete from=1 to=2',
  ],
  [dyndbgControlForm, 'net/netfilter/nf_conntrack_core.c:9 [nf_conntrack]nf_conntrack_in =p "not tracked\\012"'],
  [ethtoolForm, 'Features for eth0:\nrx-checksumming: on\n\ttx-checksum-ipv4: off [fixed]'],
  [
    ipForm,
    '2: eth0: <UP> mtu 1500 state UP\n    link/ether 00:00:5e:00:53:01 brd ff:ff:ff:ff:ff:ff\n    inet 192.0.2.1/24 scope global eth0',
  ],
  [
    ipForm,
    'default via 192.0.2.254 dev eth0 proto dhcp metric 100\n198.51.100.0/24\n\tnexthop via 192.0.2.2 dev eth0 weight 1',
  ],
  [
    ipForm,
    '[{"ifindex":1,"ifname":"lo","flags":["UP"],"addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]}]',
  ],
  [
    ipMonitorForm,
    '[2026-11-21T13:56:40.755003] [ADDR]Deleted 2: eth0    inet 192.0.2.65/24 scope global eth0\n       valid_lft forever',
  ],
  [legacyTraceToolsForm, '333e26bf278d TRACE: raw:PREROUTING:rule:3  "-A PREROUTING -j DROP"'],
  [netstatForm, 'tcp        0      1 192.0.2.2:8080  192.0.2.1:46712  FIN_WAIT1  33  153427  1001/x  probe (7.66/0/4)'],
  [netstatForm, 'TcpExt:\n    7 times the listen queue of a socket overflowed\n    TCPSynRetrans: 8'],
  [nfLogForm, ' 2 nf_log_ipv4 (nf_log_ipv4,nfnetlink_log)'],
  [
    nftTraceForm,
    'trace id 85e8d095 ip raw PREROUTING packet: iif "eth0" ip saddr 192.0.2.77 ip daddr 198.51.100.77 tcp sport 40077 tcp dport 25 tcp flags == syn tcp window 64240 \ntrace id 85e8d095 ip raw PREROUTING rule drop (verdict drop)',
  ],
  [nstatForm, '#kernel\nIpInReceives                    9                  0.0'],
  [nstatForm, 'TcpExt: SyncookiesSent ListenDrops\nTcpExt: 1 2'],
  [procModulesForm, 'nf_conntrack 180224 2 nf_nat,xt_conntrack, Live 0xffffffffc0a00000 (E)'],
  [
    ssForm,
    'ESTAB 0 0 192.0.2.1:22 192.0.2.2:5000 users:(("sshd",pid=1,fd=3)) timer:(on,1.200ms,0)\n\t cubic wscale:7,7 rto:204 send 1bps',
  ],
  [sysctlForm, 'net.netfilter.nf_conntrack_max = 262144'],
  [
    tcpdumpTextForm,
    '12:00:00.000001 IP 192.0.2.1.40000 > 198.51.100.2.443: Flags [S.], seq 1000000000, ack 7, win 64240, options [mss 1460,sackOK,TS val 5 ecr 0,sack 1 {5:6}], length 0',
  ],
  [
    tcpdumpTextForm,
    '12:00:00.000001 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 60)\n    192.0.2.1.40000 > 198.51.100.2.443: Flags [S], cksum 0x1 (correct), seq 1, win 2, length 0',
  ],
  [
    ulogdJsonForm,
    '{"timestamp": "2026-11-21T14:16:11.281560", "raw.pktlen": 80, "oob.prefix": "x", "ip.protocol": 6, "tcp.syn": 1}',
  ],
  [hostIdentityForm, 'Linux gw1 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01) x86_64 GNU/Linux'],
  [
    xtablesTraceForm,
    ' TRACE: 2 85e8d095 filter:INPUT:rule:0x3:JUMP:other  -4 -t filter -A INPUT -j other\nPACKET: 2 85e8d095 IN=eth0 SRC=192.0.2.77 DST=198.51.100.77 LEN=60 TOS=0x0 TTL=64 ID=24800DF SPORT=1 DPORT=25 SYN',
  ],
];
const EVERY_FORM = [...new Set(FORMS.map(([form]) => form))];
const CONTEXT = { fileName: 'input.txt', command: null };

/** Lines of other tools that none of these forms may begin on. */
const FOREIGN = [
  'Nov 21 14:00:00 gw1 kernel: [  12.345] DROP IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=198.51.100.2 LEN=40 TOS=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=2 WINDOW=0 RES=0x00 SYN URGP=0',
  '[   12.345678] TRACE: raw:PREROUTING:policy:2 IN=eth0 OUT= SRC=192.0.2.1 DST=198.51.100.2 LEN=40 PROTO=TCP SPT=1 DPT=2',
  'tcp      6 431999 ESTABLISHED src=192.0.2.1 dst=198.51.100.2 sport=1 dport=2 src=198.51.100.2 dst=192.0.2.1 sport=2 dport=1 [ASSURED] mark=0 use=1',
  '    [NEW] tcp      6 120 SYN_SENT src=192.0.2.1 dst=198.51.100.2 sport=1 dport=2 [UNREPLIED] src=198.51.100.2 dst=192.0.2.1 sport=2 dport=1',
  '-A INPUT -m conntrack --ctstate INVALID -j DROP',
  ':INPUT ACCEPT [0:0]',
  '*filter',
  'Chain INPUT (policy ACCEPT 0 packets, 0 bytes)',
  '    1     0     0 DROP       all  --  *      *       0.0.0.0/0            0.0.0.0/0',
  'table inet filter {',
  '\tct state established,related accept',
  'cpu=0   	found=0 invalid=0 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 search_restart=0',
  'iptables -A INPUT -j DROP',
  'Hello, the default route is via the other box.',
];

describe('forms of the host', () => {
  it.each(FORMS.map(([form, text]) => [form.id, form, text] as const))(
    '%s begins on its own first line, before all others',
    (_id, form, text) => {
      const [first] = text.split('\n') as [string];
      const own = form.recognise(first, CONTEXT);
      expect(own).toBeGreaterThanOrEqual(50);
      for (const other of EVERY_FORM)
        if (other !== form)
          expect([other.id, other.recognise(first, CONTEXT)]).toEqual([
            other.id,
            expect.toSatisfy((score: number) => score < own),
          ]);
    },
  );

  it.each(FORMS.map(([form, text]) => [form.id, form, text] as const))('%s takes all its lines', (_id, form, text) => {
    const { records, unread, others } = readLines(form, text);
    expect([unread, others]).toEqual([[], []]);
    expect(records.length).toBeGreaterThan(0);
  });

  it.each(FOREIGN)('none begins on: %s', (line) => {
    for (const form of EVERY_FORM)
      expect([form.id, form.recognise(line, CONTEXT)]).toEqual([
        form.id,
        expect.toSatisfy((score: number) => score < 50),
      ]);
  });

  it.each(FORMS.map(([form, text]) => [form.id, form, text] as const))(
    '%s never throws on cut, changed or arbitrary lines',
    (_id, form, text) => {
      for (let length = 0; length <= text.length; length++) readLines(form, text.slice(0, length));
      fc.assert(
        fc.property(
          fc.nat(text.length),
          fc.nat(text.length),
          fc.string({ maxLength: 6, unit: 'binary' }),
          (from, to, inserted) => {
            const changed = text.slice(0, from) + inserted + text.slice(to);
            for (const line of changed.split('\n')) form.recognise(line, CONTEXT);
            readLines(form, changed, 'ss -tn state fin-wait-1');
          },
        ),
        { numRuns: 300 },
      );
      fc.assert(
        fc.property(fc.array(fc.string({ maxLength: 60, unit: 'grapheme-ascii' }), { maxLength: 4 }), (lines) => {
          for (const line of lines) form.recognise(line, CONTEXT);
          readLines(form, `${text}\n${lines.join('\n')}`);
        }),
        { numRuns: 100 },
      );
    },
  );
});
