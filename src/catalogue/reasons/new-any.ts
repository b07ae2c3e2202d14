// Why can a packet of any protocol be NEW although it is not the first of its flow?

import { defineReason, kernelSource, type Reason } from '../reason.js';

export const NEW_OF_ANY_PROTOCOL: readonly Reason[] = [
  defineReason({
    id: 'new-zone-mismatch',
    proto: ['any'],
    outcome: 'NEW',
    evidence: 'silent',
    source: kernelSource('net/netfilter/nf_conntrack_core.c', 'resolve_normal_ct(), nf_ct_zone_tmpl()', '6.18'),
    condition:
      'The reply was looked up in another zone than the one that holds the entry. UDP and ICMP replies start a second entry (NEW); a TCP SYN ACK becomes INVALID, "invalid new".',
    howSeen: 'conntrack -L: two mirrored entries, one with zone=.',
    likelyCauses: ['CT --zone or ct zone set for one interface only', 'A packet that crosses a VRF or namespace'],
    checks: ['conntrack -L for both tuples: do their zone= differ?'],
    remedies: ['Set the zone for both directions, or use zone-orig'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'new-before-confirm',
    proto: ['any'],
    outcome: 'NEW',
    evidence: 'silent',
    source: kernelSource('net/netfilter/nf_conntrack_core.c', 'resolve_normal_ct()', '6.18'),
    condition:
      'The first packet is still on its way (in a queue to user space, or on another CPU), so its entry is not in the table yet: the second packet, or the reply, finds nothing and is NEW.',
    howSeen: 'conntrack -C above what conntrack -L shows; clash_resolve or insert_failed rises.',
    likelyCauses: ['NFQUEUE, tun or tap programs that take their time', 'A bridge that floods'],
    checks: ['conntrack -C against the count of conntrack -L', 'conntrack -S between two samples'],
    remedies: ['Shorten the way through the queue, or queue after the first packet only'],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'new-unreplied',
    proto: ['any'],
    outcome: 'NEW',
    evidence: 'silent',
    source: kernelSource('net/netfilter/nf_conntrack_core.c', 'resolve_normal_ct()', '6.18'),
    condition:
      'Every packet of the original direction is NEW until one of the reply direction was seen. NEW does not mean "first packet".',
    howSeen: '[UNREPLIED] in conntrack -L.',
    likelyCauses: ['The peer does not answer', 'Its answer is filtered, lost, or tracked elsewhere'],
    checks: ['[UNREPLIED] in conntrack -L', 'Does the answer arrive here at all? tcpdump'],
    remedies: ['Follow the way back of the answer'],
    verifiedOn: '6.18.44',
  }),
];
