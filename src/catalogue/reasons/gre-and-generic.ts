// Why is a GRE packet, or one of a protocol without a tracker of its own, INVALID or NEW?

import { between, since, until } from '../kernel-version.js';
import { debugs, defineReason, kernelSource, type Reason } from '../reason.js';

const GRE = 'net/netfilter/nf_conntrack_proto_gre.c';

export const GRE_AND_GENERIC_REASONS: readonly Reason[] = [
  defineReason({
    id: 'gre-new',
    proto: ['gre'],
    outcome: 'NEW',
    evidence: 'silent',
    source: kernelSource(GRE, 'nf_conntrack_gre_packet()', '6.18'),
    condition: 'GRE version 0 is told apart by its addresses alone, the GRE of PPTP (version 1) by call id.',
    howSeen: 'ctstate NEW; conntrack -L -p gre.',
    likelyCauses: ['An ordinary tunnel'],
    checks: ['conntrack -L -p gre'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'gre-unsupported-proto',
    proto: ['gre'],
    outcome: 'INVALID',
    evidence: 'debug',
    formats: [
      debugs(
        'GRE_VERSION_PPTP but unknown proto',
        until('4.4', { maybeUntil: '4.8' }),
        'GRE_VERSION_PPTP but unknown proto',
      ),
      debugs(
        'Unsupported GRE proto(0x%x)',
        since('4.9', { maybeSince: '4.5' }),
        'Unsupported GRE proto(0x6558)',
        'nf_conntrack: Unsupported GRE proto(0x0)',
      ),
    ],
    source: kernelSource(GRE, 'gre_pkt_to_tuple()', '6.18'),
    condition: 'GRE version 1 whose protocol field is not PPP.',
    howSeen: 'Dynamic debug of gre_pkt_to_tuple; otherwise a LOG rule shows PROTO=47 and INVALID.',
    likelyCauses: ['GRE version 1 used for something other than PPTP', 'A crafted packet'],
    checks: ['Capture it: tcpdump -vv proto gre'],
    remedies: ['NOTRACK it'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'gre-ipv6-unsupported',
    proto: ['gre'],
    outcome: 'INVALID',
    evidence: 'silent',
    versions: between('5.0', '5.11', { maybeSince: '4.20', blurredIn: ['5.4', '5.10', '5.11'] }),
    source: kernelSource(GRE, 'nf_conntrack_gre_packet()', '5.10'),
    condition:
      'GRE over IPv6 was refused by kernels after 4.19 and until 5.11 (mended in 5.12, and in late 5.4, 5.10 and 5.11).',
    howSeen: 'Silent: a LOG rule shows PROTO=47 with IPv6 addresses and INVALID.',
    likelyCauses: ['The kernel version'],
    checks: ['uname -r'],
    remedies: ['A newer kernel, or NOTRACK for GRE over IPv6'],
    counter: 'invalid',
  }),
  defineReason({
    id: 'generic-new',
    proto: ['generic'],
    outcome: 'NEW',
    evidence: 'silent',
    source: kernelSource('net/netfilter/nf_conntrack_core.c', 'generic_packet()', '6.18'),
    condition:
      'A protocol without a tracker of its own (ESP, AH, IPIP, IGMP, OSPF; DCCP since 6.17, UDP-Lite since 7.1): told apart by addresses and protocol alone, 600 s to live.',
    howSeen: 'ctstate NEW; conntrack -L: unknown and the protocol number.',
    likelyCauses: ['An ordinary packet of such a protocol'],
    checks: ['conntrack -L | grep ^unknown'],
    verifiedOn: '6.18.44',
  }),
];
