// The answer to a UDP question comes after the entry has run out of time: to conntrack it is a question of the server's own, NEW.

import { delay } from '../../lab/clock.js';
import { waitUntil } from '../../lab/process.js';
import type { Incident } from '../incident.js';
import { playPath } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(89);

export const udpReplyLate: Incident = {
  name: 'udp-reply-late',
  story:
    'nf_conntrack_udp_timeout is 2 s, the server answers after 3.3 s. The answer has no entry any more: NEW from outside, logged and dropped.',
  truth: {
    class: 'entry-gone',
    cause: 'entry-expired',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'NEW',
    droppedBy: { family: 'ip', table: 'filter', chain: 'FORWARD', rule: 5 },
    note: 'Events: NEW, then DESTROY by the late answer itself (UNREPLIED). Answer 198.51.100.89:5060 > 192.0.2.89:40089.',
  },
  kernelLogForm: 'rsyslog-classic',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'kern.log', pattern: /WAN NEW: .*SPT=5060 DPT=40089/, atMost: 1 },
    { file: 'conntrack-E.txt', pattern: /\[DESTROY\].*sport=40089.*UNREPLIED/, atMost: 1 },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'nft' },
      sysctls: { 'netfilter.nf_conntrack_udp_timeout': 2 },
      rules: [
        'iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables -A FORWARD -i eth0 -m conntrack --ctstate NEW -j LOG --log-prefix "LAN NEW: "',
        'iptables -A FORWARD -i eth0 -j ACCEPT',
        'iptables -A FORWARD -i eth1 -m conntrack --ctstate NEW -j LOG --log-prefix "WAN NEW: "',
        'iptables -A FORWARD -i eth1 -j DROP',
      ],
      async traffic({ client, server, bundle }) {
        const service = server.start('nc -u -l 5060');
        await waitUntil('port 5060 is open', async () => (await server.run('ss -Huln sport = :5060')).stdout !== '');
        const caller = client.start(`nc -u -p 40089 ${ADDRESSES.server} 5060`);
        caller.say('question\n');
        await waitUntil('question arrived', () => service.output() !== '');
        await bundle.take('conntrack-L-during.txt', 'conntrack -L -o id,extended,ktimestamp', 'during');
        await delay(3300);
        service.say('answer\n');
        await delay(300);
      },
    }),
};
