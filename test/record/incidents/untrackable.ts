// Packets that conntrack has no entry for by nature, or by a rule that hides one direction of them.

import { delay } from '../../lab/clock.js';
import { takeState, takeSurroundings } from '../host-state.js';
import type { Incident } from '../incident.js';
import { knock, playPath } from '../path.js';
import { listenToEvents, pairAddresses, playAll, serve, turnOnTracker } from '../scene.js';

const ONE_SIDED = pairAddresses(126);
const V6 = { client: '2001:db8:127::61', server: '2001:db8:127::62' };
/** As the kernel log writes addresses. */
const V6_LOGGED = ['2001:0db8:0127:0000:0000:0000:0000:0061', '2001:0db8:0127:0000:0000:0000:0000:0062'];
const WISH = { backend: 'legacy', hasIpv6: true } as const;

export const notrackOneSided: Incident = {
  name: 'notrack-one-sided',
  story:
    'A rule of the raw table leaves packets to the server untracked, for speed; nobody thought of the way back. The SYN ACK is shown to conntrack, which knows nothing of its SYN.',
  truth: {
    class: 'untrackable',
    cause: 'one-sided-notrack',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'INVALID',
    droppedBy: { family: 'ip', table: 'filter', chain: 'FORWARD', rule: 2 },
    note: 'Only SYN ACKs are INVALID; the SYNs pass as UNTRACKED. The look-alike of asymmetric-syn-unseen: both directions come by here.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(ONE_SIDED),
  proofs: [
    { file: 'kern.log', pattern: /FORWARD INVALID: .*ACK SYN/, atLeast: 2 },
    { file: 'iptables-save.txt', pattern: /notrack/ },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ONE_SIDED,
      wish: { backend: 'legacy' },
      rules: [
        `iptables-legacy -t raw -A PREROUTING -d ${ONE_SIDED.server} -p tcp --dport 8080 -j CT --notrack`,
        'iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j LOG --log-prefix "FORWARD INVALID: " --log-tcp-sequence',
        'iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j DROP',
      ],
      async traffic({ client, server }) {
        await serve(server, 8080);
        await knock(client, ONE_SIDED.server, 8080, 3, '-p 40126');
      },
    }),
};

/** One ICMPv6 packet of a type, from a raw socket; the kernel fills in its checksum. */
function send(type: number, to: string): string {
  return `python3 -c "import socket; s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6); s.sendto(bytes([${type}, 0]) + bytes(14), ('${to}', 0))"`;
}

export const icmpv6Untrackable: Incident = {
  name: 'icmpv6-untrackable',
  story:
    'A neighbour sends ICMPv6 of types that conntrack neither tracks nor leaves alone: 141 (inverse neighbour discovery) and 160 (extended echo). A rule drops INVALID. A ping passes as ever.',
  truth: {
    class: 'untrackable',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'INVALID',
    droppedBy: { family: 'ip6', table: 'filter', chain: 'INPUT', rule: 2 },
    note: 'Nothing is printed by log_invalid: only the LOG rule shows the types. Three packets, all INVALID from the first.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: V6_LOGGED,
  proofs: [
    { file: 'kern.log', pattern: /INPUT INVALID: .*TYPE=141 /, atLeast: 2 },
    { file: 'kern.log', pattern: /INPUT INVALID: .*TYPE=160 /, atLeast: 1 },
  ],
  async play({ lab, observe }) {
    const client = await lab.addHost('client');
    const server = await lab.addHost('server');
    await lab.wire(
      { host: client, interface: 'eth0', addresses: [`${V6.client}/64`] },
      { host: server, interface: 'eth0', addresses: [`${V6.server}/64`] },
    );
    const bundle = observe(server);
    await turnOnTracker(server, bundle, { 'netfilter.nf_conntrack_log_invalid': 255 });
    await playAll(server, [
      'ip6tables-legacy -A INPUT -m conntrack --ctstate INVALID -j LOG --log-prefix "INPUT INVALID: "',
      'ip6tables-legacy -A INPUT -m conntrack --ctstate INVALID -j DROP',
    ]);
    const events = await listenToEvents(bundle);
    await takeState(bundle, 'before', WISH);
    await client.run(`ping -6 -c 1 -W 2 ${V6.server}`);
    await client.run(send(141, V6.server));
    await delay(200);
    await client.run(send(141, V6.server));
    await client.run(send(160, V6.server));
    await delay(300);
    await takeState(bundle, 'after', WISH);
    await takeSurroundings(bundle);
    await events.stop();
  },
};
