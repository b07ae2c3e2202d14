// A program deletes the entry of an idle connection; the FIN of the killed process is INVALID and dropped by its own host.

import { delay } from '../../lab/clock.js';
import { finwaitProofs, playFinwait, SERVICE_PORT } from '../finwait.js';
import type { Incident } from '../incident.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(61);
const SPORT = 47244;

export const finwaitDeleted: Incident = {
  name: 'finwait-deleted',
  story:
    'An established connection is idle; its conntrack entry is deleted with conntrack -D; 0.3 s later the program is killed. ' +
    'Its FIN finds no entry, is INVALID ("invalid new" since 6.7, without a word before) and dropped in OUTPUT; the kernel tries again and again.',
  truth: {
    class: 'entry-gone',
    cause: 'entry-deleted-from-userspace',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'INVALID',
    droppedBy: { family: 'ip', table: 'filter', chain: 'OUTPUT', rule: 3 },
    note: 'Events were on from before the SYN; the DESTROY event carries a port id and 431999 s were left. Socket in FIN-WAIT-1, notsent 1, persist timer.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'kern.log', pattern: /OUTPUT NEW: .* SYN URGP/, atMost: 1 },
    ...finwaitProofs('kern.log', SPORT),
    { file: 'conntrack-E.txt', pattern: /\[NEW\].*sport=47244/, atMost: 1 },
    { file: 'conntrack-E.txt', pattern: /\[DESTROY\].*sport=47244.*portid=/, atMost: 1 },
    { file: 'conntrack-L-before.txt', pattern: /ESTABLISHED.*sport=47244/ },
  ],
  play: (stage) =>
    playFinwait(stage, {
      addresses: ADDRESSES,
      sport: SPORT,
      wish: { backend: 'legacy', zeroCounters: true },
      async happens({ client }) {
        await client.play(`conntrack -D -p tcp --sport ${SPORT} --dport ${SERVICE_PORT}`);
        await delay(300);
      },
    }),
};
