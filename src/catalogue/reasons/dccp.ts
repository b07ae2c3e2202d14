// Why was a DCCP packet INVALID, as long as the kernel had a DCCP tracker (until 6.16)?

import { between, until } from '../kernel-version.js';
import { defineReason, kernelSource, logs, type Reason, type ReasonDeclaration } from '../reason.js';

const SOURCE = kernelSource('net/netfilter/nf_conntrack_proto_dccp.c', 'dccp_error()', '6.12');
const PACKET = kernelSource('net/netfilter/nf_conntrack_proto_dccp.c', 'nf_conntrack_dccp_packet()', '6.12');
const NEW = kernelSource('net/netfilter/nf_conntrack_proto_dccp.c', 'dccp_new()', '6.12');
const TRACKED = until('6.16');
const GONE = 'The DCCP tracker was removed in 6.17; protocol 33 is then generic.';

/** What all entries of this tracker share. */
function dccp(
  declared: Pick<ReasonDeclaration, 'id' | 'formats' | 'source' | 'condition'> & Partial<ReasonDeclaration>,
): Reason {
  return defineReason({
    proto: ['dccp'],
    outcome: 'INVALID',
    evidence: 'log-invalid',
    versions: TRACKED,
    howSeen: 'log_invalid (33 or 255), until 6.16.',
    likelyCauses: ['A broken or crafted packet'],
    checks: ['Capture it: tcpdump proto 33'],
    remedies: ['Drop it'],
    counter: 'invalid',
    ...declared,
    condition: `${declared.condition} ${GONE}`,
  });
}

export const DCCP_REASONS: readonly Reason[] = [
  dccp({
    id: 'dccp-short-packet',
    evidence: 'silent',
    evidenceByVersion: [
      { evidence: 'log-invalid', versions: until('4.19') },
      { evidence: 'silent', versions: between('5.0', '6.16', { maybeSince: '4.20' }) },
    ],
    formats: [
      logs('nf_ct_dccp: short packet ', until('4.14'), 'nf_ct_dccp: short packet '),
      logs(
        'nf_ct_proto_33: nf_ct_dccp: short packet  ',
        between('4.15', '4.19'),
        'nf_ct_proto_33: nf_ct_dccp: short packet  ',
      ),
    ],
    source: SOURCE,
    condition: 'The DCCP header is not complete. Logged until 4.19, silent from 5.0 to 6.16.',
    howSeen: 'log_invalid (33 or 255) until 4.19; silent since.',
  }),
  dccp({
    id: 'dccp-truncated',
    formats: [
      logs('nf_ct_dccp: truncated/malformed packet ', until('4.14'), 'nf_ct_dccp: truncated/malformed packet '),
      logs(
        'nf_ct_proto_33: nf_ct_dccp: truncated/malformed packet  ',
        between('4.15', '6.16'),
        'nf_ct_proto_33: nf_ct_dccp: truncated/malformed packet  ',
      ),
    ],
    source: SOURCE,
    condition: 'The data offset is too small, or points past the packet.',
  }),
  dccp({
    id: 'dccp-bad-coverage',
    formats: [
      logs('nf_ct_dccp: bad checksum coverage ', until('4.14'), 'nf_ct_dccp: bad checksum coverage '),
      logs(
        'nf_ct_proto_33: nf_ct_dccp: bad checksum coverage  ',
        between('4.15', '6.16'),
        'nf_ct_proto_33: nf_ct_dccp: bad checksum coverage  ',
      ),
    ],
    source: SOURCE,
    condition: 'The checksum coverage reaches past the packet.',
  }),
  dccp({
    id: 'dccp-bad-checksum',
    formats: [
      logs('nf_ct_dccp: bad checksum ', until('4.14'), 'nf_ct_dccp: bad checksum '),
      logs(
        'nf_ct_proto_33: nf_ct_dccp: bad checksum  ',
        between('4.15', '6.16'),
        'nf_ct_proto_33: nf_ct_dccp: bad checksum  ',
      ),
    ],
    source: SOURCE,
    condition: 'The checksum is wrong (PREROUTING, nf_conntrack_checksum=1).',
    likelyCauses: ['Checksum offload', 'A damaged packet'],
  }),
  dccp({
    id: 'dccp-reserved-type',
    formats: [
      logs('nf_ct_dccp: reserved packet type ', until('4.14'), 'nf_ct_dccp: reserved packet type '),
      logs(
        'nf_ct_proto_33: nf_ct_dccp: reserved packet type  ',
        between('4.15', '6.16'),
        'nf_ct_proto_33: nf_ct_dccp: reserved packet type  ',
      ),
    ],
    source: SOURCE,
    condition: 'The packet type is one of the reserved ones.',
  }),
  dccp({
    id: 'dccp-short-seqnum',
    versions: between('6.4', '6.16', { blurredIn: ['5.10', '5.15', '6.1'] }),
    formats: [
      logs(
        'nf_ct_proto_33: nf_ct_dccp: type lacks 48bit sequence numbers ',
        between('6.4', '6.16', { blurredIn: ['5.10', '5.15', '6.1'] }),
        'nf_ct_proto_33: nf_ct_dccp: type lacks 48bit sequence numbers ',
      ),
    ],
    source: SOURCE,
    condition:
      'A packet type that must carry long sequence numbers came with short ones (6.4, also late 5.10 and 6.1).',
  }),
  dccp({
    id: 'dccp-not-picking-up',
    formats: [
      logs(
        'nf_ct_dccp: not picking up existing connection ',
        until('4.14'),
        'nf_ct_dccp: not picking up existing connection ',
      ),
      logs(
        'nf_ct_proto_33: not picking up existing connection  ',
        between('4.15', '6.16'),
        'nf_ct_proto_33: not picking up existing connection  ',
      ),
    ],
    source: NEW,
    condition: 'No entry, the packet is not a Request, and nf_conntrack_dccp_loose is 0.',
    likelyCauses: ['The entry is gone, and nf_conntrack_dccp_loose=0 forbids picking the flow up'],
    checks: ['sysctl net.netfilter.nf_conntrack_dccp_loose'],
    remedies: ['nf_conntrack_dccp_loose=1 where flows should be picked up'],
  }),
  dccp({
    id: 'dccp-invalid-state',
    formats: [
      logs('nf_ct_dccp: invalid state transition ', until('4.14'), 'nf_ct_dccp: invalid state transition '),
      logs(
        'nf_ct_proto_33: invalid state transition ',
        between('4.15', '6.16'),
        'nf_ct_proto_33: invalid state transition ',
      ),
    ],
    source: PACKET,
    condition: 'The packet type is not allowed in the state of the entry.',
  }),
  dccp({
    id: 'dccp-packet-ignored',
    outcome: 'ACCEPT',
    counter: null,
    formats: [
      logs('nf_ct_dccp: invalid packet ignored ', until('4.14'), 'nf_ct_dccp: invalid packet ignored '),
      logs('nf_ct_proto_33: invalid packet ', between('4.15', '6.16'), 'nf_ct_proto_33: invalid packet '),
    ],
    source: PACKET,
    condition:
      'The packet is tolerated without a change of state: it keeps its entry and is not INVALID, whatever the text says.',
    likelyCauses: ['A packet that does not fit the state but does no harm'],
    remedies: ['None needed'],
  }),
];
