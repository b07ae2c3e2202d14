// The uplink loses its address and gets it back, as when a lease is renewed badly: MASQUERADE forgets the entries of that address.

import { delay } from '../../lab/clock.js';
import { finwaitProofs, playFinwait } from '../finwait.js';
import type { Incident } from '../incident.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(65);
const SPORT = 47265;

export const finwaitAddressChanged: Incident = {
  name: 'finwait-address-changed',
  story:
    'A MASQUERADE rule covers the uplink. Its address is deleted and added again (ip monitor is on); the kernel drops the entries that were ' +
    'masqueraded to it. Then the program is killed.',
  truth: {
    class: 'entry-gone',
    cause: 'address-or-link-change',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'INVALID',
    droppedBy: { family: 'ip', table: 'filter', chain: 'OUTPUT', rule: 3 },
    note: 'DESTROY with time left and without a port id, within milliseconds of the deleted address in ip-monitor.txt.',
  },
  kernelLogForm: 'journal-export',
  addresses: Object.values(ADDRESSES),
  proofs: [
    ...finwaitProofs('journal-k.export', SPORT),
    { file: 'conntrack-E.txt', pattern: /\[DESTROY\].*sport=47265/, atMost: 1 },
    { file: 'conntrack-E.txt', pattern: /portid=/, atLeast: 0, atMost: 0 },
    { file: 'ip-monitor.txt', pattern: /Deleted.* inet 192\.0\.2\.65/ },
  ],
  async play(stage) {
    await playFinwait(stage, {
      addresses: ADDRESSES,
      sport: SPORT,
      wish: { backend: 'legacy' },
      async happens({ client, bundle, events }) {
        const monitor = await bundle.listen({
          file: 'ip-monitor.txt',
          command: 'ip -ts monitor link address route',
          covers: ['addresses', 'routes', 'links'],
        });
        await client.play(`ip addr del ${ADDRESSES.client}/24 dev eth0`);
        await delay(250);
        await client.play(`ip addr add ${ADDRESSES.client}/24 dev eth0`);
        await client.play('ip route add 198.51.100.0/24 dev eth0');
        await delay(400);
        if (!events().includes('[DESTROY]')) throw new Error('the entry outlived its address');
        await monitor.stop();
      },
      async prepare(client) {
        await client.play('iptables-legacy -t nat -A POSTROUTING -o eth0 -j MASQUERADE');
      },
    });
  },
};
