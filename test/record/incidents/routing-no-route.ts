// The rules accepted, the routing had nowhere to send it: no default route, seen by an nft trace that ends after prerouting.

import type { Incident } from '../incident.js';
import { knock, playPath } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(113);
const FAR = '203.0.113.113';

export const routingNoRoute: Incident = {
  name: 'routing-no-route',
  story:
    'The client sends to 203.0.113.113; the firewall has no route there and no default route. The nft trace ends after prerouting; nstat counts ' +
    'IpExtInNoRoutes, and the firewall tells the client with an ICMP error.',
  truth: {
    class: 'routing-dropped',
    cause: 'no-route',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'DROP',
    droppedBy: null,
    note: 'Two SYNs or more, as many in IpExtInNoRoutes; ip route lists no way to 203.0.113.113.',
  },
  kernelLogForm: 'dmesg',
  addresses: [FAR],
  proofs: [
    { file: 'nft-trace.txt', pattern: /inet fw late/, atLeast: 2 },
    { file: 'nft-trace.txt', pattern: /inet fw through/, atLeast: 0, atMost: 0 },
    { file: 'nstat.txt', pattern: /^IpExtInNoRoutes +[1-9]/ },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'nft', zeroCounters: true },
      traces: ['nft'],
      rules: [
        'nft add table inet fw',
        'nft add chain inet fw pre "{ type filter hook prerouting priority raw; }"',
        'nft add rule inet fw pre tcp dport 80 meta nftrace set 1',
        'nft add chain inet fw late "{ type filter hook prerouting priority filter; }"',
        'nft add chain inet fw through "{ type filter hook forward priority filter; policy accept; }"',
        'nft add rule inet fw through ct state established,related accept',
      ],
      traffic: async ({ client }) => {
        await knock(client, FAR, 80, 2, '-p 40113');
        await knock(client, FAR, 80, 2, '-p 40114');
      },
    }),
};
