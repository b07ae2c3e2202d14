// Why is a packet INVALID before any protocol tracker has judged it? Refusals of the tracker's core and of the header parsers.

import { between, since, until } from '../kernel-version.js';
import { debugs, defineReason, kernelSource, prints, type Reason, shared } from '../reason.js';

const CORE = 'net/netfilter/nf_conntrack_core.c';

export const CORE_REFUSALS: readonly Reason[] = [
  defineReason({
    id: 'ipv4-l4proto-unavailable',
    proto: ['ipv4'],
    outcome: 'INVALID',
    outcomeByVersion: [
      { outcome: 'DROP', versions: until('2.6.32') },
      { outcome: 'INVALID', versions: since('3.2', { maybeSince: '2.6.33' }) },
    ],
    evidence: 'silent',
    evidenceByVersion: [
      { evidence: 'debug', versions: until('6.2') },
      { evidence: 'silent', versions: since('6.3') },
    ],
    formats: [
      debugs(
        'not prepared to track yet or error occured',
        until('2.6.32', { maybeUntil: '3.1' }),
        'not prepared to track yet or error occured',
      ),
      debugs(
        'not prepared to track yet or error occurred',
        between('3.2', '6.2', { maybeSince: '2.6.33' }),
        'not prepared to track yet or error occurred',
        'nf_conntrack: not prepared to track yet or error occurred',
      ),
      shared(
        debugs(
          'nf_conntrack_ipv4: bogus IPv4 packet: nhoff %u, ihl %u, skblen %u',
          between('3.8', '4.18', { maybeSince: '3.3' }),
          'nf_conntrack_ipv4: bogus IPv4 packet: nhoff 0, ihl 60, skblen 44',
        ),
        'icmp-error-inner-unparsable',
      ),
      shared(
        debugs(
          'bogus IPv4 packet: nhoff %u, ihl %u, skblen %u',
          since('4.19'),
          'nf_conntrack: bogus IPv4 packet: nhoff 0, ihl 60, skblen 44',
        ),
        'icmp-error-inner-unparsable',
      ),
    ],
    source: kernelSource(CORE, 'nf_conntrack_in(), ipv4_get_l4proto()', '6.18'),
    condition:
      'No transport protocol can be found in the IPv4 packet: the header cannot be read, its length field points past the end of the packet, or the packet is still a later fragment (fragment offset above zero) when conntrack gets it.',
    howSeen:
      'A LOG rule on ctstate INVALID shows FRAG: or a damaged header. Debug text until 6.2; since 6.3 only the header-length case still prints one.',
    likelyCauses: [
      'A fragment got past reassembly: the defragmentation hook is missing in this namespace or was bypassed',
      'A damaged or crafted IPv4 header',
    ],
    checks: [
      'Look for MF or FRAG: in LOG lines of the same packet',
      'Is any rule that needs conntrack loaded in this namespace? Defragmentation is registered together with it',
    ],
    remedies: [
      'Have fragments reassembled where they enter (nf_defrag_ipv4 active in that namespace)',
      'Where fragments should not exist, drop later fragments in the raw table (-f)',
    ],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'ipv6-exthdr-unparsable',
    proto: ['ipv6'],
    outcome: 'INVALID',
    evidence: 'debug',
    formats: [
      debugs(
        "ip6_conntrack_core: can't get nexthdr",
        until('4.18', { maybeUntil: '4.18' }),
        "ip6_conntrack_core: can't get nexthdr",
      ),
      shared(
        debugs(
          "ip6_conntrack_core: can't find proto in pkt",
          until('4.18'),
          "ip6_conntrack_core: can't find proto in pkt",
        ),
        'ipv6-fragment-malformed',
      ),
      debugs("can't get nexthdr", since('4.19', { maybeSince: '4.18' }), "nf_conntrack: can't get nexthdr"),
      shared(
        debugs(
          "can't find proto in pkt",
          since('4.19', { maybeSince: '4.18' }),
          "nf_conntrack: can't find proto in pkt",
        ),
        'ipv6-fragment-malformed',
      ),
    ],
    source: kernelSource(CORE, 'ipv6_get_l4proto()', '6.18'),
    condition:
      'The chain of IPv6 extension headers ends before a transport protocol is reached, or a fragment header with an offset above zero is still in the packet.',
    howSeen: 'Dynamic debug of ipv6_get_l4proto; otherwise only a LOG rule on ctstate INVALID.',
    likelyCauses: [
      'Cut or crafted extension headers',
      'A malformed fragment that IPv6 reassembly handed back unchanged (see ipv6-fragment-malformed)',
    ],
    checks: ['ctwhy dyndbg enable for "find proto"', 'A LOG rule with --log-ip-options: look for OPT ( and FRAG:'],
    remedies: ['Drop packets with broken extension headers ahead of conntrack (raw PREROUTING)'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'ipv6-fragment-malformed',
    proto: ['ipv6'],
    outcome: 'INVALID',
    evidence: 'debug',
    formats: [
      debugs(
        'end of fragment not rounded to 8 bytes.',
        since('2.6.32'),
        'end of fragment not rounded to 8 bytes.',
        'nf_defrag_ipv6: end of fragment not rounded to 8 bytes.',
      ),
      debugs('offset is too large.', since('2.6.32'), 'offset is too large.'),
      debugs('already received last fragment', since('2.6.32'), 'already received last fragment'),
      debugs('last packet already reached.', since('2.6.32'), 'last packet already reached.'),
      debugs('Drop incomplete fragment', since('5.10', { maybeSince: '5.10' }), 'Drop incomplete fragment'),
      shared(
        debugs(
          "ip6_conntrack_core: can't find proto in pkt",
          until('4.18'),
          "ip6_conntrack_core: can't find proto in pkt",
        ),
        'ipv6-exthdr-unparsable',
      ),
      shared(
        debugs(
          "can't find proto in pkt",
          since('4.19', { maybeSince: '4.18' }),
          "nf_conntrack: can't find proto in pkt",
        ),
        'ipv6-exthdr-unparsable',
      ),
    ],
    source: kernelSource('net/ipv6/netfilter/nf_conntrack_reasm.c', 'nf_ct_frag6_queue()', '6.18'),
    condition:
      'IPv6 reassembly refuses a fragment as malformed, or the first fragment lacks the full upper header. It does not drop it: the fragment goes on as it is, and conntrack finds no protocol in it.',
    howSeen: 'Dynamic debug on nf_conntrack_reasm.c; LOG lines show OPT ( FRAG:… ) and no ports.',
    likelyCauses: [
      'A fragment with more to follow whose payload is no multiple of eight bytes',
      'A first fragment too small for the transport header: scan, evasion attempt, broken tunnel',
    ],
    checks: ['LOG lines with FRAG: and no ports', 'ctwhy dyndbg enable for file nf_conntrack_reasm.c'],
    remedies: ['Drop fragments in the raw table (priority -300) where none are needed'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tuple-unreadable',
    proto: ['any'],
    outcome: 'INVALID',
    evidence: 'silent',
    evidenceByVersion: [
      { evidence: 'debug', versions: until('6.2') },
      { evidence: 'silent', versions: since('6.3') },
    ],
    formats: [
      debugs(
        "resolve_normal_ct: Can't get tuple",
        until('4.4', { maybeUntil: '4.8' }),
        "resolve_normal_ct: Can't get tuple",
      ),
      debugs("Can't get tuple", between('4.9', '6.2', { maybeSince: '4.5' }), "nf_conntrack: Can't get tuple"),
    ],
    source: kernelSource(CORE, 'resolve_normal_ct(), nf_ct_get_tuple()', '6.18'),
    condition:
      'Fewer than four bytes follow the IP header of a TCP, UDP, UDP-Lite or SCTP packet (or the identifier of ICMP or GRE is missing), so no flow can be looked up.',
    howSeen: 'Silent since 6.3. A LOG rule on ctstate INVALID prints INCOMPLETE [n bytes] with n below 4.',
    likelyCauses: ['Truncated or crafted packets, tiny fragments'],
    checks: ['PROTO=… INCOMPLETE [n bytes] in a LOG line, n from 0 to 3'],
    remedies: ['Nothing legitimate looks so: drop it'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'not-seen-by-conntrack',
    proto: ['any'],
    outcome: 'INVALID',
    evidence: 'silent',
    source: kernelSource('net/netfilter/nft_ct.c, xt_conntrack.c', 'nft_ct_get_eval(), conntrack_mt()', '6.18'),
    condition:
      'The rule asks for the state of a packet that conntrack has not looked at yet, or never will. Without an entry and without the untracked mark the answer is INVALID.',
    howSeen:
      'The rule itself: raw table, nft chain at priority -200 or below, bridge or netdev hook. The invalid counter stands still.',
    likelyCauses: [
      'The state is tested ahead of conntrack: raw table, nft chain at priority raw (-300)',
      'A bridge or netdev chain without nf_conntrack_bridge',
      'A raw socket with IP_NODEFRAG that sends fragments: conntrack skips them in OUTPUT',
      'No conntrack hook is registered in that namespace',
    ],
    checks: [
      'Compare the hook priority of the chain with -200',
      'Do the invalid and error counters move while the rule counts? If not, conntrack refused nothing',
    ],
    remedies: ['Test the state in a chain that runs after conntrack (priority above -200)'],
  }),
  defineReason({
    id: 'proto-handler-refused-debug',
    proto: ['any'],
    outcome: 'INVALID',
    evidence: 'debug',
    versions: until('6.2'),
    formats: [
      debugs(
        "nf_conntrack_in: Can't track with proto module",
        until('6.2'),
        "nf_conntrack_in: Can't track with proto module",
        "nf_conntrack: nf_conntrack_in: Can't track with proto module",
      ),
    ],
    source: kernelSource(CORE, 'nf_conntrack_in()', '5.15'),
    condition: 'A protocol tracker refused a packet that had an entry. The line says that it did, not why.',
    howSeen: 'Dynamic debug of nf_conntrack_in, until 6.2.',
    likelyCauses: ['Any refusal of the TCP, UDP, ICMP, SCTP, DCCP or GRE tracker'],
    checks: ['Read the log_invalid line just before it'],
    remedies: ['ctwhy log-invalid enable: it names the check'],
    counter: 'invalid',
  }),
  defineReason({
    id: 'new-tracker-refused-debug',
    proto: ['any'],
    outcome: 'INVALID',
    evidence: 'debug',
    versions: until('4.19'),
    formats: [
      debugs(
        "init conntrack: can't track with proto module",
        until('4.4', { maybeUntil: '4.8' }),
        "init conntrack: can't track with proto module",
      ),
      debugs(
        "can't track with proto module",
        between('4.9', '4.19', { maybeSince: '4.5' }),
        "nf_conntrack: can't track with proto module",
      ),
    ],
    source: kernelSource(CORE, 'init_conntrack()', '4.19'),
    condition:
      'The tracker of the protocol declined to start an entry for this packet. (Since 5.0 the packet handlers decide this themselves.)',
    howSeen: 'Dynamic debug of init_conntrack, until 4.19.',
    likelyCauses: [
      'A TCP packet that may not open an entry, or tcp_loose=0',
      'An ICMP reply nobody asked for',
      'SCTP out of the blue, or a protocol whose tracker module is not loaded',
    ],
    checks: ['Protocol and flags of the packet decide which of them it was'],
    remedies: ['See the reasons of that protocol'],
    counter: 'invalid',
  }),
  defineReason({
    id: 'generic-protocol-module-missing',
    proto: ['sctp', 'dccp', 'gre', 'udplite'],
    outcome: 'INVALID',
    evidence: 'printk',
    evidenceByVersion: [
      { evidence: 'silent', versions: between('3.19', '4.3') },
      { evidence: 'printk', versions: between('4.4', '5.0') },
    ],
    versions: between('3.19', '5.0', { blurredIn: ['3.18', '3.16', '3.2'] }),
    formats: [
      prints(
        "conntrack: generic helper won't handle protocol %d. Please consider loading the specific helper module.",
        between('4.4', '5.0'),
        "conntrack: generic helper won't handle protocol 132. Please consider loading the specific helper module.",
        "nf_conntrack: conntrack: generic helper won't handle protocol 47. Please consider loading the specific helper module.",
      ),
    ],
    source: kernelSource('net/netfilter/nf_conntrack_proto_generic.c', 'generic_new()', '4.19'),
    condition:
      'The protocol has a tracker of its own, built as a module that is not loaded; the generic tracker will not stand in for it. The message comes once per boot.',
    howSeen: 'One kernel message per boot (4.4 to 5.0); silent in 3.19 to 4.3.',
    likelyCauses: [
      'nf_conntrack_proto_sctp, _dccp or _udplite not loaded (modules until 4.10), nf_conntrack_proto_gre (module until 5.0)',
    ],
    checks: ['lsmod | grep nf_conntrack_proto'],
    remedies: ['modprobe the tracker of that protocol and list it in /etc/modules-load.d'],
    counter: 'invalid',
  }),
];
