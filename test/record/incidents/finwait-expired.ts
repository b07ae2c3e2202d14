// The entry of an idle connection runs out of time; nothing happens until the FIN looks for it, and only then a DESTROY is seen.

import { delay } from '../../lab/clock.js';
import { finwaitProofs, playFinwait } from '../finwait.js';
import type { Incident } from '../incident.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(62);
const SPORT = 47262;

export const finwaitExpired: Incident = {
  name: 'finwait-expired',
  story:
    'nf_conntrack_tcp_timeout_established is 2 s. An established connection is idle for 4 s, then the program is killed. The entry ran ' +
    'out 2 s after the last packet; the FIN finds it too old, which removes it (DESTROY), and is INVALID itself.',
  truth: {
    class: 'entry-gone',
    cause: 'entry-expired',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'INVALID',
    droppedBy: { family: 'ip', table: 'filter', chain: 'OUTPUT', rule: 3 },
    note: 'The DESTROY event is the effect of the first FIN, not the cause: same instant, no port id. Rules of iptables-nft.',
  },
  kernelLogForm: 'rsyslog-classic',
  addresses: Object.values(ADDRESSES),
  proofs: [
    ...finwaitProofs('kern.log', SPORT),
    { file: 'conntrack-E.txt', pattern: /\[DESTROY\].*sport=47262/, atMost: 1 },
    { file: 'conntrack-E.txt', pattern: /portid=/, atLeast: 0, atMost: 0 },
    { file: 'conntrack-L-before.txt', pattern: /ESTABLISHED.*sport=47262/ },
  ],
  play: (stage) =>
    playFinwait(stage, {
      addresses: ADDRESSES,
      sport: SPORT,
      wish: { backend: 'nft' },
      sysctls: { 'netfilter.nf_conntrack_tcp_timeout_established': 2 },
      async happens({ events }) {
        await delay(4000);
        if (events().includes('[DESTROY]')) throw new Error('the collector was faster than the FIN');
      },
    }),
};
