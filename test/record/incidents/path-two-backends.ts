// Legacy tables and nft tables on one host, both traced: the legacy trace ends with ACCEPT, and the packet dies in an nft chain after it.

import type { Incident } from '../incident.js';
import { knock, playPath } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(77);

const HARDENING = `table inet hardening {
  chain forward { type filter hook forward priority 10; policy accept;
    tcp dport { 25, 465 } counter drop comment "no mail"
  }
}`;

export const pathTwoBackends: Incident = {
  name: 'path-two-backends',
  story:
    'iptables-legacy accepts port 25 in FORWARD; a native nft table of somebody else drops it ten priorities later. A TRACE rule of iptables-nft feeds ' +
    'both traces of the same packets: legacy lines in the kernel log, nft over netlink.',
  truth: {
    class: 'rule-decided',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'DROP',
    droppedBy: { family: 'inet', table: 'hardening', chain: 'forward', rule: 1 },
    note: 'The legacy trace alone ends at filter:FORWARD:rule:2, an ACCEPT: what happened after it is in nft-trace.txt only.',
  },
  kernelLogForm: 'dmesg',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'dmesg.txt', pattern: /TRACE: filter:FORWARD:rule:2 /, atLeast: 2 },
    { file: 'nft-trace.txt', pattern: /inet hardening forward rule .*drop/, atLeast: 2 },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'both' },
      traces: ['nft', 'xtables'],
      rules: [
        'iptables-legacy -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables-legacy -A FORWARD -p tcp --dport 25 -m conntrack --ctstate NEW -j ACCEPT',
        'iptables-legacy -P FORWARD DROP',
        'iptables-legacy -t mangle -A POSTROUTING -o eth1 -j MARK --set-mark 7',
        `nft -f - <<'EOF'\n${HARDENING}\nEOF`,
        'iptables-nft -t raw -A PREROUTING -p tcp --dport 25 -j TRACE',
      ],
      traffic: ({ client }) => knock(client, ADDRESSES.server, 25, 2, '-p 40077'),
    }),
};
