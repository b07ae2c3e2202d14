import { describe, expect, it } from 'vitest';
import { bundleManifestForm } from '../../../../src/parsers/forms/bundle-manifest.js';
import { dyndbgControlForm } from '../../../../src/parsers/forms/dyndbg-control.js';
import { ethtoolForm } from '../../../../src/parsers/forms/ethtool.js';
import { hostIdentityForm } from '../../../../src/parsers/forms/host-identity.js';
import { ipForm } from '../../../../src/parsers/forms/ip.js';
import { ipMonitorForm } from '../../../../src/parsers/forms/ip-monitor.js';
import { nfLogForm } from '../../../../src/parsers/forms/nf-log.js';
import { nstatForm } from '../../../../src/parsers/forms/nstat.js';
import { procModulesForm } from '../../../../src/parsers/forms/proc-modules.js';
import { sysctlForm } from '../../../../src/parsers/forms/sysctl.js';
import { only, readLines } from './read-lines.js';

const CONTEXT = { fileName: 'x', command: null };

describe('sysctl', () => {
  it('reads assignments, colons, paths and files, whatever the interface is called', () => {
    const { records, unread, others } = readLines(
      sysctlForm,
      `net.netfilter.nf_conntrack_max = 262144
net.ipv4.ip_local_port_range = 32768	60999
net.ipv4.conf.eth0/100.rp_filter = 1
net.netfilter.nf_conntrack_tcp_loose: 1
/proc/sys/net/ipv4/conf/eth0.100/forwarding:0
sysctl: permission denied on key 'net.ipv4.tcp_fastopen_key'
sysctl: cannot stat /proc/sys/net/bridge/bridge-nf-call-iptables: No such file or directory
==> /proc/sys/net/netfilter/nf_conntrack_log_invalid <==
255
kernel.core_pattern = |/bin/x = y`,
    );
    expect([unread, others]).toEqual([[], []]);
    expect(only(records, 'sysctl').map(({ name, value }) => [name, value])).toEqual([
      ['net.netfilter.nf_conntrack_max', '262144'],
      ['net.ipv4.ip_local_port_range', '32768 60999'],
      ['net.ipv4.conf.eth0/100.rp_filter', '1'],
      ['net.netfilter.nf_conntrack_tcp_loose', '1'],
      ['net.ipv4.conf.eth0/100.forwarding', '0'],
      ['net.netfilter.nf_conntrack_log_invalid', '255'],
      ['kernel.core_pattern', '|/bin/x = y'],
    ]);
  });

  it('does not take a configuration for a reading', () => {
    expect(sysctlForm.recognise('net.ipv4.ip_forward = 1', { fileName: 'sysctl.conf', command: null })).toBe(0);
    expect(sysctlForm.recognise('net.ipv4.ip_forward = 1', CONTEXT)).toBeGreaterThan(50);
  });
});

describe('nstat', () => {
  const counters = (text: string, command: string | null = null) => {
    const { records, unread } = readLines(nstatForm, text, command);
    return { values: Object.fromEntries(only(records, 'counter').map(({ name, value }) => [name, value])), unread };
  };

  it('reads text, JSON and the files below /proc/net by the same names', () => {
    const expected = { IpInReceives: 9, TcpExtListenDrops: 3 };
    expect(
      counters('#kernel\nIpInReceives                    9                  0.0\nTcpExtListenDrops   3   0.0').values,
    ).toEqual(expected);
    expect(counters('{"kernel":{"IpInReceives":9,"TcpExtListenDrops":3}}').values).toEqual(expected);
    expect(counters('Ip: InReceives\nIp: 9\nTcpExt: ListenDrops\nTcpExt: 3').values).toEqual(expected);
    expect(counters('Ip6InReceives      4').values).toEqual({ Ip6InReceives: 4 });
  });

  it('does not take increments for counters', () => {
    expect(counters('#kernel\nIpInReceives  9  0.0', 'nstat -z').values).toEqual({});
    expect(counters('#kernel\nIpInReceives  9  0.0', 'nstat -z').unread).toHaveLength(1);
    expect(counters('#kernel\nIpInReceives  9  0.0', 'nstat -az').values).toEqual({ IpInReceives: 9 });
  });

  it('says when names and values do not go together', () => {
    expect(counters('Tcp: 1 2 3').unread).toHaveLength(1);
    expect(counters('Tcp: A B\nTcp: 1 2 3')).toMatchObject({ values: { TcpA: 1, TcpB: 2 }, unread: [{ line: 2 }] });
  });
});

