// The firewall was set up after the connection: conntrack began late and never had an entry for it.

import { delay } from '../../lab/clock.js';
import { finwaitProofs, finwaitRules, playFinwait } from '../finwait.js';
import type { Incident } from '../incident.js';
import { pairAddresses, playAll, turnOnTracker } from '../scene.js';

const ADDRESSES = pairAddresses(67);
const SPORT = 47267;
const WISH = { backend: 'legacy' } as const;

export const finwaitNeverThere: Incident = {
  name: 'finwait-never-there',
  story:
    'A connection is established while no rule needs conntrack, so nothing is tracked. Then stateful rules are loaded, with ' +
    'nf_conntrack_tcp_loose=0; the connection stays idle until the program is killed.',
  truth: {
    class: 'entry-gone',
    cause: 'entry-never-there',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'INVALID',
    droppedBy: { family: 'ip', table: 'filter', chain: 'OUTPUT', rule: 3 },
    note: 'Before: socket ESTAB, ruleset empty, no entry. Events were on from before the SYN and show nothing for this flow.',
  },
  kernelLogForm: 'kmsg',
  addresses: Object.values(ADDRESSES),
  proofs: [
    ...finwaitProofs('kmsg.txt', SPORT),
    { file: 'ss-before.txt', pattern: /ESTAB.*:47267 / },
    { file: 'conntrack-L-before.txt', pattern: /sport=47267/, atLeast: 0, atMost: 0 },
    { file: 'conntrack-E.txt', pattern: /sport=47267/, atLeast: 0, atMost: 0 },
  ],
  play: (stage) =>
    playFinwait(stage, {
      addresses: ADDRESSES,
      sport: SPORT,
      wish: WISH,
      rulesFirst: false,
      async happens({ client, bundle }) {
        await turnOnTracker(client, bundle, { 'netfilter.nf_conntrack_tcp_loose': 0 });
        await playAll(client, finwaitRules(WISH));
        await delay(500);
      },
    }),
};
