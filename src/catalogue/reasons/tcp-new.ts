// Why is a TCP packet NEW? Not every NEW packet is a first one, and not every one carries a SYN.

import { defineReason, kernelSource, type Reason } from '../reason.js';

const TCP = 'net/netfilter/nf_conntrack_proto_tcp.c';

export const TCP_NEW: readonly Reason[] = [
  defineReason({
    id: 'tcp-new-syn',
    proto: ['tcp'],
    outcome: 'NEW',
    evidence: 'silent',
    source: kernelSource(TCP, 'tcp_new()', '6.18'),
    condition: 'A SYN without an entry: an ordinary attempt to connect. The entry starts in SYN_SENT with 120 s.',
    howSeen: 'ctstate NEW with SYN; conntrack -L: SYN_SENT [UNREPLIED].',
    likelyCauses: ['Somebody connects'],
    checks: ['conntrack -L: SYN_SENT [UNREPLIED]'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-new-syn-retransmit',
    proto: ['tcp'],
    outcome: 'NEW',
    evidence: 'silent',
    source: kernelSource('net/netfilter/nf_conntrack_core.c', 'resolve_normal_ct()', '6.18'),
    condition:
      'The SYN comes again while nothing was answered: still NEW. Since 5.14 (and late 5.10) it no longer extends the 120 s.',
    howSeen: 'Several NEW lines with the same ports; the entry stays [UNREPLIED].',
    likelyCauses: ['The server does not answer', 'Its answer is lost, dropped, or takes another road'],
    checks: ['Is a SYN ACK of the same ports INVALID anywhere?', 'ip route get for the way back'],
    remedies: ['Follow the way back of the answer'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-new-midstream-loose',
    proto: ['tcp'],
    outcome: 'NEW',
    evidence: 'silent',
    source: kernelSource(TCP, 'tcp_new()', '6.18'),
    condition:
      'An ACK without an entry while nf_conntrack_tcp_loose is 1: the connection is picked up in the middle. The entry starts in ESTABLISHED, liberal on both sides, with 300 s until a reply makes it ASSURED.',
    howSeen: 'ctstate NEW without SYN; conntrack -L: ESTABLISHED without [ASSURED].',
    likelyCauses: [
      'Conntrack was restarted, flushed, or began after the SYN',
      'An idle connection outlived its timeout',
      'Failover without shared state',
      'An asymmetric path: only one direction comes by here',
    ],
    checks: [
      'Do many flows start so at one moment? Then state was lost as a whole',
      'conntrack -E -e DESTROY before it',
    ],
    remedies: [
      'Accept NEW together with --syn (nft: tcp flags syn) only',
      'nf_conntrack_tcp_loose=0 where pick-up must not happen',
      'Keepalives below the timeout, or a longer timeout',
    ],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-new-reversed-direction',
    proto: ['tcp'],
    outcome: 'NEW',
    evidence: 'silent',
    source: kernelSource(TCP, 'tcp_new()', '6.18'),
    condition:
      'Picked up in the middle, and the first packet came from the server: the entry has client and server swapped. Rules on the original direction, and NAT, see it the wrong way round.',
    howSeen: 'A NEW line with a well-known source port; the first tuple in conntrack -L starts at the server.',
    likelyCauses: ['The entry was lost while the server keeps sending'],
    checks: ['conntrack -L: does the first tuple start at the server?'],
    remedies: ['conntrack -D for the swapped entry', 'nf_conntrack_tcp_loose=0'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-new-reopen',
    proto: ['tcp'],
    outcome: 'NEW',
    evidence: 'silent',
    source: kernelSource(TCP, 'nf_conntrack_tcp_packet()', '6.18'),
    condition:
      'A SYN on an entry in TIME_WAIT or CLOSE: the old entry is destroyed, the lookup repeated, the packet NEW. A FIN must have begun the close, or the last accepted packet was an RST from this same side.',
    howSeen: 'conntrack -E: DESTROY, then NEW, for one tuple. Until 5.14 the invalid counter also rises by one.',
    likelyCauses: ['The client reuses its port quickly'],
    checks: ['conntrack -E for that tuple'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'tcp-new-after-unreplied-rst',
    proto: ['tcp'],
    outcome: 'NEW',
    evidence: 'silent',
    source: kernelSource(TCP, 'nf_conntrack_tcp_packet()', '6.18'),
    condition: 'The only answer to the SYN was an RST, which removes the entry at once; the next SYN is NEW again.',
    howSeen: 'An RST line with ctstate ESTABLISHED and no entry afterwards.',
    likelyCauses: ['The port is closed on the server', 'A firewall rejects with tcp-reset'],
    checks: ['RST ACK in the other direction right after each SYN'],
    verifiedOn: '6.18.44',
  }),
];