describe('/proc/net/sockstat', () => {
  it('gives the counts of sockets as counters', () => {
    const text =
      'sockets: used 28\nTCP: inuse 1 orphan 2 tw 3 alloc 4 mem 323\nUDP: inuse 0 mem 0\nFRAG: inuse 0 memory 0\nTCP6: inuse 7';
    const { records, unread, others } = readLines(nstatForm, text);
    expect([unread, others]).toEqual([[], []]);
    const counters = only(records, 'counter').map(({ name, value }) => [name, value]);
    expect(counters).toHaveLength(11);
    expect(counters).toContainEqual(['sockstat.TCP.orphan', 2]);
    expect(counters).toContainEqual(['sockstat.TCP6.inuse', 7]);
    expect(nstatForm.recognise('sockets: used 28', { fileName: 'x', command: null })).toBe(85);
    expect(nstatForm.recognise('sockets: used a lot', { fileName: 'x', command: null })).toBe(0);
  });
});

describe('ip -br', () => {
  it.each([
    ['lo               UNKNOWN        127.0.0.1/8 ::1/128 ', 60],
    ['eth0             UP             00:00:5e:00:53:01 <BROADCAST,MULTICAST,UP,LOWER_UP> ', 60],
    ['eth1             DOWN           ', 45],
  ])('is recognised by its addresses: %s', (line, sureness) => {
    expect(ipForm.recognise(line, { fileName: 'x', command: null })).toBe(sureness);
  });
});

