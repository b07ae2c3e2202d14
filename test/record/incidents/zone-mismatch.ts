// Two zones for one connection: the question is tracked in one, its answer looked up in another, where it is a stranger.

import type { Incident } from '../incident.js';
import { playPath } from '../path.js';
import { pairAddresses, serve } from '../scene.js';

const ADDRESSES = pairAddresses(116);

export const zoneMismatch: Incident = {
  name: 'zone-mismatch',
  story:
    'A raw rule puts what comes in at eth0 into conntrack zone 7; nothing does so for eth1. The SYN is tracked in zone 7, its SYN-ACK is looked up in zone 0 ' +
    'and is INVALID ("invalid new"); FORWARD 2 drops it.',
  truth: {
    class: 'bridge-path',
    cause: 'zone-mismatch',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'INVALID',
    droppedBy: { family: 'ip', table: 'filter', chain: 'FORWARD', rule: 2 },
    note: 'The entry is in zone=7, SYN_SENT [UNREPLIED]; the same pair without the rule would be healthy. Not an asymmetric path: both directions pass here.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'conntrack-L.txt', pattern: /SYN_SENT .*\[UNREPLIED\].*zone=7/ },
    { file: 'kern.log', pattern: /invalid new IN=eth1 .*ACK SYN/, atLeast: 2 },
    { file: 'kern.log', pattern: /FORWARD INVALID: .*ACK SYN/, atLeast: 2 },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'legacy' },
      rules: [
        'iptables-legacy -t raw -A PREROUTING -i eth0 -j CT --zone 7',
        'iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j LOG --log-prefix "FORWARD INVALID: " --log-tcp-sequence',
        'iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j DROP',
        'iptables-legacy -A FORWARD -p tcp -m conntrack --ctstate NEW -j LOG --log-prefix "FORWARD NEW: "',
      ],
      async traffic({ client, server }) {
        await serve(server, 443);
        await client.attempt(`nc -p 40116 -w 3 -z ${ADDRESSES.server} 443`);
      },
    }),
};
