// Which packets die inside conntrack or NAT itself, before a rule could show them? And which entries are removed to make room.

import { between, since, until } from '../kernel-version.js';
import { defineReason, kernelSource, prints, type Reason } from '../reason.js';

const CORE = 'net/netfilter/nf_conntrack_core.c';

export const CORE_DROPS: readonly Reason[] = [
  defineReason({
    id: 'table-full',
    proto: ['any'],
    outcome: 'DROP',
    evidence: 'printk',
    formats: [
      prints(
        'ip_conntrack: table full, dropping packet.',
        until('2.6.21'),
        'ip_conntrack: table full, dropping packet.',
      ),
      prints(
        'nf_conntrack: table full, dropping packet.',
        until('3.2', { maybeUntil: '3.7' }),
        'nf_conntrack: table full, dropping packet.',
      ),
      prints(
        'nf_conntrack: table full, dropping packet',
        between('3.3', '4.8'),
        'nf_conntrack: table full, dropping packet',
      ),
      prints(
        'nf_conntrack: nf_conntrack: table full, dropping packet',
        since('4.9', { maybeSince: '4.5' }),
        'nf_conntrack: nf_conntrack: table full, dropping packet',
      ),
      prints(
        'nf_conntrack: nf_conntrack: table full in netns %u, dropping packet',
        since('6.17'),
        'nf_conntrack: nf_conntrack: table full in netns 4026532301, dropping packet',
        'nf_conntrack: table full in netns 4026532301, dropping packet',
      ),
    ],
    source: kernelSource(CORE, '__nf_conntrack_alloc()', '6.18'),
    condition:
      'A new entry would exceed nf_conntrack_max in this namespace, and early drop found nothing to evict near its hash bucket. The packet is dropped in the conntrack hook: no later rule, LOG or trace sees it. Since 6.17 namespaces other than the first print their inode number.',
    howSeen:
      'Kernel log, at most ten lines in five seconds together with all other rate-limited network messages; the drop counter is complete.',
    likelyCauses: [
      'More flows than the limit allows',
      'A flood of flows that became ASSURED, which cannot be evicted',
      'Timeouts too long for this traffic (ESTABLISHED: five days)',
      'Entries left behind because the closing packets took another path',
    ],
    checks: [
      'conntrack -C against sysctl net.netfilter.nf_conntrack_max',
      'conntrack -S twice: does drop rise, does early_drop?',
      'conntrack -L grouped by state and source: who fills it?',
      'ls -Li /run/netns /proc/*/ns/net for the number in "netns N"',
      'net_ratelimit: N callbacks suppressed: that many more were not printed',
    ],
    remedies: [
      'Find out who fills the table before raising it',
      'Raise nf_conntrack_max, and nf_conntrack_buckets with it',
      'Shorten nf_conntrack_tcp_timeout_established for short-lived traffic',
      'NOTRACK bulk traffic that needs no state',
    ],
    counter: 'drop',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'conntrack-alloc-failed',
    proto: ['any'],
    outcome: 'DROP',
    evidence: 'silent',
    source: kernelSource(CORE, '__nf_conntrack_alloc(), init_conntrack()', '6.18'),
    condition: 'There was no memory for the entry or one of its extensions; the packet is dropped.',
    howSeen: 'The drop counter rises although the table is not full and no "table full" is printed.',
    likelyCauses: ['The host, or its memory cgroup, is out of memory'],
    checks: ['conntrack -S: drop', 'dmesg for allocation failures; free -m; slabtop (nf_conntrack)'],
    remedies: ['Free memory or give the host more'],
    counter: 'drop',
  }),
  defineReason({
    id: 'early-drop-eviction',
    proto: ['any'],
    outcome: 'EVICTION',
    evidence: 'silent',
    source: kernelSource(CORE, 'early_drop(), gc_worker()', '6.18'),
    condition:
      'The table is at its limit, and entries that are not ASSURED are removed from up to eight neighbouring buckets. Since 4.12 the collector also removes entries that are not ASSURED or are closing while a namespace is above 95 % of the limit. The next packet of such a flow counts as a first packet.',
    howSeen: 'The early_drop counter; DESTROY events with time left and no port id.',
    likelyCauses: ['A table close to its limit', 'A flood of UDP or half-open TCP'],
    checks: ['conntrack -S: early_drop between two samples', 'conntrack -C against nf_conntrack_max'],
    remedies: ['Raise nf_conntrack_max', 'Shorten nf_conntrack_tcp_timeout_syn_sent and nf_conntrack_udp_timeout'],
    counter: 'early_drop',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'confirm-clash-dropped',
    proto: ['any'],
    outcome: 'DROP',
    evidence: 'silent',
    source: kernelSource(CORE, '__nf_conntrack_confirm(), nf_ct_resolve_clash()', '6.18'),
    condition:
      'When the first packet is to be committed, another entry already owns its tuple and the two cannot be merged: TCP, or different NAT. The packet is dropped.',
    howSeen: 'insert_failed and drop rise together; clients see delays of 1, 3 or 5 seconds.',
    likelyCauses: [
      'Two packets of one new flow on two CPUs: DNS A and AAAA from one socket through NAT',
      'NFQUEUE or a bridge that clones packets ahead of the commit',
      'Two flows were given the same source port by SNAT',
    ],
    checks: [
      'conntrack -S twice: insert_failed, drop, clash_resolve',
      'Is there DNAT by -m statistic, or MASQUERADE without --random-fully?',
    ],
    remedies: [
      'MASQUERADE or SNAT with --random-fully',
      'A kernel from 5.6 on merges most UDP races',
      'NOTRACK for DNS, or a DNS cache on the node',
    ],
    counter: 'insert_failed',
  }),
  defineReason({
    id: 'clash-resolved',
    proto: ['udp', 'gre', 'generic'],
    outcome: 'NEW',
    evidence: 'silent',
    versions: since('4.7'),
    source: kernelSource(CORE, '__nf_ct_resolve_clash(), nf_ct_resolve_clash_harder()', '6.18'),
    condition:
      'Two first packets of one flow raced. The loser joins the winner; since 5.6 a loser with other NAT is entered for the reply direction only, for one second, and stays hidden from conntrack -L.',
    howSeen: 'The clash_resolve counter (5.10 and newer).',
    likelyCauses: ['First packets of one UDP flow sent in parallel'],
    checks: ['conntrack -S: clash_resolve. Rising alone, it counts successes'],
    remedies: ['None needed'],
    counter: 'clash_resolve',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'chain-too-long',
    proto: ['any'],
    outcome: 'DROP',
    evidence: 'silent',
    versions: since('5.15'),
    source: kernelSource(CORE, '__nf_conntrack_confirm()', '6.18'),
    condition:
      'The hash chain that the new entry belongs to is longer than a randomised limit: the entry is refused and the packet dropped.',
    howSeen: 'The chaintoolong counter, which also counts as insert_failed.',
    likelyCauses: ['nf_conntrack_buckets far too small for nf_conntrack_max', 'Somebody provokes hash collisions'],
    checks: ['conntrack -S: chaintoolong', 'nf_conntrack_max divided by nf_conntrack_buckets: above 4 is much'],
    remedies: ['Raise nf_conntrack_buckets'],
    counter: 'chaintoolong',
  }),
  defineReason({
    id: 'seqadj-failed',
    proto: ['tcp'],
    outcome: 'DROP',
    evidence: 'silent',
    source: kernelSource('net/netfilter/nf_conntrack_proto.c', 'nf_confirm()', '6.18'),
    condition:
      'A helper had changed the length of a NATed packet, and adjusting its sequence numbers failed; the packet is dropped.',
    howSeen: 'The drop counter only.',
    likelyCauses: ['No memory', 'Malformed TCP options'],
    checks: ['conntrack -S: drop', 'conntrack -L shows helper= on the flow'],
    remedies: ['Do without the helper, or give the host memory'],
    counter: 'drop',
  }),
  defineReason({
    id: 'fragment-held',
    proto: ['ipv4', 'ipv6'],
    outcome: 'HELD',
    evidence: 'silent',
    source: kernelSource(
      'net/ipv4/netfilter/nf_defrag_ipv4.c, net/ipv6/netfilter/nf_conntrack_reasm.c',
      'nf_ct_ipv4_gather_frags(), nf_ct_frag6_gather()',
      '6.18',
    ),
    condition:
      'A fragment waits in the reassembly queue ahead of conntrack. It is neither NEW nor INVALID, and no rule at priority -400 or later sees it until the set is complete; incomplete sets are thrown away when the fragment timeout ends.',
    howSeen: 'nstat: IpReasmFails, IpReasmTimeout, Ip6ReasmFails. Nothing in any rule.',
    likelyCauses: ['Lost fragments', 'An MTU problem on the path', 'Fragments that take different paths'],
    checks: [
      'nstat -az | grep Reasm, twice',
      'A log rule in a netdev ingress chain sees fragments before they are held',
    ],
    remedies: ['Mend path MTU discovery', 'Clamp the MSS: -j TCPMSS --clamp-mss-to-pmtu'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'nat-out-interface-changed',
    proto: ['any'],
    outcome: 'DROP',
    evidence: 'silent',
    versions: since('3.19'),
    source: kernelSource('net/netfilter/nf_nat_core.c', 'nf_nat_inet_fn()', '6.18'),
    condition:
      'A masqueraded flow is now routed out of another interface. Its entry is destroyed and this packet dropped; the next packet starts over.',
    howSeen: 'conntrack -E: DESTROY at the moment of the route change.',
    likelyCauses: ['Uplink failover', 'A route changed under a MASQUERADE rule'],
    checks: ['conntrack -E -e DESTROY beside ip monitor route'],
    remedies: ['Expected after a failover; use SNAT to a stable address where it must not happen'],
  }),
  defineReason({
    id: 'masquerade-no-address',
    proto: ['any'],
    outcome: 'DROP',
    evidence: 'printk',
    formats: [
      prints(
        '%s ate my IP address',
        since('2.6.32'),
        'wan0 ate my IP address',
        'ipt_MASQUERADE: wan0 ate my IP address',
      ),
    ],
    source: kernelSource('net/netfilter/nf_nat_masquerade.c', 'nf_nat_masquerade_ipv4()', '6.18'),
    condition: 'The outgoing interface has no address that MASQUERADE could use; the packet is dropped.',
    howSeen: 'Kernel log.',
    likelyCauses: ['An interface without an address, or one that has just lost it (DHCP, PPPoE)'],
    checks: ['ip -4 addr show dev of the interface in the message'],
    remedies: ['Give the interface its address, or take it out of the MASQUERADE rule'],
  }),
];
