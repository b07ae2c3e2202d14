// Traces of packets that are hard to tell apart: IP ID 0, repeated ids, and flows whose lines stand between each other.

import type { Incident } from '../incident.js';
import { playPath, serveOnce, visit } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(78);

export const pathInterleaved: Incident = {
  name: 'path-interleaved',
  story:
    'Two clients visit two ports at the same moment while a ping with DF runs; legacy TRACE of all of it on the way there and back. SYN-ACKs and echo ' +
    'replies have ID=0, lines of different packets alternate (two processors).',
  truth: {
    class: 'normal',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'NEW',
    droppedBy: null,
    note: 'Everything is accepted: 2 TCP connections (ports 80 and 81) and 3 echo requests with their replies.',
  },
  kernelLogForm: 'kmsg',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'kmsg.txt', pattern: /TRACE: .* ID=0 .*ACK SYN/, atLeast: 4 },
    { file: 'kmsg.txt', pattern: /TRACE: .* ID=0 .*PROTO=ICMP/, atLeast: 3 },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'legacy' },
      rules: [
        'iptables-legacy -t raw -A PREROUTING -j TRACE',
        'iptables-legacy -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables-legacy -A FORWARD -m conntrack --ctstate NEW -j ACCEPT',
        'iptables-legacy -P FORWARD DROP',
      ],
      async traffic({ client, server }) {
        await serveOnce(server, 80);
        await serveOnce(server, 81);
        await Promise.all([
          visit(client, ADDRESSES.server, 80, 40078),
          visit(client, ADDRESSES.server, 81, 40079),
          client.run(`ping -q -M do -c 3 -i 0.02 ${ADDRESSES.server}`),
        ]);
      },
    }),
};
