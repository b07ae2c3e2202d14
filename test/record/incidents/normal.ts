// Nothing is wrong: ordinary flows that begin with NEW and end properly.

import { delay } from '../../lab/clock.js';
import { waitUntil } from '../../lab/process.js';
import type { Incident } from '../incident.js';
import { playPath, serveOnce, visit } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(82);

export const normal: Incident = {
  name: 'normal',
  story:
    'Six TCP visits, one UDP question with its answer and one ping through a firewall that tags NEW and INVALID. The same NEW lines go to NFLOG group 5.',
  truth: {
    class: 'normal',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'NEW',
    droppedBy: null,
    note: '8 new flows (6 TCP, 1 UDP, 1 ICMP), no INVALID, nothing dropped.',
  },
  kernelLogForm: 'rsyslog-classic',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'kern.log', pattern: /FORWARD NEW: /, atLeast: 8, atMost: 8 },
    { file: 'kern.log', pattern: /INVALID|nf_ct_proto/, atLeast: 0, atMost: 0 },
    { file: 'conntrack-L.txt', pattern: /TIME_WAIT/, atLeast: 6, atMost: 6 },
    { file: 'nflog.pcap', pattern: /new/, atLeast: 8 },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'nft' },
      nflogGroup: 5,
      rules: [
        'iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables -A FORWARD -m conntrack --ctstate NEW -j LOG --log-prefix "FORWARD NEW: "',
        'iptables -A FORWARD -m conntrack --ctstate NEW -j NFLOG --nflog-group 5 --nflog-prefix "new "',
        'iptables -A FORWARD -m conntrack --ctstate INVALID -j LOG --log-prefix "FORWARD INVALID: "',
        'iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP',
      ],
      async traffic({ client, server, bundle }) {
        for (let visits = 0; visits < 6; visits++) {
          await serveOnce(server, 443);
          await visit(client, ADDRESSES.server, 443, 40820 + visits);
        }
        const resolver = server.start('nc -u -l 53');
        resolver.say('answer\n');
        await waitUntil('port 53 is open', async () => (await server.run('ss -Huln sport = :53')).stdout !== '');
        await client.run(`echo question | nc -u -w 1 -p 40829 ${ADDRESSES.server} 53`);
        await client.run(`ping -q -c 1 ${ADDRESSES.server}`);
        await delay(100);
        await bundle.take('ethtool-k-eth0.txt', 'ethtool -k eth0', 'after');
        await bundle.take('proc-net-nf_conntrack.txt', 'cat /proc/net/nf_conntrack', 'after');
        await bundle.take('conntrack-L.xml', 'conntrack -L -o xml', 'after');
      },
    }),
};
