// Which odd TCP packets keep their entry although a message is printed, or change it without one?

import { between, since, until } from '../kernel-version.js';
import { debugs, defineReason, kernelSource, logs, type Reason } from '../reason.js';

const SOURCE = kernelSource('net/netfilter/nf_conntrack_proto_tcp.c', 'nf_conntrack_tcp_packet()', '6.18');

export const TCP_ACCEPTED: readonly Reason[] = [
  defineReason({
    id: 'tcp-packet-ignored',
    proto: ['tcp'],
    outcome: 'ACCEPT',
    evidence: 'log-invalid',
    formats: [
      logs('ip_ct_tcp: invalid packet ignored ', between('2.6.9', '2.6.21'), 'ip_ct_tcp: invalid packet ignored '),
      logs(
        'nf_ct_tcp: invalid packet ignored ',
        until('3.2', { maybeUntil: '3.7' }),
        'nf_ct_tcp: invalid packet ignored ',
      ),
      logs(
        'nf_ct_tcp: invalid packet ignored in state %s ',
        between('3.8', '4.14', { maybeSince: '3.3' }),
        'nf_ct_tcp: invalid packet ignored in state LAST_ACK ',
      ),
      logs(
        'nf_ct_proto_6: invalid packet ignored in state %s  ',
        between('4.15', '5.11'),
        'nf_ct_proto_6: invalid packet ignored in state ESTABLISHED  ',
      ),
      logs(
        'nf_ct_proto_6: packet (index %d) in dir %d ignored, state %s ',
        since('5.12'),
        'nf_ct_proto_6: packet (index 0) in dir 0 ignored, state ESTABLISHED ',
        'nf_ct_proto_6: packet (index 1) in dir 1 ignored, state SYN_RECV ',
      ),
    ],
    source: SOURCE,
    condition:
      'The transition table says "ignore": the packet goes on with its entry (it matches ESTABLISHED, or NEW while nothing was answered) and changes nothing. Older texts say "invalid packet ignored": it is not INVALID. index: 0 SYN, 1 SYN ACK, 2 FIN, 3 ACK, 4 RST, 5 none; dir: 0 original, 1 reply.',
    howSeen: 'log_invalid (6 or 255), although nothing is INVALID.',
    likelyCauses: [
      'A SYN for a tuple whose old entry is still alive: port reuse, rebooted client, NAT that reuses ports',
      'A SYN after an RST of the server: an entry in CLOSE is not reopened at once',
      'A SYN ACK sent again',
      'A server that answers a SYN with an ACK (challenge ACK, half-open connection)',
    ],
    checks: ['The state in the text against the age of the entry', 'conntrack -L for that tuple'],
    remedies: ['Shorten the timeout of the state that lingers', 'Delete that entry: conntrack -D for the tuple'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-challenge-ack-ignored',
    proto: ['tcp'],
    outcome: 'ACCEPT',
    evidence: 'log-invalid',
    versions: since('4.1'),
    formats: [
      logs('nf_ct_tcp: challenge-ACK ignored ', between('4.1', '4.14'), 'nf_ct_tcp: challenge-ACK ignored '),
      logs('nf_ct_proto_6: challenge-ack ignored ', since('4.15'), 'nf_ct_proto_6: challenge-ack ignored '),
    ],
    source: SOURCE,
    condition:
      'In LAST_ACK a SYN of the client was ignored and the server answered with a challenge ACK. That ACK must not finish the old connection: it passes and the state stays.',
    howSeen: 'log_invalid (6 or 255), after a packet-ignored line for the SYN.',
    likelyCauses: ['The client reuses the port while the server still holds the old connection'],
    checks: ['The packet-ignored line just before it'],
    remedies: ['None needed'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-rst-inexact-kept-open',
    proto: ['tcp'],
    outcome: 'ACCEPT',
    evidence: 'silent',
    versions: since('5.1'),
    source: SOURCE,
    condition:
      'An RST on an ASSURED established entry is in range, but its sequence number is not exactly the expected one. The state stays ESTABLISHED so that a challenge ACK still finds it; the timeout falls to that of CLOSE (10 s) until 7.2, to the unacknowledged one (300 s) since 7.3.',
    howSeen: 'conntrack -L: ESTABLISHED with ten seconds or less left.',
    likelyCauses: ['A middlebox guessed the RST', 'RST and data crossed on the way'],
    checks: ['conntrack -L right after the RST'],
    remedies: ['Explains entries that vanish ten seconds after an RST and never showed CLOSE'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-resync-synack',
    proto: ['tcp'],
    outcome: 'ACCEPT',
    evidence: 'silent',
    versions: since('3.2', { maybeSince: '2.6.33' }),
    source: SOURCE,
    condition:
      'A SYN ACK answers a SYN that had been ignored: conntrack takes over the remembered values and goes on in SYN_RECV. It stays one entry, and it keeps its mark that a reply was seen.',
    howSeen: 'A packet-ignored line for the SYN, then the entry is in SYN_RECV and ESTABLISHED again.',
    likelyCauses: ['Port reuse'],
    checks: ['A packet-ignored line for index 0 shortly before'],
    remedies: ['None needed'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-synproxy-keepalive',
    proto: ['tcp'],
    outcome: 'ACCEPT',
    evidence: 'debug',
    versions: since('3.16', { maybeSince: '3.11' }),
    formats: [
      debugs(
        'nf_ct_tcp: SYN proxy client keep alive',
        since('3.16', { maybeSince: '3.11' }),
        'nf_ct_tcp: SYN proxy client keep alive',
      ),
    ],
    source: SOURCE,
    condition:
      'With SYNPROXY, a keep-alive of the client that arrives in SYN_SENT is accepted; without it, it would be INVALID.',
    howSeen: 'Dynamic debug of nf_conntrack_tcp_packet.',
    likelyCauses: ['SYNPROXY is in use and its handshake with the server was lost'],
    checks: ['iptables-save | grep SYNPROXY; nft list ruleset | grep synproxy'],
    remedies: ['None needed'],
  }),
];
