// An entry that was born before the DNAT rule keeps its flow away from it, for as long as the sender goes on.

import { delay } from '../../lab/clock.js';
import { waitUntil } from '../../lab/process.js';
import type { Incident } from '../incident.js';
import { playPath } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(96);

export const staleEntry: Incident = {
  name: 'stale-entry',
  story:
    'A device sends UDP from port 40096 to 192.0.2.1:514 every 0.4 s. Only then a DNAT rule to the server is added: the old entry stays as it is, refreshed by ' +
    'every packet; a second sender from port 40097 is translated.',
  truth: {
    class: 'stale-entry',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'OTHER',
    droppedBy: null,
    note: 'Entry of sport 40096: reply source 192.0.2.1 (plain inverse); sibling of sport 40097: reply source the server. The rule is right, the entry is old.',
  },
  kernelLogForm: 'dmesg',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'conntrack-L.txt', pattern: /sport=40096 .*src=192\.0\.2\.1 / },
    { file: 'conntrack-L.txt', pattern: /sport=40097 .*src=198\.51\.100\.96 / },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'legacy' },
      rules: [
        'iptables-legacy -A INPUT -p udp --dport 514 -m conntrack --ctstate NEW -j LOG --log-prefix "INPUT NEW: "',
        'iptables-legacy -A FORWARD -p udp -m conntrack --ctstate NEW -j LOG --log-prefix "FORWARD NEW: "',
      ],
      async traffic({ client, firewall, server }) {
        const receiver = server.start('nc -u -l 514');
        const nowhere = firewall.start('nc -u -l 514');
        await waitUntil('both ports are open', async () => (await firewall.run('ss -Huln sport = :514')).stdout !== '');
        const device = client.start('nc -u -p 40096 192.0.2.1 514');
        for (let sent = 0; sent < 3; sent++) {
          device.say(`event ${sent}\n`);
          await delay(400);
        }
        await firewall.play(
          `iptables-legacy -t nat -A PREROUTING -d 192.0.2.1 -p udp --dport 514 -j DNAT --to-destination ${ADDRESSES.server}`,
        );
        const sibling = client.start('nc -u -p 40097 192.0.2.1 514');
        for (let sent = 3; sent < 6; sent++) {
          device.say(`event ${sent}\n`);
          sibling.say(`event ${sent}\n`);
          await delay(400);
        }
        if (!nowhere.output().includes('event 5') || !receiver.output().includes('event 5')) {
          throw new Error('the events went elsewhere');
        }
      },
    }),
};
