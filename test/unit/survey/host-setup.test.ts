// Readers of this host's setup, on hosts made of files: what /proc and /etc say, and nothing where they say nothing.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { ReadHost } from '../../../src/host/host.js';
import { realHost } from '../../../src/host/real-host.js';
import { parseFlowtables, parseLinks } from '../../../src/survey/bypasses.js';
import { stepOf } from '../../../src/survey/clock-step.js';
import { readDebug } from '../../../src/survey/debug.js';
import { readKept } from '../../../src/survey/kept-settings.js';
import { kernelFiles, readKernelLog } from '../../../src/survey/kernel-log.js';
import { parseListeners, readListeners, readNflogUsers } from '../../../src/survey/listeners.js';
import { loggerModuleState } from '../../../src/survey/logger-module.js';
import { readPlace } from '../../../src/survey/place.js';
import { versionOf } from '../../../src/survey/programs.js';
import { savedRulesOfOurs } from '../../../src/survey/saved-rules.js';
import { readTracker } from '../../../src/survey/tracker.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A host whose files are these, and that has no others. */
function hostOf(files: Readonly<Record<string, string>>): ReadHost {
  const root = mkdtempSync(join(tmpdir(), 'ctwhy-survey-'));
  folders.push(root);
  for (const [path, text] of Object.entries({ '/proc/sys/kernel/osrelease': '6.1.0-18-amd64\n', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return realHost({ root });
}

describe('kernel log', () => {
  it.each([
    ['module(load="imklog")\nkern.*  -/var/log/kern.log', ['/var/log/kern.log']],
    ['module(load="imklog")\n*.info;mail.none;authpriv.none;cron.none  /var/log/messages', ['/var/log/messages']],
    ['$ModLoad imklog\n*.*;auth,authpriv.none\t\t-/var/log/syslog\n', ['/var/log/syslog']],
    ['module(load="imklog")\nkern.err /var/log/kern.log', []],
    ['module(load="imklog")\n*.*;kern.none /var/log/syslog', []],
    ['module(load="imuxsock")\nkern.* /var/log/kern.log', []],
    ['module(load="imklog")\n#kern.* /var/log/kern.log\nkern.* /dev/console', []],
  ])('of rsyslog: %j', (text, files) => {
    expect(kernelFiles(text)).toEqual(files);
  });

  it('reads daemons that run, drop-ins of journald, consoles and limits', () => {
    const facts = readKernelLog(
      hostOf({
        '/proc/7/comm': 'systemd-journal\n',
        '/proc/9/comm': 'rsyslogd\n',
        '/etc/systemd/journald.conf': '[Journal]\n#Storage=auto\n',
        '/etc/systemd/journald.conf.d/50-limit.conf':
          '[Journal]\nStorage=volatile\nRateLimitIntervalSec=10s\nRateLimitBurst=500\n',
        '/etc/rsyslog.conf': 'module(load="imklog" ratelimit.interval="5" ratelimit.burst="100")\n',
        '/etc/rsyslog.d/50-default.conf': 'kern.*\t-/var/log/kern.log\n',
        '/proc/sys/net/core/message_burst': '10\n',
        '/proc/sys/net/core/message_cost': '5\n',
        '/proc/sys/kernel/printk': '7\t4\t1\t7\n',
        '/proc/consoles': 'ttyS0                -W- (EC  p a)    4:64\ntty0                 -WU (EC p  )    4:1\n',
      }),
    );
    expect(facts).toMatchObject({
      daemons: ['journald', 'rsyslog'],
      keptIn: ['/var/log/kern.log'],
      journalRateLimit: '500 in 10s',
      kernelRateLimit: '100 in 5 s',
      messageBurst: 10,
      messageCostS: 5,
      consoleLevel: 7,
      slowConsoles: ['ttyS0'],
    });
  });

  it('keeps in the journal only where that is on disk', () => {
    const journald = { '/proc/7/comm': 'systemd-journal\n' };
    expect(readKernelLog(hostOf(journald)).keptIn).toEqual([]);
    expect(readKernelLog(hostOf({ ...journald, '/var/log/journal/x/system.journal': '' })).keptIn).toEqual([
      'the journal (/var/log/journal)',
    ]);
    expect(
      readKernelLog(hostOf({ ...journald, '/var/log/journal/x': '', '/etc/systemd/journald.conf': 'ReadKMsg=no\n' }))
        .keptIn,
    ).toEqual([]);
  });
});

describe('listeners', () => {
  const HEAD = 'sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n';

  it('names the groups of netfilter only', () => {
    const text = `${HEAD}0000 0   12         00000004 0        0        0     2        0        1
0000 12  812        00000007 0        0        0     2        3        2
0000 12  4020812831 00000100 0        0        0     2        0        3
0000 12  900        00000000 0        0        0     2        0        4`;
    expect(readListeners(hostOf({ '/proc/net/netlink': text, '/proc/812/comm': 'conntrack\n' }))).toEqual([
      {
        port: 812,
        process: 'conntrack',
        groups: ['conntrack new', 'conntrack update', 'conntrack destroy'],
        drops: 3,
      },
      { port: 4020812831, process: null, groups: ['nft trace'], drops: 0 },
    ]);
    expect(readListeners(hostOf({}))).toBeNull();
  });

  it('reads who uses NFLOG', () => {
    const host = hostOf({
      '/proc/net/netfilter/nfnetlink_log':
        '    0    812     0 2 65535    100  1\n    5      0     0 2   128    100  1\n',
      '/proc/812/comm': 'ulogd\n',
    });
    expect(readNflogUsers(host)).toEqual([
      { group: 0, port: 812, process: 'ulogd' },
      { group: 5, port: 0, process: null },
    ]);
    expect(readNflogUsers(hostOf({}))).toBeNull();
  });
});

describe('bypasses', () => {
  it('finds flowtables with their table, and those in hardware', () => {
    const ruleset = `table inet fw {
\tflowtable ft {
\t\thook ingress priority filter
\t\tdevices = { eth0, eth1 }
\t\tflags offload
\t}
\tflowtable soft {
\t\thook ingress priority filter
\t}
}
`;
    expect(parseFlowtables(ruleset)).toEqual([
      { name: 'inet fw ft', isHardware: true },
      { name: 'inet fw soft', isHardware: false },
    ]);
    expect(parseFlowtables('')).toEqual([]);
  });

  it('reads kinds, ports of bridges and XDP', () => {
    const text = JSON.stringify([
      { ifname: 'br0', linkinfo: { info_kind: 'bridge', info_data: { nf_call_iptables: 1 } } },
      { ifname: 'eth0', master: 'br0', xdp: { mode: 1 } },
    ]);
    expect(parseLinks(text)).toEqual([
      { ifname: 'br0', kind: 'bridge', memberOf: null, hasXdp: false, callsIptables: true },
      { ifname: 'eth0', kind: null, memberOf: 'br0', hasXdp: true, callsIptables: false },
    ]);
  });
});

describe('settings and places', () => {
  it('says of settings that are not there that they are not known', () => {
    expect(readTracker(hostOf({}), null)).toEqual({
      isLoaded: false,
      isActive: null,
      count: null,
      max: null,
      events: null,
      timestamps: null,
      accounting: null,
      isLoose: null,
      isLiberal: null,
    });
  });

  it('holds conntrack for active with entries, with enable_hooks and before 4.10', () => {
    const at = (count: string, more: Readonly<Record<string, string>> = {}) =>
      readTracker(hostOf({ '/proc/sys/net/netfilter/nf_conntrack_count': count, ...more }), false).isActive;
    expect(at('0\n')).toBe(false);
    expect(at('3\n')).toBe(true);
    expect(at('0\n', { '/sys/module/nf_conntrack/parameters/enable_hooks': 'Y\n' })).toBe(true);
    expect(at('0\n', { '/proc/sys/kernel/osrelease': '4.9.0-19-amd64\n' })).toBe(true);
    expect(at('0\n', { '/proc/sys/kernel/osrelease': '4.10.1\n' })).toBe(false);
  });

  it('knows the logger module by what is loaded, built in, installed', () => {
    const folder = '/lib/modules/6.1.0-18-amd64';
    expect(loggerModuleState(hostOf({ '/proc/modules': 'nf_log_syslog 20480 1 - Live 0x0\n' }))).toEqual({
      name: 'nf_log_syslog',
      state: 'loaded',
    });
    expect(
      loggerModuleState(hostOf({ [`${folder}/modules.builtin`]: 'kernel/net/netfilter/nf_log_syslog.ko\n' }))?.state,
    ).toBe('built in');
    expect(
      loggerModuleState(hostOf({ [`${folder}/modules.dep`]: 'kernel/net/ipv4/netfilter/nf_log_ipv4.ko.xz: x\n' })),
    ).toEqual({ name: 'nf_log_ipv4', state: 'loadable' });
    expect(loggerModuleState(hostOf({ [`${folder}/modules.dep`]: 'kernel/fs/ext4/ext4.ko:\n' }))?.state).toBe(
      'missing',
    );
    expect(loggerModuleState(hostOf({}))).toBeNull();
  });

  it('finds our rules in saved rulesets, not our name in prose', () => {
    const host = hostOf({
      '/etc/iptables/rules.v4': '-A OUTPUT -m comment --comment "ctwhy:C3" -j LOG\n',
      '/etc/nftables.conf': '# ctwhy was here\n',
      '/etc/nftables/left.nft': 'table inet ctwhy_12 {\n}\n',
    });
    expect(savedRulesOfOurs(host)).toEqual(['/etc/iptables/rules.v4', '/etc/nftables/left.nft']);
  });

  it('knows what comes back by itself: the last file wins', () => {
    const kept = readKept(
      hostOf({
        '/usr/lib/sysctl.d/10-x.conf': 'net.netfilter.nf_conntrack_acct = 1\nnet.ipv4.ip_forward=1\n',
        '/etc/sysctl.d/20-x.conf': '-net/netfilter/nf_conntrack_acct=0\n# net.x = 1\n',
        '/etc/modules': '# comment\nnf-conntrack\n',
        '/proc/modules': '',
      }),
    );
    expect([...kept].sort()).toEqual([
      'net.ipv4.ip_forward = 1',
      'net.netfilter.nf_conntrack_acct = 0',
      'nf_conntrack',
    ]);
  });

  it('knows lockdown, distribution and container', () => {
    expect(
      readPlace(
        hostOf({
          '/sys/kernel/security/lockdown': 'none [integrity] confidentiality\n',
          '/etc/os-release': 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n',
          '/run/systemd/container': 'lxc\n',
          '/proc/self/status': 'CapEff:\t00000000a80425fb\n',
        }),
      ),
    ).toEqual({ distribution: ['ubuntu', 'debian'], container: 'lxc', lockdown: 'integrity', hasNetAdmin: false });
    expect(readPlace(hostOf({}))).toEqual({ distribution: [], container: null, lockdown: null, hasNetAdmin: null });
  });

  it('tells a kernel without dynamic debug from one that does not show it', () => {
    const control =
      'net/netfilter/nf_conntrack_core.c:1 [nf_conntrack]f =p "x\\012"\nnet/netfilter/nf_conntrack_core.c:2 [nf_conntrack]f =_ "y"\ndrivers/a.c:1 [a]f =p "z"\n';
    expect(readDebug(hostOf({ '/proc/dynamic_debug/control': control }))).toEqual({
      isBuiltIn: true,
      callsites: 2,
      printing: 1,
    });
    expect(readDebug(hostOf({})).isBuiltIn).toBe(false);
    expect(readDebug(hostOf({ '/proc/sys/kernel/osrelease': '5.4.0\n' })).isBuiltIn).toBeNull();
    expect(
      readDebug(
        hostOf({
          '/proc/sys/kernel/osrelease': '5.4.0\n',
          '/boot/config-5.4.0': '# CONFIG_DYNAMIC_DEBUG is not set\n',
        }),
      ).isBuiltIn,
    ).toBe(false);
  });

  it('works out how far the clock was set', () => {
    const line = '{"__REALTIME_TIMESTAMP":"1000000000000000","__MONOTONIC_TIMESTAMP":"2000000"}';
    expect(stepOf(line, 1_000_000_005)).toBe(7_000_000);
    expect(stepOf('', 1)).toBeNull();
  });

  it('reads versions and variants', () => {
    expect(versionOf('iptables v1.8.9 (nf_tables)')).toBe('1.8.9 (nf_tables)');
    expect(versionOf('nftables v1.0.6 (Lester Gooch #5)')).toBe('1.0.6');
    expect(versionOf('conntrack v1.4.7 (conntrack-tools)')).toBe('1.4.7');
    expect(versionOf('')).toBeNull();
  });
});

it('never throws, whatever the files hold', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseListeners(text);
      parseFlowtables(text);
      parseLinks(text);
      kernelFiles(text);
      stepOf(text, 1);
      versionOf(text);
    }),
  );
});
