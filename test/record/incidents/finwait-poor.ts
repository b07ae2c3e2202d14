// The poor twins: the same as finwait-deleted and finwait-expired, seen only through dmesg and a ruleset without counters.

import { delay } from '../../lab/clock.js';
import { playFinwait, SERVICE_PORT } from '../finwait.js';
import type { Incident, Truth } from '../incident.js';
import { type Addresses, pairAddresses } from '../scene.js';

const DELETED = pairAddresses(68);
const EXPIRED = pairAddresses(69);
const SPORT = 47268;

function poorTruth(cause: string): Truth {
  return {
    class: 'entry-gone',
    cause,
    confidenceAtMost: 'likely',
    causeConfidenceAtMost: null,
    outcome: 'INVALID',
    droppedBy: { family: 'ip', table: 'filter', chain: 'OUTPUT', rule: 3 },
    note: 'No events, listings, sockets or counters: that an entry was missing can be argued, why it was missing cannot.',
  };
}

function poorProofs(): Incident['proofs'] {
  return [
    { file: 'dmesg.txt', pattern: /nf_ct_proto_6: invalid new .* FIN/, atLeast: 4 },
    { file: 'iptables-save.txt', pattern: /^\[/, atLeast: 0, atMost: 0 },
  ];
}

const course = (addresses: Addresses) =>
  ({ addresses, sport: SPORT, wish: { backend: 'legacy' }, record: 'poor' }) as const;

export const finwaitDeletedPoor: Incident = {
  name: 'finwait-deleted-poor',
  story: 'finwait-deleted again, but all that was sent is dmesg and iptables-save without counters.',
  truth: poorTruth('entry-deleted-from-userspace'),
  kernelLogForm: 'dmesg',
  addresses: Object.values(DELETED),
  proofs: poorProofs(),
  statesCoverage: false,
  play: (stage) =>
    playFinwait(stage, {
      ...course(DELETED),
      async happens({ client }) {
        await client.play(`conntrack -D -p tcp --sport ${SPORT} --dport ${SERVICE_PORT}`);
        await delay(300);
      },
    }),
};

export const finwaitExpiredPoor: Incident = {
  name: 'finwait-expired-poor',
  story: 'finwait-expired again, but all that was sent is dmesg and iptables-save without counters.',
  truth: poorTruth('entry-expired'),
  kernelLogForm: 'dmesg',
  addresses: Object.values(EXPIRED),
  proofs: poorProofs(),
  statesCoverage: false,
  play: (stage) =>
    playFinwait(stage, {
      ...course(EXPIRED),
      sysctls: { 'netfilter.nf_conntrack_tcp_timeout_established': 2 },
      happens: () => delay(4000),
    }),
};
