// A healthy packet with a long way: marks, DNAT, user chains by jump and goto, two kinds of return, a set, MASQUERADE.

import type { Incident } from '../incident.js';
import { playPath, serveOnce, visit } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(75);

export const pathUserChains: Incident = {
  name: 'path-user-chains',
  story:
    'A client visits 192.0.2.1:8080, which DNAT leads to port 80 of the server. On the way: marks in mangle, user chains entered by jump and goto, ' +
    'left by their end and by RETURN, a matching ipset, MASQUERADE. Legacy TRACE in both directions.',
  truth: {
    class: 'normal',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'NEW',
    droppedBy: null,
    note: 'Accepted by filter LOGGED 2. TRACE lines before nat PREROUTING show 192.0.2.1:8080, those after it the server.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'kern.log', pattern: /TRACE: nat:PREROUTING:rule:1 /, atMost: 1 },
    { file: 'kern.log', pattern: /TRACE: filter:EARLY:return:3 / },
    { file: 'kern.log', pattern: /TRACE: filter:CHECKED:return:2 |TRACE: filter:CHECKED:rule:1 / },
    { file: 'kern.log', pattern: /TRACE: filter:LOGGED:rule:2 .*MARK=0x10/ },
    { file: 'kern.log', pattern: /TRACE: nat:POSTROUTING:rule:1 /, atMost: 1 },
    { file: 'conntrack-E.txt', pattern: /dport=8080.*src=198\.51\.100\.75 dst=198\.51\.100\.1/ },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'legacy' },
      rules: [
        'ipset create allowed hash:net',
        'ipset add allowed 192.0.2.64/26',
        'iptables-legacy -t raw -A PREROUTING -p tcp --dport 8080 -j TRACE',
        'iptables-legacy -t raw -A PREROUTING -p tcp --sport 80 -j TRACE',
        'iptables-legacy -t mangle -A PREROUTING -i eth0 -j MARK --set-xmark 0x10/0xff',
        'iptables-legacy -t mangle -A FORWARD -m mark --mark 0x10/0xff -j CONNMARK --save-mark',
        `iptables-legacy -t nat -A PREROUTING -d 192.0.2.1 -p tcp --dport 8080 -j DNAT --to-destination ${ADDRESSES.server}:80`,
        'iptables-legacy -t nat -A POSTROUTING -o eth1 -j MASQUERADE',
        'iptables-legacy -N EARLY',
        'iptables-legacy -N WEB',
        'iptables-legacy -N CHECKED',
        'iptables-legacy -N LOGGED',
        'iptables-legacy -A EARLY -p udp -j DROP',
        'iptables-legacy -A EARLY -m mark --mark 0x20/0xff -j DROP',
        'iptables-legacy -A CHECKED -m limit --limit 10/s -j RETURN',
        'iptables-legacy -A WEB -p tcp --dport 443 -j ACCEPT',
        'iptables-legacy -A WEB -p tcp --dport 80 -m comment --comment "the \\"shop\\"" -g CHECKED',
        'iptables-legacy -A LOGGED -j LOG --log-prefix "FORWARD NEW: "',
        'iptables-legacy -A LOGGED -p tcp --dport 80 -j ACCEPT',
        'iptables-legacy -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables-legacy -A FORWARD -j EARLY',
        'iptables-legacy -A FORWARD -p tcp -m set --match-set allowed src -j WEB',
        'iptables-legacy -A FORWARD -j LOGGED',
        'iptables-legacy -P FORWARD DROP',
      ],
      async traffic({ client, server, bundle }) {
        await serveOnce(server, 80);
        await visit(client, '192.0.2.1', 8080, 40075);
        await bundle.take('ipset.txt', 'ipset save', 'after');
      },
    }),
};
