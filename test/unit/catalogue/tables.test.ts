// The small tables: settings, callsites, notices, ICMP types, hooks.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCallsiteMatcher, DEBUG_CALLSITES } from '../../../src/catalogue/debug-callsites.js';
import { HOOK_USERS, seesState } from '../../../src/catalogue/hooks.js';
import { inverseIcmpType, isUntrackedIcmpv6, quotesPacket } from '../../../src/catalogue/icmp-types.js';
import { holds, parseKernelVersion } from '../../../src/catalogue/kernel-version.js';
import { createNoticeMatcher, NOTICES } from '../../../src/catalogue/notices.js';
import { defaultsOf, SYSCTLS, sysctlByName } from '../../../src/catalogue/sysctls.js';

describe('sysctls', () => {
  it('are found by any of their names', () => {
    for (const name of [
      'nf_conntrack_max',
      'net.netfilter.nf_conntrack_max',
      'net.nf_conntrack_max',
      '/proc/sys/net/netfilter/nf_conntrack_max',
      'net/netfilter/nf_conntrack_max',
    ]) {
      expect(sysctlByName(name)?.name, name).toBe('net.netfilter.nf_conntrack_max');
    }
    expect(sysctlByName('net.netfilter.nf_log.2')?.unit).toBe('name');
    expect(sysctlByName('net.ipv4.ip_forward')).toBeNull();
    expect(new Set(SYSCTLS.map((entry) => entry.name)).size).toBe(SYSCTLS.length);
  });

  it('have the default of the kernel, or all possible ones', () => {
    const stream = sysctlByName('nf_conntrack_udp_timeout_stream');
    const events = sysctlByName('nf_conntrack_events');
    if (stream === null || events === null) throw new Error('missing');
    expect(defaultsOf(stream, parseKernelVersion('4.19.1'))).toEqual(['180']);
    expect(defaultsOf(stream, parseKernelVersion('6.18'))).toEqual(['120']);
    expect(defaultsOf(events, null)).toEqual(['2', '1']);
  });
});

describe('debug callsites', () => {
  const match = createCallsiteMatcher();

  it('are recognised decorated, prefixed and plain', () => {
    const text = 'tcp_in_window: I=1 II=1 III=0 IV=1';
    for (const line of [text, `nf_conntrack: ${text}`, `[7] nf_conntrack:tcp_in_window:602: ${text}`]) {
      expect(match(line)).toMatchObject({ callsites: [{ function: 'tcp_in_window' }], numbers: [1, 1, 0, 1] });
    }
    expect(match('nf_conntrack_ftp: ftp: dataoff(40) >= skblen(40)')?.callsites[0]?.area).toBe('helper');
  });

  it('do not claim lines of others', () => {
    for (const line of ['found', 'too short', 'usb 1-1: not found', 'eth0: link becomes ready', ''])
      expect(match(line), line).toBeNull();
    fc.assert(fc.property(fc.string(), (line) => match(line) !== undefined));
  });

  it('leave open what lies between two sampled releases', () => {
    const site = DEBUG_CALLSITES.find((entry) => entry.function === 'destroy_conntrack');
    const [range] = site?.versions ?? [];
    if (range === undefined) throw new Error('missing');
    expect(['5.15', '5.16', '5.17'].map((release) => holds(range, parseKernelVersion(release)))).toEqual([
      'yes',
      'unknown',
      'no',
    ]);
  });
});

describe('notices', () => {
  const match = createNoticeMatcher();

  it.each([
    ['Missed 31 kernel messages', 'journal-missed', 31],
    ['nf_conntrack: 12 callbacks suppressed', 'callbacks-suppressed', 12],
    ['IPv4: martian source 192.0.2.9 from 198.51.100.2, on dev eth0', 'martian-source', null],
    ['xt_CT: No such helper "ftp"', 'no-such-helper', null],
    ['TCP: too many orphaned sockets', 'too-many-orphans', null],
  ] as const)('%s', (text, id, count) => {
    expect(match(text)).toMatchObject({ notice: { id }, count });
  });

  it('have ids of their own and never throw', () => {
    expect(new Set(NOTICES.map((notice) => notice.id)).size).toBe(NOTICES.length);
    fc.assert(fc.property(fc.string(), (line) => match(line) !== undefined));
  });
});

describe('ICMP types', () => {
  it('find their partner, or none', () => {
    expect([8, 0, 13, 9].map((type) => inverseIcmpType('icmp', type))).toEqual([0, 8, 14, null]);
    expect([128, 140, 137].map((type) => inverseIcmpType('icmpv6', type))).toEqual([129, 139, null]);
  });

  it('know errors, redirects and untracked ones by version', () => {
    expect(quotesPacket('icmp', 3, null)).toBe('yes');
    expect(quotesPacket('icmpv6', 137, parseKernelVersion('6.0.1'))).toBe('no');
    expect(quotesPacket('icmpv6', 137, parseKernelVersion('6.1.76'))).toBe('unknown');
    expect(isUntrackedIcmpv6(135, null)).toBe('yes');
    expect(isUntrackedIcmpv6(151, parseKernelVersion('6.10'))).toBe('unknown');
    expect(isUntrackedIcmpv6(128, null)).toBe('no');
  });
});

describe('hooks', () => {
  it('stand in the order of their priorities within prerouting', () => {
    const prerouting = HOOK_USERS.filter((user) => user.hooks.includes('prerouting')).map((user) => user.name);
    expect(prerouting).toEqual(['defragmentation', 'raw', 'selinux', 'conntrack', 'mangle', 'dstnat']);
    expect([
      seesState('prerouting', -300),
      seesState('PREROUTING', -200),
      seesState('output', -150),
      seesState('ingress', 0),
    ]).toEqual([false, false, true, false]);
  });
});
