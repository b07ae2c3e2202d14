// Which TCP segments lie outside the window that conntrack computed, and what becomes of them on which kernel?

import { between, since, until } from '../kernel-version.js';
import { defineReason, kernelSource, logs, type Reason } from '../reason.js';

const SOURCE = kernelSource('net/netfilter/nf_conntrack_proto_tcp.c', 'tcp_in_window()', '6.18');
const IP_CONNTRACK = between('2.6.9', '2.6.21');

export const TCP_WINDOW: readonly Reason[] = [
  defineReason({
    id: 'tcp-seq-over-upper-bound',
    proto: ['tcp'],
    outcome: 'INVALID',
    evidence: 'log-invalid',
    formats: [
      logs(
        'ip_ct_tcp: SEQ is over the upper bound (over the window of the receiver) ',
        IP_CONNTRACK,
        'ip_ct_tcp: SEQ is over the upper bound (over the window of the receiver) ',
      ),
      logs(
        'nf_ct_tcp: SEQ is over the upper bound (over the window of the receiver) ',
        until('4.14'),
        'nf_ct_tcp: SEQ is over the upper bound (over the window of the receiver) ',
      ),
      logs(
        'nf_ct_proto_6: SEQ is over the upper bound (over the window of the receiver) ',
        between('4.15', '6.0'),
        'nf_ct_proto_6: SEQ is over the upper bound (over the window of the receiver) ',
      ),
      logs(
        'nf_ct_proto_6: SEQ is over upper bound %u (over the window of the receiver) ',
        since('6.1'),
        'nf_ct_proto_6: SEQ is over upper bound 3735928559 (over the window of the receiver) ',
      ),
    ],
    source: SOURCE,
    condition:
      'The segment starts beyond the last byte that the receiver has allowed so far (check I: seq <= td_maxend of the sender). The number is td_maxend + 1, the first sequence number that is not allowed.',
    howSeen: 'log_invalid (6 or 255), unless the sender side is liberal.',
    likelyCauses: [
      'Window scaling is unknown here: the handshake was not seen, options were stripped, or an old entry was reused',
      'The other direction is not seen, so the allowance never grows (asymmetric path)',
      'Flow offload or another path carried part of the connection',
      'The sender overshoots a window that had shrunk',
      'Blind injection',
    ],
    checks: [
      'SEQ in the line minus the bound: how far over, and does it grow?',
      'Was the handshake seen here? OPT (…0303xx…) in the LOG line of SYN and SYN ACK',
      'Does the other direction count? conntrack -L with nf_conntrack_acct=1',
      'Is the entry [OFFLOAD]ed?',
    ],
    remedies: [
      'Bring both directions through this host',
      'nf_conntrack_tcp_be_liberal=1',
      'Delete the old entry: conntrack -D for that tuple',
    ],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-bytes-more-than-expected',
    proto: ['tcp'],
    outcome: 'ACCEPT',
    outcomeByVersion: [
      { outcome: 'INVALID', versions: between('6.0', '6.0', { blurredIn: ['5.15', '5.19'] }) },
      { outcome: 'ACCEPT', versions: since('6.1') },
    ],
    evidence: 'log-invalid',
    versions: since('6.0', { blurredIn: ['5.15', '5.19'] }),
    formats: [
      logs(
        'nf_ct_proto_6: %u bytes more than expected ',
        since('6.0', { blurredIn: ['5.15', '5.19'] }),
        'nf_ct_proto_6: 1448 bytes more than expected ',
      ),
    ],
    source: SOURCE,
    condition:
      'Only the upper sequence bound is exceeded, and by no more than one window of the receiver: the sender overshoots. Since 6.1 the packet keeps its entry. In 6.0 and in late 5.15 and 5.19 the same words stood for INVALID.',
    howSeen: 'log_invalid (6 or 255), unless the sender side is liberal.',
    likelyCauses: ['The sender ignores that the window shrank', 'A window scale that is slightly misjudged'],
    checks: ['uname -r first: same text, other outcome', 'Is the packet dropped by an INVALID rule? A LOG line tells'],
    remedies: ['Harmless on 6.1 and newer', 'Before: nf_conntrack_tcp_be_liberal=1'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-ack-over-upper-bound',
    proto: ['tcp'],
    outcome: 'INVALID',
    evidence: 'log-invalid',
    formats: [
      logs(
        'ip_ct_tcp: ACK is over the upper bound (ACKed data not seen yet) ',
        IP_CONNTRACK,
        'ip_ct_tcp: ACK is over the upper bound (ACKed data not seen yet) ',
      ),
      logs(
        'nf_ct_tcp: ACK is over the upper bound (ACKed data not seen yet) ',
        until('4.14'),
        'nf_ct_tcp: ACK is over the upper bound (ACKed data not seen yet) ',
      ),
      logs(
        'nf_ct_proto_6: ACK is over the upper bound (ACKed data not seen yet) ',
        between('4.15', '6.0'),
        'nf_ct_proto_6: ACK is over the upper bound (ACKed data not seen yet) ',
      ),
      logs(
        'nf_ct_proto_6: ACK is over upper bound %u (ACKed data not seen yet) ',
        since('6.1'),
        'nf_ct_proto_6: ACK is over upper bound 2863311530 (ACKed data not seen yet) ',
      ),
    ],
    source: SOURCE,
    condition:
      'The acknowledgement (or the highest SACK edge) covers bytes that conntrack has not seen the other side send (check III). The number is td_end + 1 of the other side.',
    howSeen: 'log_invalid (6 or 255), unless the sender side is liberal.',
    likelyCauses: [
      'Data of the other direction passes by this host: asymmetric path, offload, hardware path, another zone',
      'Data of the other direction was itself INVALID and dropped, or lost behind this host',
      'A middlebox rewrites sequence numbers',
    ],
    checks: [
      'ACK in the line against the bound: exactly one beyond means the data just before it was refused',
      'tcpdump on both sides for the missing data',
    ],
    remedies: ['Bring both directions through this host', 'nf_conntrack_tcp_be_liberal=1'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-seq-under-lower-bound',
    proto: ['tcp'],
    outcome: 'ACCEPT',
    outcomeByVersion: [
      { outcome: 'INVALID', versions: until('6.0') },
      { outcome: 'ACCEPT', versions: since('6.1') },
    ],
    evidence: 'log-invalid',
    formats: [
      logs(
        'ip_ct_tcp: SEQ is under the lower bound (already ACKed data retransmitted) ',
        IP_CONNTRACK,
        'ip_ct_tcp: SEQ is under the lower bound (already ACKed data retransmitted) ',
      ),
      logs(
        'nf_ct_tcp: SEQ is under the lower bound (already ACKed data retransmitted) ',
        until('4.14'),
        'nf_ct_tcp: SEQ is under the lower bound (already ACKed data retransmitted) ',
      ),
      logs(
        'nf_ct_proto_6: SEQ is under the lower bound (already ACKed data retransmitted) ',
        between('4.15', '6.0'),
        'nf_ct_proto_6: SEQ is under the lower bound (already ACKed data retransmitted) ',
      ),
      logs(
        'nf_ct_proto_6: SEQ is under lower bound %u (already ACKed data retransmitted) ',
        since('6.1'),
        'nf_ct_proto_6: SEQ is under lower bound 1431655765 (already ACKed data retransmitted) ',
      ),
    ],
    source: SOURCE,
    condition:
      'The segment ends more than one receiver window before the newest byte of this sender (check II). INVALID until 6.0; since 6.1 the line is printed and the packet keeps its entry.',
    howSeen: 'log_invalid (6 or 255), unless the sender side is liberal.',
    likelyCauses: ['A late duplicate or needless retransmission', 'A very small window with reordering'],
    checks: ['uname -r', 'Is the flow healthy otherwise? Isolated lines are noise'],
    remedies: ['Nothing to do on 6.1 and newer', 'Before, if retransmissions get lost: nf_conntrack_tcp_be_liberal=1'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-ack-under-lower-bound',
    proto: ['tcp'],
    outcome: 'ACCEPT',
    outcomeByVersion: [
      { outcome: 'INVALID', versions: until('6.0') },
      { outcome: 'ACCEPT', versions: since('6.1') },
    ],
    evidence: 'log-invalid',
    formats: [
      logs(
        'ip_ct_tcp: ACK is under the lower bound (possible overly delayed ACK) ',
        IP_CONNTRACK,
        'ip_ct_tcp: ACK is under the lower bound (possible overly delayed ACK) ',
      ),
      logs(
        'nf_ct_tcp: ACK is under the lower bound (possible overly delayed ACK) ',
        until('4.14'),
        'nf_ct_tcp: ACK is under the lower bound (possible overly delayed ACK) ',
      ),
      logs(
        'nf_ct_proto_6: ACK is under the lower bound (possible overly delayed ACK) ',
        between('4.15', '6.0'),
        'nf_ct_proto_6: ACK is under the lower bound (possible overly delayed ACK) ',
      ),
      logs(
        'nf_ct_proto_6: ignored ACK under lower bound %u (possible overly delayed) ',
        since('6.1'),
        'nf_ct_proto_6: ignored ACK under lower bound 19088743 (possible overly delayed) ',
      ),
    ],
    source: SOURCE,
    condition:
      "The acknowledgement is older than the other side's newest byte by more than 66000 bytes and more than this sender's largest window (check IV). INVALID until 6.0; since 6.1 it is logged and accepted.",
    howSeen: 'log_invalid (6 or 255), unless the sender side is liberal.',
    likelyCauses: ['An ACK that was delayed or reordered on a fast link with large windows'],
    checks: ['uname -r'],
    remedies: ['Nothing to do on 6.1 and newer', 'Before: nf_conntrack_tcp_be_liberal=1'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-window-bug',
    proto: ['tcp'],
    outcome: 'INVALID',
    evidence: 'log-invalid',
    versions: until('6.0'),
    formats: [
      logs('ip_ct_tcp: BUG ', IP_CONNTRACK, 'ip_ct_tcp: BUG '),
      logs('nf_ct_tcp: BUG ', until('4.14'), 'nf_ct_tcp: BUG '),
      logs('nf_ct_proto_6: BUG ', between('4.15', '6.0'), 'nf_ct_proto_6: BUG '),
    ],
    source: kernelSource('net/netfilter/nf_conntrack_proto_tcp.c', 'tcp_in_window()', '6.0'),
    condition: 'The window check failed although none of its four conditions is violated: the text for what cannot be.',
    howSeen: 'log_invalid (6 or 255), until 6.0.',
    likelyCauses: ['An inconsistency in the kernel; not expected in practice'],
    checks: ['uname -r'],
    remedies: ['A newer kernel'],
    counter: 'invalid',
  }),
  defineReason({
    id: 'tcp-window-suppressed-by-liberal',
    proto: ['tcp'],
    outcome: 'ACCEPT',
    evidence: 'silent',
    source: SOURCE,
    condition:
      'A segment outside the window is accepted without a word, because nf_conntrack_tcp_be_liberal is 1 or the sender side of the entry is liberal: picked up mid-stream, set by Open vSwitch, by flow offload or through netlink.',
    howSeen: 'Not at all. No lines does not mean that the flow is in its window.',
    likelyCauses: ['nf_conntrack_tcp_be_liberal=1', 'The entry began mid-stream with tcp_loose=1'],
    checks: ['sysctl net.netfilter.nf_conntrack_tcp_be_liberal, in that namespace'],
    remedies: ['None needed; remember it when you look for lines'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-lower-timeout',
    proto: ['tcp'],
    outcome: 'INVALID',
    evidence: 'log-invalid',
    versions: since('6.1'),
    formats: [
      logs(
        'nf_ct_proto_6: packet (index %d, dir %d) response for index %d lower timeout to %u ',
        between('6.1', '7.1', { blurredIn: ['6.12', '6.18'] }),
        'nf_ct_proto_6: packet (index 4, dir 1) response for index 2 lower timeout to 75000 ',
      ),
      logs(
        'nf_ct_proto_6: lowered timeout to UNACK ',
        since('7.2', { blurredIn: ['6.12', '6.18'] }),
        'nf_ct_proto_6: lowered timeout to UNACK ',
      ),
    ],
    source: kernelSource('net/netfilter/nf_conntrack_proto_tcp.c', 'nf_tcp_handle_invalid()', '6.18'),
    condition:
      'A second line after an out-of-window FIN or RST that answers an out-of-window FIN or RST of the other side: the entry, ASSURED and with more time left, is cut to the unacknowledged timeout. The number counts jiffies: 75000 is 300 s at 250 per second.',
    howSeen: 'log_invalid (6 or 255), beside a line about SEQ or ACK bounds of the same packet.',
    likelyCauses: ['Both ends closed a connection whose window conntrack had lost'],
    checks: ['The line just before it, with the same ID=, names the bound'],
    remedies: ['As for the line before it'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
];
