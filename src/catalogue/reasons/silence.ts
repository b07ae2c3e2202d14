// Why is there no message although a packet was INVALID? What switches log_invalid and its logger off, or hides its lines.

import { since } from '../kernel-version.js';
import { defineReason, kernelSource, prints, type Reason } from '../reason.js';

const LOG = 'net/netfilter/nf_log.c';

export const SILENCE_REASONS: readonly Reason[] = [
  defineReason({
    id: 'log-invalid-off',
    proto: ['any'],
    outcome: 'NO_MESSAGE',
    evidence: 'silent',
    source: kernelSource('net/netfilter/nf_conntrack_proto.c', 'nf_ct_l4proto_log_invalid()', '6.18'),
    condition:
      'nf_conntrack_log_invalid is 0, the default, in the network namespace of the packet. Every namespace has its own.',
    howSeen: 'The sysctl, read in that namespace.',
    likelyCauses: ['The sysctl was set on the host, the traffic is in a container'],
    checks: ['ip netns exec NAME sysctl net.netfilter.nf_conntrack_log_invalid'],
    remedies: ['ctwhy log-invalid enable --netns NAME'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'log-invalid-other-protocol',
    proto: ['any'],
    outcome: 'NO_MESSAGE',
    evidence: 'silent',
    source: kernelSource('net/netfilter/nf_conntrack_proto.c', 'nf_l4proto_log_invalid()', '6.18'),
    condition:
      "The value is neither 255 nor the packet's protocol number. ICMPv6 is 58: the 41 that the kernel's documentation names matches nothing. SCTP is 132, DCCP 33, UDP-Lite 136.",
    howSeen: 'The sysctl, against PROTO= of the packet.',
    likelyCauses: ['6 is set while UDP or ICMP is the trouble', '41 is set for ICMPv6'],
    checks: ['sysctl net.netfilter.nf_conntrack_log_invalid'],
    remedies: ['ctwhy log-invalid enable -p all (255)'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'nf-log-unbound',
    proto: ['any'],
    outcome: 'NO_MESSAGE',
    evidence: 'silent',
    source: kernelSource(LOG, 'nf_log_packet()', '6.18'),
    condition:
      'No logger is bound for the address family in this namespace: net.netfilter.nf_log.2 (IPv4) or .10 (IPv6) is NONE. log_invalid, helper and legacy TRACE lines are discarded; LOG rules keep working, which hides the fault.',
    howSeen: 'sysctl net.netfilter.nf_log.2 net.netfilter.nf_log.10',
    likelyCauses: [
      'No logging module is loaded; before 6.17 switching log_invalid on does not load one',
      'Somebody set the logger to NONE',
    ],
    checks: ['sysctl net.netfilter.nf_log.2 net.netfilter.nf_log.10'],
    remedies: [
      'modprobe nf_log_syslog (nf_log_ipv4 and nf_log_ipv6 from 3.17 to 5.12)',
      'sysctl -w net.netfilter.nf_log.2=nf_log_ipv4',
    ],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'nf-log-bound-to-nflog',
    proto: ['any'],
    outcome: 'NO_MESSAGE',
    evidence: 'silent',
    source: kernelSource(LOG, 'nf_log_packet()', '6.18'),
    condition: 'The bound logger is nfnetlink_log: the messages go to NFLOG group 0 and not to the kernel log.',
    howSeen: 'sysctl net.netfilter.nf_log.2 says nfnetlink_log.',
    likelyCauses: ['ulogd was set up as the logger of the system'],
    checks: ['sysctl net.netfilter.nf_log.2', 'tcpdump -i nflog:0'],
    remedies: ['Read NFLOG group 0, or bind nf_log_ipv4 while you look'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'nf-log-netns-muted',
    proto: ['any'],
    outcome: 'NO_MESSAGE',
    evidence: 'silent',
    versions: since('3.10'),
    source: kernelSource(LOG, 'nf_log_is_registered(), nf_log_allowed()', '6.18'),
    condition:
      'Namespaces other than the first one may not write to the kernel log: nf_log_all_netns is 0, the default. The switch exists since 4.11; from 3.10 to 4.10 it could not be had at all. LOG, nft log, log_invalid and legacy TRACE are all muted.',
    howSeen: 'sysctl net.netfilter.nf_log_all_netns on the host.',
    likelyCauses: ['Containers'],
    checks: ['sysctl net.netfilter.nf_log_all_netns (on the host, not in the container)'],
    remedies: [
      'sysctl -w net.netfilter.nf_log_all_netns=1 on the host',
      'NFLOG or nft trace work inside the namespace as they are',
    ],
  }),
  defineReason({
    id: 'net-ratelimit-suppressed',
    proto: ['any'],
    outcome: 'NO_MESSAGE',
    evidence: 'printk',
    formats: [
      prints('net_ratelimit: %d callbacks suppressed', since('2.6.32'), 'net_ratelimit: 47 callbacks suppressed'),
    ],
    source: kernelSource('net/core/utils.c', 'net_ratelimit()', '6.18'),
    condition:
      '"table full" and "expectation table full" share ten lines in five seconds with every other rate-limited network message. What was hidden is counted and printed when the next window begins. log_invalid, LOG and TRACE lines are not limited by it.',
    howSeen: 'This message; the drop counter has the true number.',
    likelyCauses: ['The table is full under load'],
    checks: ['conntrack -S: drop between two samples'],
    remedies: ['Count drops by the counter, not by lines; net.core.message_burst and message_cost set the limit'],
    verifiedOn: '6.18.44',
  }),
];
