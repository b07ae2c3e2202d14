// Which settings steer conntrack, what are their defaults on which kernel, and what do they change?

import { ALWAYS, between, holds, type KernelVersion, since, until, type VersionRange } from './kernel-version.js';

export interface SysctlDefault {
  readonly value: string;
  readonly versions: VersionRange;
}

export interface Sysctl {
  /** As sysctl(8) writes it; N stands for a protocol family number. */
  readonly name: string;
  /** Each network namespace has its own, or one value rules the host. */
  readonly scope: 'namespace' | 'host';
  readonly versions: VersionRange;
  /** Newest first. Empty: computed from memory or from another setting. */
  readonly defaults: readonly SysctlDefault[];
  readonly unit: 'seconds' | 'bytes' | 'count' | 'switch' | 'number' | 'name';
  readonly meaning: string;
  /** What it does to INVALID, NEW or to what can be seen. */
  readonly effect: string;
}

const NF = 'net.netfilter.';

type Detail = Partial<Pick<Sysctl, 'scope' | 'versions' | 'defaults'>>;

function sysctl(
  name: string,
  unit: Sysctl['unit'],
  value: string | null,
  meaning: string,
  effect: string,
  detail: Detail = {},
): Sysctl {
  const defaults = value === null ? [] : [{ value, versions: ALWAYS }];
  return { name: NF + name, scope: 'namespace', versions: ALWAYS, defaults, unit, meaning, effect, ...detail };
}

function tcpTimeout(state: string, seconds: number): Sysctl {
  return sysctl(
    `nf_conntrack_tcp_timeout_${state}`,
    'seconds',
    String(seconds),
    `How long a TCP entry lives in ${state.toUpperCase()}`,
    'Too short: the entry goes before the endpoints close, and what comes then is INVALID or mid-stream NEW',
  );
}

function dccpTimeout(state: string, seconds: number): Sysctl {
  return sysctl(
    `nf_conntrack_dccp_timeout_${state}`,
    'seconds',
    String(seconds),
    `How long a DCCP entry lives in ${state.toUpperCase()}`,
    'Gone with the DCCP tracker in 6.17',
    { versions: until('6.16') },
  );
}

function sctpTimeout(state: string, seconds: number, detail: Detail = {}): Sysctl {
  return sysctl(
    `nf_conntrack_sctp_timeout_${state}`,
    'seconds',
    String(seconds),
    `How long an SCTP entry lives in ${state.toUpperCase()}`,
    'Too short: DATA after it is INVALID and silent',
    detail,
  );
}