describe('ip', () => {
  const facts = (text: string) => {
    const { records, unread, others } = readLines(ipForm, text);
    return { facts: only(records, 'host-fact').map(({ fact }) => fact), unread, others };
  };

  const ADDRESS_TEXT = `2: eth0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 00:00:5e:00:53:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0
    inet 192.0.2.1/24 brd 192.0.2.255 scope global dynamic eth0
       valid_lft 3000sec preferred_lft 3000sec
    inet6 2001:db8::1/64 scope global nodad
       valid_lft forever preferred_lft forever`;

  it('gives the same facts for text, -o, -br and JSON', () => {
    const address = { family: 'inet', local: '192.0.2.1', prefixlen: 24, ifname: 'eth0' };
    const one = expect.objectContaining({
      kind: 'address',
      data: expect.objectContaining(address) as unknown,
    }) as unknown;
    const text = facts(ADDRESS_TEXT);
    expect([text.unread, text.others]).toEqual([[], []]);
    expect(text.facts.map(({ kind }) => kind)).toEqual(['link', 'address', 'address']);
    expect(text.facts[0]!.data).toEqual({
      ifindex: 2,
      link_index: 3,
      ifname: 'eth0',
      flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
      mtu: 1500,
      qdisc: 'noqueue',
      operstate: 'UP',
      group: 'default',
      txqlen: 1000,
      link_type: 'ether',
      address: '00:00:5e:00:53:01',
      broadcast: 'ff:ff:ff:ff:ff:ff',
      link_netnsid: 0,
    });
    expect(text.facts[1]!.data).toEqual({
      ...address,
      ifindex: 2,
      broadcast: '192.0.2.255',
      scope: 'global',
      dynamic: true,
      label: 'eth0',
    });
    expect(
      facts('2: eth0    inet 192.0.2.1/24 scope global eth0\\       valid_lft forever preferred_lft forever').facts,
    ).toEqual([one]);
    expect(facts('eth0@if3         UP             192.0.2.1/24 2001:db8::1/64').facts).toContainEqual(one);
    const json =
      '[{"ifindex":2,"ifname":"eth0","flags":["UP"],"mtu":1500,"addr_info":[{"family":"inet","local":"192.0.2.1","prefixlen":24,"valid_life_time":5}]}]';
    expect(facts(json).facts).toContainEqual(one);
    expect(facts(JSON.stringify(JSON.parse(json), null, 4)).facts).toEqual(facts(json).facts);
    expect(JSON.stringify(facts(json).facts)).not.toContain('life_time');
  });

  it('gives what is whole of a cut JSON listing, and the readable part of the last', () => {
    const json =
      '[{"dst":"default","gateway":"192.0.2.254","dev":"eth0","flags":[]},{"dst":"192.0.2.0/24","dev":"eth0","prefsrc":"192.0.';
    expect(facts(json).facts.map(({ data }) => data)).toEqual([
      { dst: 'default', gateway: '192.0.2.254', dev: 'eth0', flags: [] },
      { dst: '192.0.2.0/24', dev: 'eth0' },
    ]);
    expect(facts('[{"dst":}]').unread).toHaveLength(1);
  });

  it('reads routes, next hops, lookups, rules and neighbours', () => {
    const {
      facts: found,
      unread,
      others,
    } = facts(`default via 192.0.2.254 dev eth0 proto dhcp src 192.0.2.1 metric 100 onlink
198.51.100.128/25
	nexthop via 192.0.2.2 dev eth0 weight 1
	nexthop via 192.0.2.3 dev eth0 weight 2
blackhole 203.0.113.0/24
local 192.0.2.1 dev eth0 table 255 proto kernel scope host src 192.0.2.1
198.51.100.1 via inet6 fe80::1 dev eth0 src 192.0.2.1 uid 0
    cache <redirected> expires 9sec mtu 1400
100:	not from 192.0.2.0/24 to 198.51.100.7 fwmark 0x1/0xff iif eth1 lookup 100
32767:	from all goto 5
192.0.2.9 dev eth0 lladdr 00:00:5e:00:53:09 router STALE
192.0.2.10 dev eth0 FAILED`);
    expect([unread, others]).toEqual([[], []]);
    expect(found).toEqual([
      {
        kind: 'route',
        data: {
          dst: 'default',
          gateway: '192.0.2.254',
          dev: 'eth0',
          protocol: 'dhcp',
          prefsrc: '192.0.2.1',
          metric: 100,
          flags: ['onlink'],
        },
      },
      {
        kind: 'route',
        data: {
          dst: '198.51.100.128/25',
          nexthops: [
            { gateway: '192.0.2.2', dev: 'eth0', weight: 1 },
            { gateway: '192.0.2.3', dev: 'eth0', weight: 2 },
          ],
        },
      },
      { kind: 'route', data: { type: 'blackhole', dst: '203.0.113.0/24' } },
      {
        kind: 'route',
        data: {
          type: 'local',
          dst: '192.0.2.1',
          dev: 'eth0',
          table: '255',
          protocol: 'kernel',
          scope: 'host',
          prefsrc: '192.0.2.1',
        },
      },
      {
        kind: 'route',
        data: {
          dst: '198.51.100.1',
          gateway: 'fe80::1',
          dev: 'eth0',
          prefsrc: '192.0.2.1',
          uid: 0,
          cache: ['redirected'],
          mtu: 1400,
        },
      },
      {
        kind: 'rule',
        data: {
          priority: 100,
          not: null,
          src: '192.0.2.0',
          srclen: 24,
          dst: '198.51.100.7',
          fwmark: '0x1',
          fwmask: '0xff',
          iif: 'eth1',
          table: '100',
        },
      },
      { kind: 'rule', data: { priority: 32767, src: 'all', goto: 5 } },
      {
        kind: 'neigh',
        data: { dst: '192.0.2.9', dev: 'eth0', lladdr: '00:00:5e:00:53:09', router: null, state: ['STALE'] },
      },
      { kind: 'neigh', data: { dst: '192.0.2.10', dev: 'eth0', state: ['FAILED'] } },
    ]);
  });

  it('does not begin on words of people or on other listings', () => {
    for (const line of [
      'default is fine',
      '1: one',
      'local only',
      '100: from here to there',
      'eth0 is UP',
      'tcp LISTEN 0 5 *:1 *:*',
    ]) {
      expect(ipForm.recognise(line, CONTEXT)).toBeLessThan(45);
    }
  });
});

