// Traces of packets that are hard to tell apart: IP ID 0, repeated ids, and flows whose lines stand between each other.

import type { Incident } from '../incident.js';
import { playPath, serveOnce, visit } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(78);

export const pathInterleaved: Incident = {
  name: 'path-interleaved',
  story:
    'Two visits to two ports at the same moment while pings with DF run in both directions, each on a processor of its own; legacy TRACE of all of it. ' +
    'SYN-ACKs have ID=0, the pings ID=0 too, lines of different packets stand between each other.',
  truth: {
    class: 'normal',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'NEW',
    droppedBy: null,
    note: 'Everything is accepted: 2 TCP connections (ports 80 and 81) and 24 echo requests each way with their replies.',
  },
  kernelLogForm: 'kmsg',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'kmsg.txt', pattern: /TRACE: .* ID=0 .*ACK SYN/, atLeast: 4 },
    { file: 'kmsg.txt', pattern: /TRACE: .* ID=0 .*PROTO=ICMP/, atLeast: 3 },
    { file: 'kmsg.txt', pattern: /TRACE: raw:PREROUTING.*\n.*TRACE: raw:PREROUTING/ },
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
          client.run(`taskset -c 0 ping -q -f -M do -c 24 ${ADDRESSES.server}`),
          server.run(`taskset -c 1 ping -q -f -M do -c 24 ${ADDRESSES.client}`),
          visit(client, ADDRESSES.server, 80, 40078),
          visit(client, ADDRESSES.server, 81, 40079),
        ]);
      },
    }),
};