export const SYSCTLS: readonly Sysctl[] = [
  sysctl(
    'nf_conntrack_log_invalid',
    'number',
    '0',
    'Which protocol has its refused packets logged: 255 all, 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6, 132 SCTP, 33 DCCP, 136 UDP-Lite, 47 GRE',
    'Without it a packet is INVALID and nothing says why',
  ),
  sysctl(
    'nf_log.2',
    'name',
    null,
    'Logger of IPv4: NONE, nf_log_ipv4, nfnetlink_log',
    'NONE hides log_invalid, helper and legacy TRACE lines; LOG rules keep working',
  ),
  sysctl(
    'nf_log.10',
    'name',
    null,
    'Logger of IPv6: NONE, nf_log_ipv6, nfnetlink_log',
    'NONE hides log_invalid, helper and legacy TRACE lines; LOG rules keep working',
  ),
  sysctl('nf_log.3', 'name', null, 'Logger of ARP', 'Not used by conntrack'),
  sysctl('nf_log.5', 'name', null, 'Logger of netdev chains', 'Not used by conntrack'),
  sysctl('nf_log.7', 'name', null, 'Logger of bridge chains', 'Not used by conntrack'),
  sysctl(
    'nf_log_all_netns',
    'switch',
    '0',
    'Lets namespaces other than the first write to the kernel log',
    '0 mutes LOG, nft log, log_invalid and TRACE of containers',
    { scope: 'host', versions: since('4.11') },
  ),
  sysctl(
    'nf_conntrack_checksum',
    'switch',
    '1',
    'Checks checksums in PREROUTING',
    '1: a wrong checksum is INVALID; 0: it passes',
  ),
  sysctl(
    'nf_conntrack_tcp_loose',
    'switch',
    '1',
    'Picks connections up in the middle',
    '1: a bare ACK without an entry is NEW; 0: it is INVALID, silently',
  ),
  sysctl(
    'nf_conntrack_tcp_be_liberal',
    'switch',
    '0',
    'Accepts segments outside the window',
    '1: no window line is printed any more; does not cover "invalid rst", flags, checksum or state',
  ),
  sysctl(
    'nf_conntrack_tcp_ignore_invalid_rst',
    'switch',
    '0',
    'Does not compare an RST with the highest ACK of the other side',
    '1: no "invalid rst" any more',
    { versions: since('5.14', { maybeSince: '5.13' }) },
  ),
  sysctl(
    'nf_conntrack_tcp_max_retrans',
    'count',
    '3',
    'Repetitions of one segment before the max_retrans timeout applies',
    'A dead peer: the entry lives 300 s instead of five days',
  ),
  tcpTimeout('syn_sent', 120),
  tcpTimeout('syn_recv', 60),
  tcpTimeout('established', 432_000),
  tcpTimeout('fin_wait', 120),
  tcpTimeout('close_wait', 60),
  tcpTimeout('last_ack', 30),
  tcpTimeout('time_wait', 120),
  tcpTimeout('close', 10),
  sysctl(
    'nf_conntrack_tcp_timeout_max_retrans',
    'seconds',
    '300',
    'Timeout after max_retrans repetitions, or when the last window was zero',
    'An established entry can go after 300 s',
  ),
  sysctl(
    'nf_conntrack_tcp_timeout_unacknowledged',
    'seconds',
    '300',
    'Timeout while data is not acknowledged, and of a picked-up entry without a reply',
    'One unanswered segment turns 432000 s into 300 s',
  ),
  sysctl(
    'nf_conntrack_udp_timeout',
    'seconds',
    '30',
    'UDP without, or only shortly with, a reply',
    'A later answer is NEW the other way round',
  ),
  sysctl(
    'nf_conntrack_udp_timeout_stream',
    'seconds',
    null,
    'UDP with traffic both ways (since 5.0 only after two seconds)',
    'Idle longer: the next packet is NEW',
    {
      defaults: [
        { value: '120', versions: since('5.0', { maybeSince: '4.20' }) },
        { value: '180', versions: until('4.19') },
      ],
    },
  ),
  sysctl('nf_conntrack_icmp_timeout', 'seconds', '30', 'ICMP queries', 'A reply after it is INVALID'),
  sysctl('nf_conntrack_icmpv6_timeout', 'seconds', '30', 'ICMPv6 queries', 'A reply after it is INVALID'),
  sysctl(
    'nf_conntrack_generic_timeout',
    'seconds',
    '600',
    'Protocols without a tracker of their own',
    'The next packet after it is NEW',
  ),
  sysctl('nf_conntrack_gre_timeout', 'seconds', '30', 'GRE without a reply', 'The next packet after it is NEW', {
    versions: since('5.0', { maybeSince: '4.20' }),
  }),
  sysctl(
    'nf_conntrack_gre_timeout_stream',
    'seconds',
    '180',
    'GRE with traffic both ways',
    'The next packet after it is NEW',
    { versions: since('5.0', { maybeSince: '4.20' }) },
  ),
  sctpTimeout('closed', 10),
  sctpTimeout('cookie_wait', 3),
  sctpTimeout('cookie_echoed', 3),
  sctpTimeout('established', 210, {
    defaults: [
      { value: '210', versions: since('6.2', { blurredIn: ['5.10', '5.15', '6.1'] }) },
      { value: '432000', versions: until('6.1', { blurredIn: ['5.10', '5.15', '6.1'] }) },
    ],
  }),
  sctpTimeout('shutdown_sent', 3, { defaults: [] }),
  sctpTimeout('shutdown_recd', 3, { defaults: [] }),
  sctpTimeout('shutdown_ack_sent', 3),
  sctpTimeout('heartbeat_sent', 30, { versions: since('4.4', { maybeSince: '4.2' }) }),
  sctpTimeout('heartbeat_acked', 210, {
    versions: between('4.4', '6.1', { maybeSince: '4.2', blurredIn: ['5.10', '6.1'] }),
  }),
  sysctl(
    'nf_conntrack_dccp_loose',
    'switch',
    '1',
    'Picks DCCP up in the middle',
    '0: "not picking up existing connection"',
    { versions: until('6.16') },
  ),
  dccpTimeout('request', 240),
  dccpTimeout('respond', 480),
  dccpTimeout('partopen', 480),
  dccpTimeout('open', 43_200),
  dccpTimeout('closereq', 64),
  dccpTimeout('closing', 64),
  dccpTimeout('timewait', 240),
  sysctl(
    'nf_conntrack_max',
    'count',
    null,
    'Most entries a namespace may have; compared with the count of each',
    'Reached: "table full, dropping packet". 0 was unlimited until 6.18; the least is 1 since 6.19',
    { scope: 'host' },
  ),
  sysctl(
    'nf_conntrack_buckets',
    'count',
    null,
    'Size of the hash table; writable since 4.8',
    'Too small for the count: slow, and chaintoolong drops since 5.15',
    { scope: 'host' },
  ),
  sysctl(
    'nf_conntrack_count',
    'count',
    null,
    'Entries that are allocated in this namespace, unconfirmed and expired ones included',
    'Read only; more than conntrack -L shows',
  ),
  sysctl(
    'nf_conntrack_expect_max',
    'count',
    null,
    'Most expectations',
    'Reached: "expectation table full", data connections are NEW',
    { scope: 'host' },
  ),
  sysctl(
    'nf_conntrack_acct',
    'switch',
    '0',
    'Counts packets and bytes of new entries',
    'Tells whether a direction is seen at all',
  ),
  sysctl(
    'nf_conntrack_timestamp',
    'switch',
    '0',
    'Keeps start and stop time of new entries',
    'Tells the age of an entry',
    { versions: since('2.6.38') },
  ),
  sysctl(
    'nf_conntrack_events',
    'number',
    null,
    'Events through netlink: 0 none, 1 all, 2 only for entries born while somebody listened',
    'With 2 an entry older than the listener goes without a DESTROY event',
    {
      defaults: [
        { value: '2', versions: since('5.19') },
        { value: '1', versions: until('5.18') },
      ],
    },
  ),
  sysctl(
    'nf_conntrack_helper',
    'switch',
    null,
    'Attaches helpers by port',
    '0: without CT rules FTP data and SIP media are NEW',
    {
      versions: between('3.5', '5.19'),
      defaults: [
        { value: '0', versions: between('4.7', '5.19') },
        { value: '1', versions: until('4.6') },
      ],
    },
  ),
  sysctl(
    'nf_conntrack_frag6_timeout',
    'seconds',
    '60',
    'How long IPv6 fragments wait for the rest',
    'Until then no rule sees them',
  ),
  sysctl(
    'nf_conntrack_frag6_low_thresh',
    'bytes',
    '3145728',
    'Fragment memory is freed down to this',
    'Fragments are lost above the high mark',
  ),
  sysctl(
    'nf_conntrack_frag6_high_thresh',
    'bytes',
    '4194304',
    'Most memory for IPv6 fragments',
    'Above it fragments are lost',
  ),
  sysctl(
    'nf_flowtable_tcp_timeout',
    'seconds',
    '30',
    'Idle time after which an offloaded TCP flow returns to conntrack',
    'While offloaded nothing is tracked or logged',
    { versions: since('5.14', { maybeSince: '5.13' }) },
  ),
  sysctl(
    'nf_flowtable_udp_timeout',
    'seconds',
    '30',
    'Idle time after which an offloaded UDP flow returns to conntrack',
    'While offloaded nothing is tracked or logged',
    { versions: since('5.14', { maybeSince: '5.13' }) },
  ),
  sysctl(
    'nf_hooks_lwtunnel',
    'switch',
    '0',
    'Runs the hooks for lightweight tunnels',
    '0: such packets are not seen by conntrack',
    { versions: since('5.15') },
  ),
];

const byName = new Map(SYSCTLS.map((entry) => [entry.name, entry]));

/** A setting by name, with or without 'net.netfilter.', with dots or as a path below /proc/sys; NULL when it is none of conntrack's. */
export function sysctlByName(name: string): Sysctl | null {
  const dotted = name
    .replace(/^\/proc\/sys\//, '')
    .replaceAll('/', '.')
    .replace(/^net\.(?:netfilter|ipv4\.netfilter)\./, '');
  return (
    byName.get(NF + dotted) ??
    (dotted === 'net.nf_conntrack_max' ? (byName.get(`${NF}nf_conntrack_max`) ?? null) : null)
  );
}

/** Default values possible on this kernel: one when it is settled, several when the version leaves it open, none when it is computed. */
export function defaultsOf(entry: Sysctl, version: KernelVersion | null): readonly string[] {
  return entry.defaults.filter((item) => holds(item.versions, version) !== 'no').map((item) => item.value);
}