describe('ip monitor', () => {
  const events = (text: string) => {
    const { records, unread, others } = readLines(ipMonitorForm, text);
    return { events: only(records, 'host-event').map(({ event }) => event), unread, others };
  };

  it('reads added and deleted objects with -ts and labels', () => {
    const {
      events: found,
      unread,
      others,
    } = events(`[2026-11-21T13:56:40.755003] [ADDR]Deleted 2: eth0    inet 192.0.2.65/24 scope global eth0
       valid_lft forever preferred_lft forever
[2026-11-21T13:56:40.755062] [ROUTE]Deleted 192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.65
[2026-11-21T13:56:41.016273] [ADDR]2: eth0    inet 192.0.2.66/24 scope global eth0
       valid_lft forever preferred_lft forever
[2026-11-21T13:56:41.5] [LINK]2: eth0: <BROADCAST,MULTICAST> mtu 1500 qdisc noqueue state DOWN group default
    link/ether 00:00:5e:00:53:01 brd ff:ff:ff:ff:ff:ff
[2026-11-21T13:56:42.000001] [RULE]32765:	from 192.0.2.9 lookup 5
[2026-11-21T13:56:42.000002] [NEIGH]192.0.2.1 dev eth0 lladdr 00:00:5e:00:53:02 REACHABLE
[2026-11-21T13:56:42.000003] [NETCONF]inet eth0 forwarding off rp_filter off`);
    expect([unread, others]).toEqual([[], []]);
    expect(found.map(({ kind }) => kind)).toEqual([
      'address-deleted',
      'route-deleted',
      'address-added',
      'link-down',
      'rule-added',
      'neigh-changed',
    ]);
    expect(found[0]).toMatchObject({
      atUs: null,
      stamp: { kind: 'wall', year: 2026, month: 11, day: 21, usOfDay: (13 * 3600 + 56 * 60 + 40) * 1e6 + 755_003 },
      data: { local: '192.0.2.65', ifname: 'eth0' },
    });
    expect(found[3]!.data).toMatchObject({ ifname: 'eth0', address: '00:00:5e:00:53:01' });
  });

  it('reads the long stamp of -t, on the line before', () => {
    const { events: found } = events(
      'Timestamp: Sat Nov 21 14:16:07 2026 363874 usec\nlocal 192.0.2.65 dev eth0 table local scope host',
    );
    expect(found[0]).toMatchObject({ kind: 'route-added', stamp: { month: 11, day: 21, usOfDay: 51_367_363_874 } });
  });

  it('wins over `ip` where a stamp, a label or the command shows that it is a stream', () => {
    const route = '192.0.2.0/24 dev eth0 scope link';
    expect(ipMonitorForm.recognise(`[ROUTE]${route}`, CONTEXT)).toBeGreaterThan(
      ipForm.recognise(`[ROUTE]${route}`, CONTEXT),
    );
    expect(ipMonitorForm.recognise(route, CONTEXT)).toBe(0);
    expect(ipMonitorForm.recognise(route, { fileName: 'ip-monitor.txt', command: null })).toBeGreaterThan(
      ipForm.recognise(route, CONTEXT),
    );
  });
});

