// The look-alike of all stuck FIN-WAIT-1: the FIN leaves this host and nobody answers. Conntrack has its entry and finds nothing wrong.

import { delay } from '../../lab/clock.js';
import { playFinwait } from '../finwait.js';
import type { Incident } from '../incident.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(76);
const SPORT = 47276;

export const finwaitPeerSilent: Incident = {
  name: 'finwait-peer-silent',
  story:
    'The server begins to drop all packets while a connection is idle; then the program is killed. Its FIN leaves this host, again and again, and ' +
    'is not answered. The rules of the client are those of finwait-deleted.',
  truth: {
    class: 'not-conntrack',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'OTHER',
    droppedBy: null,
    note: 'Nothing is INVALID; the entry is there, in LAST_ACK since the FIN came twice; the socket shows timer:(on) with unacked, not persist with notsent. Nobody may say that its entry was gone.',
  },
  kernelLogForm: 'journal-short',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'ss.txt', pattern: new RegExp(`^FIN-WAIT-1.*:${SPORT} .*timer:\\(on`) },
    { file: 'conntrack-L.txt', pattern: new RegExp(`(FIN_WAIT|LAST_ACK).*sport=${SPORT}`) },
  ],
  play: (stage) =>
    playFinwait(stage, {
      addresses: ADDRESSES,
      sport: SPORT,
      wish: { backend: 'legacy' },
      async happens({ server }) {
        await server.play('iptables-legacy -A INPUT -p tcp -j DROP');
        await delay(200);
      },
    }),
};
