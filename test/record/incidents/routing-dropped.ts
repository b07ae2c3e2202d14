// The rules accepted, the routing did not: the trace ends between PREROUTING and FORWARD, and only a counter says why.

import type { Incident } from '../incident.js';
import { knock, playPath } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(93);
const SOURCE = '203.0.113.93';

export const routingDropped: Incident = {
  name: 'routing-dropped',
  story:
    'Strict rp_filter on the firewall. Packets from 203.0.113.93 come in at eth0, but the route back to 203.0.113.0/24 leads to eth1. Legacy TRACE ends after ' +
    'PREROUTING; nstat counts TcpExtIPReversePathFilter.',
  truth: {
    class: 'routing-dropped',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'DROP',
    droppedBy: null,
    note: 'Dropped by the reverse path filter: three SYNs or more, as many in the counter; no FORWARD line, no entry (never confirmed).',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: [SOURCE],
  proofs: [
    { file: 'kern.log', pattern: /TRACE: mangle:PREROUTING:policy:2 /, atLeast: 3 },
    { file: 'kern.log', pattern: /FORWARD/, atLeast: 0, atMost: 0 },
    { file: 'nstat.txt', pattern: /^TcpExtIPReversePathFilter +[3-9] / },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'legacy', zeroCounters: true },
      async prepare({ client, firewall }) {
        await client.run(`ip addr add ${SOURCE}/32 dev lo`);
        // The reverse path filter refuses ARP requests with that source too: let the client know its gateway first.
        await client.run('ping -q -c 1 192.0.2.1');
        await firewall.setSysctls({ 'ipv4.conf.all.rp_filter': 1, 'ipv4.conf.eth0.rp_filter': 1 });
        await firewall.run(`ip route add 203.0.113.0/24 via ${ADDRESSES.server}`);
      },
      rules: [
        'iptables-legacy -t raw -A PREROUTING -p tcp --dport 80 -j TRACE',
        'iptables-legacy -t mangle -A PREROUTING -p tcp --dport 80 -j MARK --set-mark 1',
        'iptables-legacy -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables-legacy -A FORWARD -p tcp --dport 80 -j ACCEPT',
        'iptables-legacy -P FORWARD DROP',
      ],
      async traffic({ client, bundle }) {
        await knock(client, ADDRESSES.server, 80, 4, `-s ${SOURCE} -p 40093`);
        await bundle.take(
          'ip-route-get.txt',
          `ip route get ${ADDRESSES.server} from ${SOURCE} iif eth0 mark 1`,
          'after',
        );
      },
    }),
};
