// Which checks of the TCP tracker make a segment INVALID (or drop it), the window apart?

import { between, since, until } from '../kernel-version.js';
import { debugs, defineReason, kernelSource, logs, type Reason } from '../reason.js';

const TCP = 'net/netfilter/nf_conntrack_proto_tcp.c';
/** ip_conntrack, IPv4 only, before nf_conntrack replaced it. */
const IP_CONNTRACK = between('2.6.9', '2.6.21');

export const TCP_REFUSALS: readonly Reason[] = [
  defineReason({
    id: 'tcp-short-header',
    proto: ['tcp'],
    outcome: 'INVALID',
    evidence: 'silent',
    evidenceByVersion: [
      { evidence: 'log-invalid', versions: until('4.19') },
      { evidence: 'silent', versions: since('5.0', { maybeSince: '4.20' }) },
    ],
    formats: [
      logs('ip_ct_tcp: short packet ', IP_CONNTRACK, 'ip_ct_tcp: short packet '),
      logs('nf_ct_tcp: short packet ', until('4.14'), 'nf_ct_tcp: short packet '),
      logs('nf_ct_proto_6: short packet ', between('4.15', '4.19'), 'nf_ct_proto_6: short packet '),
    ],
    source: kernelSource(TCP, 'nf_conntrack_tcp_packet(); tcp_error() until 4.19', '6.18'),
    condition: 'The ports can be read, but fewer than 20 bytes of TCP header are there.',
    howSeen: 'log_invalid until 4.19. Silent since: a LOG rule on ctstate INVALID prints INCOMPLETE [4 to 19 bytes].',
    likelyCauses: ['A crafted or truncated packet'],
    checks: ['PROTO=TCP INCOMPLETE [n bytes], n from 4 to 19'],
    remedies: ['Nothing legitimate looks so: drop it'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-truncated',
    proto: ['tcp'],
    outcome: 'INVALID',
    evidence: 'log-invalid',
    formats: [
      logs('ip_ct_tcp: truncated/malformed packet ', IP_CONNTRACK, 'ip_ct_tcp: truncated/malformed packet '),
      logs('nf_ct_tcp: truncated/malformed packet ', until('4.14'), 'nf_ct_tcp: truncated/malformed packet '),
      logs('nf_ct_proto_6: truncated packet ', since('4.15'), 'nf_ct_proto_6: truncated packet '),
    ],
    source: kernelSource(TCP, 'tcp_error()', '6.18'),
    condition: 'The data offset says less than five words, or more than the segment holds.',
    howSeen: 'log_invalid (6 or 255).',
    likelyCauses: ['A crafted packet', 'A middlebox or driver that cuts packets'],
    checks: [
      'A LOG rule with --log-tcp-options shows OPT (TRUNCATED)',
      'Capture on the wire in front of this host and compare',
    ],
    remedies: ['Find the device that cuts it; drop the packet'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-bad-checksum',
    proto: ['tcp'],
    outcome: 'INVALID',
    evidence: 'log-invalid',
    formats: [
      logs('ip_ct_tcp: bad TCP checksum ', IP_CONNTRACK, 'ip_ct_tcp: bad TCP checksum '),
      logs('nf_ct_tcp: bad TCP checksum ', until('4.14'), 'nf_ct_tcp: bad TCP checksum '),
      logs('nf_ct_proto_6: bad checksum ', since('4.15'), 'nf_ct_proto_6: bad checksum '),
    ],
    source: kernelSource(TCP, 'tcp_error()', '6.18'),
    condition:
      'The TCP checksum is wrong. Checked in PREROUTING only, and only with nf_conntrack_checksum=1; packets of this host are never checked.',
    howSeen: 'log_invalid (6 or 255).',
    likelyCauses: [
      'Checksum offload that does not work on a virtual or tunnel interface',
      'Packets injected through a tap, a mirror port or a fuzzer',
      'A middlebox that rewrote the packet and left the checksum',
    ],
    checks: [
      'tcpdump -vv on the interface where it enters (on the sender "incorrect" is normal with offload)',
      'ethtool -k: rx-checksumming, tx-checksumming',
    ],
    remedies: ['Mend the sender or its offload: ethtool -K DEV tx off', 'Last resort: nf_conntrack_checksum=0'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-invalid-flags',
    proto: ['tcp'],
    outcome: 'INVALID',
    evidence: 'log-invalid',
    formats: [
      logs('ip_ct_tcp: invalid TCP flag combination ', IP_CONNTRACK, 'ip_ct_tcp: invalid TCP flag combination '),
      logs('nf_ct_tcp: invalid TCP flag combination ', until('4.14'), 'nf_ct_tcp: invalid TCP flag combination '),
      logs(
        'nf_ct_proto_6: invalid tcp flag combination ',
        since('4.15'),
        'nf_ct_proto_6: invalid tcp flag combination ',
      ),
    ],
    source: kernelSource(TCP, 'tcp_error(), tcp_valid_flags[]', '6.18'),
    condition:
      'PSH, ECE and CWR aside, the flags are none of SYN, SYN URG, SYN ACK, RST, RST ACK, FIN ACK, FIN ACK URG, ACK, ACK URG. A FIN without ACK is not valid.',
    howSeen: 'log_invalid (6 or 255); the flag words stand in the line.',
    likelyCauses: ['A port scan (NULL, FIN, XMAS)', 'An old stack that sends FIN without ACK', 'A damaged packet'],
    checks: ['The flag words between RES= and URGP='],
    remedies: ['Drop it'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-invalid-new',
    proto: ['tcp'],
    outcome: 'INVALID',
    evidence: 'log-invalid',
    evidenceByVersion: [
      { evidence: 'debug', versions: until('6.6') },
      { evidence: 'log-invalid', versions: since('6.7') },
    ],
    formats: [
      debugs('nf_ct_tcp: invalid new deleting.', until('6.6'), 'nf_ct_tcp: invalid new deleting.'),
      logs('nf_ct_proto_6: invalid new ', since('6.7'), 'nf_ct_proto_6: invalid new '),
    ],
    source: kernelSource(TCP, 'tcp_new()', '6.18'),
    condition:
      'The table has no entry for it, and the packet is a SYN ACK, a FIN ACK or an RST: none of these may open one. nf_conntrack_tcp_loose does not matter here.',
    howSeen: 'log_invalid since 6.7; dynamic debug ("invalid new deleting.") until 6.6.',
    likelyCauses: [
      'The entry is already gone: out of time, closed by an RST, deleted by a program, reboot, failover',
      'The SYN took another road; only the SYN ACK comes by here',
      'One direction is in another zone, or untracked',
      'A late or repeated FIN or RST after the close',
      'Backscatter of a SYN flood with forged addresses',
    ],
    checks: [
      'The flags: SYN ACK means an unseen SYN, FIN or RST an entry that is gone',
      'conntrack -L for the reversed tuple, also in other zones',
      'conntrack -E -e DESTROY around that time',
      'ip route get in both directions',
    ],
    remedies: [
      'Make the paths symmetric, or share state between the firewalls (conntrackd)',
      'Use one zone for both directions',
      'Lengthen the timeout that ran out, or use keepalives below it',
      'Let the host send its own FIN and RST: accept them ahead of the INVALID drop in OUTPUT',
    ],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-loose-disabled',
    proto: ['tcp'],
    outcome: 'INVALID',
    evidence: 'silent',
    source: kernelSource(TCP, 'tcp_new()', '6.18'),
    condition:
      'The table has no entry, the packet is a bare ACK (with or without data), and nf_conntrack_tcp_loose is 0.',
    howSeen: 'Silent in every version: a LOG rule shows INVALID and only ACK, with no log_invalid line beside it.',
    likelyCauses: [
      'nf_conntrack_tcp_loose=0 (hardening, SYNPROXY), and the entry is missing: restart, timeout, failover, flush',
    ],
    checks: ['sysctl net.netfilter.nf_conntrack_tcp_loose, in that namespace'],
    remedies: ['nf_conntrack_tcp_loose=1 where flows should be picked up', 'Keepalives below the timeout'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-invalid-rst',
    proto: ['tcp'],
    outcome: 'INVALID',
    evidence: 'log-invalid',
    formats: [
      logs('nf_ct_tcp: invalid RST ', until('4.14'), 'nf_ct_tcp: invalid RST '),
      logs('nf_ct_proto_6: invalid rst ', since('4.15'), 'nf_ct_proto_6: invalid rst '),
    ],
    source: kernelSource(TCP, 'nf_conntrack_tcp_packet()', '6.18'),
    condition:
      "The RST's sequence number lies below the highest acknowledgement that the other side has sent. be_liberal does not help; nf_conntrack_tcp_ignore_invalid_rst=1 (5.14 and newer) does.",
    howSeen: 'log_invalid (6 or 255).',
    likelyCauses: [
      'A load balancer or firewall made the RST from an old sequence number',
      'The answer to a SYN that reuses the port: SEQ=0',
      'The RST was overtaken by newer packets',
      'Somebody injects resets',
    ],
    checks: [
      'SEQ in the line against the ACK numbers of the other direction',
      'Is a client in SYN-SENT, repeating its SYN?',
    ],
    remedies: ['nf_conntrack_tcp_ignore_invalid_rst=1 (5.14 and newer)', 'Mend the device that makes the RST'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-invalid-state',
    proto: ['tcp'],
    outcome: 'INVALID',
    evidence: 'log-invalid',
    formats: [
      logs('ip_ct_tcp: invalid state ', IP_CONNTRACK, 'ip_ct_tcp: invalid state '),
      logs('nf_ct_tcp: invalid state ', until('4.14'), 'nf_ct_tcp: invalid state '),
      logs('nf_ct_proto_6: invalid state ', between('4.15', '5.18'), 'nf_ct_proto_6: invalid state '),
      logs(
        'nf_ct_proto_6: packet (index %d) in dir %d invalid, state %s ',
        since('5.19'),
        'nf_ct_proto_6: packet (index 3) in dir 0 invalid, state SYN_SENT ',
        'nf_ct_proto_6: packet (index 0) in dir 1 invalid, state ESTABLISHED ',
      ),
      debugs(
        'nf_ct_tcp: Invalid dir=%i index=%u ostate=%u',
        until('5.18'),
        'nf_ct_tcp: Invalid dir=0 index=3 ostate=1',
      ),
    ],
    source: kernelSource(TCP, 'nf_conntrack_tcp_packet(), tcp_conntracks[][][]', '6.18'),
    condition:
      'The transition table forbids this packet in the state of the entry. index: 0 SYN, 1 SYN ACK, 2 FIN, 3 ACK, 4 RST, 5 none; dir: 0 original, 1 reply. Until 5.18 only the debug line names the state (as a number).',
    howSeen: 'log_invalid (6 or 255).',
    likelyCauses: [
      'SYN_SENT and an ACK or FIN of the client: the SYN ACK took another road or was dropped here',
      'A SYN from the server side of a live entry: the ports are reused the other way round',
      'A SYN ACK from the client of an established flow: a load balancer swapped the ports',
    ],
    checks: [
      'Which side is dir 0 for this entry? The first tuple in conntrack -L',
      'Was any reply seen? [UNREPLIED] says no',
    ],
    remedies: ['Bring both directions through this host', 'Delete the old entry: conntrack -D for that tuple'],
    counter: 'invalid',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-out-of-sync-killed',
    proto: ['tcp'],
    outcome: 'DROP',
    evidence: 'log-invalid',
    versions: until('2.6.32', { maybeUntil: '3.1' }),
    formats: [
      logs('ip_ct_tcp: killing out of sync session ', IP_CONNTRACK, 'ip_ct_tcp: killing out of sync session '),
      logs(
        'nf_ct_tcp: killing out of sync session ',
        until('2.6.32', { maybeUntil: '3.1' }),
        'nf_ct_tcp: killing out of sync session ',
      ),
    ],
    source: kernelSource(TCP, 'tcp_packet()', '2.6.32'),
    condition:
      'A SYN ACK answered a SYN that had been ignored. Old kernels destroyed the entry and dropped the SYN ACK; newer ones take over the new handshake (tcp-resync-synack).',
    howSeen: 'log_invalid (6 or 255), 2.6.32 and older.',
    likelyCauses: ['A port reused while its old entry was alive'],
    checks: ['uname -r'],
    remedies: ['A newer kernel'],
    counter: 'drop',
  }),
  defineReason({
    id: 'tcp-repeat-race-drop',
    proto: ['tcp'],
    outcome: 'DROP',
    evidence: 'silent',
    source: kernelSource(TCP, 'nf_conntrack_tcp_packet()', '6.18'),
    condition:
      'A SYN was to reopen a closed entry that somebody else was already destroying; the SYN is dropped. Its repetition gets through.',
    howSeen: 'invalid and drop rise together; the client needs one second more.',
    likelyCauses: ['A race with expiry or with conntrack -D'],
    checks: ['conntrack -S: drop and invalid between two samples'],
    remedies: ['None needed'],
    counter: 'drop',
  }),
];
