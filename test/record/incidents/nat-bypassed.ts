// An exception in the nat table stands before MASQUERADE and is too wide: the packet leaves with its private source.

import type { Incident } from '../incident.js';
import { knock, playPath } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(74);

export const natBypassed: Incident = {
  name: 'nat-bypassed',
  story:
    'POSTROUTING 1 exempts 198.51.0.0/16 (the tunnel was 198.51.101.0/24) from MASQUERADE in rule 2. SYNs leave eth1 untranslated; the server has ' +
    'no way back to 192.0.2.0/24, so nothing answers. Legacy TRACE is on.',
  truth: {
    class: 'rule-decided',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'NEW',
    droppedBy: null,
    note: 'Nat bypassed: nat POSTROUTING 1 accepts before rule 2. The entry has a reply tuple that is the plain inverse; forwarded, not dropped here.',
  },
  kernelLogForm: 'rsyslog-classic',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'kern.log', pattern: /TRACE: nat:POSTROUTING:rule:1 / },
    { file: 'kern.log', pattern: /TRACE: nat:POSTROUTING:rule:2 /, atLeast: 0, atMost: 0 },
    { file: 'conntrack-L.txt', pattern: /SYN_SENT.*\[UNREPLIED\].*dst=192\.0\.2\.74/ },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'legacy' },
      async prepare({ server }) {
        await server.run('ip route del default');
      },
      rules: [
        'iptables-legacy -t raw -A PREROUTING -p tcp --dport 80 -j TRACE',
        'iptables-legacy -t nat -A POSTROUTING -d 198.51.0.0/16 -m comment --comment "not through the tunnel" -j ACCEPT',
        'iptables-legacy -t nat -A POSTROUTING -o eth1 -j MASQUERADE',
        'iptables-legacy -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables-legacy -A FORWARD -i eth0 -o eth1 -j ACCEPT',
        'iptables-legacy -P FORWARD DROP',
      ],
      traffic: ({ client }) => knock(client, ADDRESSES.server, 80, 4, '-p 40074'),
    }),
};