describe('files of the host', () => {
  it('reads ethtool -k, and what -K says it changed', () => {
    const { records, unread, others } = readLines(
      ethtoolForm,
      'Features for eth0:\nrx-checksumming: on\ntx-checksumming: off\n\ttx-checksum-ipv4: off [fixed]\nActual changes:\ntx-checksum-ip-generic: off',
      'ethtool -K flannel.1 tx off',
    );
    expect([unread, others]).toEqual([[], []]);
    expect(only(records, 'host-fact').map(({ fact }) => fact.data)).toEqual([
      {
        ifname: 'eth0',
        features: { 'rx-checksumming': 'on', 'tx-checksumming': 'off', 'tx-checksum-ipv4': 'off' },
        fixed: ['tx-checksum-ipv4'],
      },
      { ifname: 'flannel.1', features: { 'tx-checksum-ip-generic': 'off' }, isChange: true },
    ]);
  });

  it('reads dynamic_debug/control in both escapings, and keeps only netfilter', () => {
    const { records, unread, others } = readLines(
      dyndbgControlForm,
      `# filename:lineno [module]function flags format
net/netfilter/nf_conntrack_proto_tcp.c:1104 [nf_conntrack]nf_conntrack_tcp_packet =_ "syn=%i \\"x\\"\\012"
net/netfilter/nf_conntrack_core.c:9 [nf_conntrack]nf_conntrack_in =pfl "not \\"y\\"\\n" class:X
drivers/net/veth.c:5 [veth]veth_open =_ "up\\n"
net/netfilter/nf_conntrack_core.c:10 [nf_conntrack]nf_con`,
    );
    expect(others).toEqual([]);
    expect(unread.map(({ line }) => line)).toEqual([5]);
    expect(only(records, 'host-fact').map(({ fact }) => fact.data)).toEqual([
      {
        file: 'dynamic_debug/control',
        path: 'net/netfilter/nf_conntrack_proto_tcp.c',
        line: 1104,
        module: 'nf_conntrack',
        function: 'nf_conntrack_tcp_packet',
        flags: '_',
        format: 'syn=%i "x"\n',
      },
      {
        file: 'dynamic_debug/control',
        path: 'net/netfilter/nf_conntrack_core.c',
        line: 9,
        module: 'nf_conntrack',
        function: 'nf_conntrack_in',
        flags: 'pfl',
        format: 'not "y"\n',
        class: 'X',
      },
    ]);
  });

  it('reads modules, kernel version and loggers', () => {
    const modules = readLines(
      procModulesForm,
      'nf_conntrack 180224 2 nf_nat,xt_conntrack, Live 0xffffffffc0a00000 (E)\nxt_x 1 0 - Live 0x0',
    );
    expect(only(modules.records, 'host-fact').map(({ fact }) => fact.data)).toEqual([
      { name: 'nf_conntrack', size: 180224, usedBy: ['nf_nat', 'xt_conntrack'], count: 2, state: 'Live', taint: 'E' },
      { name: 'xt_x', size: 1, usedBy: [], count: 0, state: 'Live' },
    ]);
    expect(
      only(
        readLines(
          procModulesForm,
          'Module                  Size  Used by\nnf_conntrack          172032  2 nf_nat,nft_ct',
        ).records,
        'host-fact',
      ),
    ).toHaveLength(1);
    const uname = readLines(
      hostIdentityForm,
      'Linux gw1 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01) x86_64 GNU/Linux\nLinux version 5.10.0 (x@y) (gcc) #1 SMP',
    );
    expect(only(uname.records, 'bundle').map(({ statement }) => statement)).toEqual([
      { kind: 'host', key: 'host', value: 'gw1' },
      { kind: 'host', key: 'kernel', value: '6.1.0-18-amd64' },
      { kind: 'host', key: 'kernel', value: '5.10.0' },
    ]);
    const loggers = readLines(nfLogForm, ' 2 nf_log_ipv4 (nf_log_ipv4,nfnetlink_log)\n10 NONE (nfnetlink_log)');
    expect(only(loggers.records, 'host-fact').map(({ fact }) => fact.data)).toEqual([
      { file: 'net/netfilter/nf_log', family: 2, logger: 'nf_log_ipv4', loggers: ['nf_log_ipv4', 'nfnetlink_log'] },
      { file: 'net/netfilter/nf_log', family: 10, logger: null, loggers: ['nfnetlink_log'] },
    ]);
  });
});

describe('MANIFEST', () => {
  it('reads every statement, separated by blanks or tabs', () => {
    const { records, unread, others } = readLines(
      bundleManifestForm,
      `ctwhy-bundle 1
host	gw1
kernel 6.18.44
boot-id a3e192f7-9817-4302-8ef0-93ab03ef877d
boot-time 1795267151.719255 0.000013
timezone +0100
netns init 4026532178
uptime 2767.840104 at 1795269919.559360
note words of a person
part "two words.txt" start=1795269920.009959 end=1795269922.781602 exit=1 moment=before netns=blue error="no \\"such\\" thing" command=conntrack -L | grep -v "a=b"
part	ss.txt	exit=0	command=ss -tanoei
ran 1795269921.5 conntrack -D -s 192.0.2.1
coverage log-invalid:tcp state=limited from=1795269919.895747 to=1795269922.783434 why="20 a second"
coverage events state=off`,
    );
    expect([unread, others]).toEqual([[], []]);
    expect(only(records, 'bundle').map(({ statement }) => statement)).toEqual([
      { kind: 'host', key: 'host', value: 'gw1' },
      { kind: 'host', key: 'kernel', value: '6.18.44' },
      { kind: 'host', key: 'boot-id', value: 'a3e192f7-9817-4302-8ef0-93ab03ef877d' },
      { kind: 'host', key: 'boot-time', value: '1795267151.719255 0.000013' },
      { kind: 'host', key: 'timezone', value: '+0100' },
      { kind: 'host', key: 'netns', value: 'init 4026532178' },
      { kind: 'host', key: 'uptime', value: '2767.840104 at 1795269919.559360' },
      { kind: 'host', key: 'note', value: 'words of a person' },
      {
        kind: 'part',
        file: 'two words.txt',
        moment: 'before',
        startedAtUs: 1_795_269_920_009_959,
        endedAtUs: 1_795_269_922_781_602,
        exitStatus: 1,
        netns: 'blue',
        command: 'conntrack -L | grep -v "a=b"',
        error: 'no "such" thing',
      },
      {
        kind: 'part',
        file: 'ss.txt',
        moment: null,
        startedAtUs: null,
        endedAtUs: null,
        exitStatus: 0,
        netns: null,
        command: 'ss -tanoei',
        error: null,
      },
      { kind: 'ran', atUs: 1_795_269_921_500_000, command: 'conntrack -D -s 192.0.2.1' },
      {
        kind: 'coverage',
        what: 'log-invalid:tcp',
        fromUs: 1_795_269_919_895_747,
        toUs: 1_795_269_922_783_434,
        state: 'limited',
        why: '20 a second',
      },
      { kind: 'coverage', what: 'events', fromUs: null, toUs: null, state: 'off', why: null },
    ]);
  });

  it.each([
    'colour red',
    'host',
    'part',
    'part x some words',
    'coverage log',
    'coverage log state=maybe',
    'ran soon conntrack -F',
  ])('says why it cannot read "%s"', (line) => {
    expect(readLines(bundleManifestForm, `ctwhy-bundle 1\n${line}`).unread).toEqual([
      { line: 2, reason: expect.any(String) as string, at: 0 },
    ]);
  });
});
