// After a flush the connection goes on: with tcp_loose its next data makes a new entry, NEW without SYN. In IPv6.

import { delay } from '../../lab/clock.js';
import { takeState, takeSurroundings } from '../host-state.js';
import type { Incident } from '../incident.js';
import { connectAndIdle, listenToEvents, playAll, serve, turnOnTracker } from '../scene.js';

const CLIENT = '2001:db8:95::61';
const SERVER = '2001:db8:95::62';
const SPORT = 40095;
const WISH = { backend: 'legacy', hasIpv6: true } as const;

export const midstreamPickup: Incident = {
  name: 'midstream-pickup',
  story:
    'Two IPv6 connections are established; conntrack -F takes their entries; both send again. nf_conntrack_tcp_loose is 1: the data packets are NEW ' +
    'and make entries in ESTABLISHED without a SYN.',
  truth: {
    class: 'midstream-pickup',
    cause: 'entry-flushed-from-userspace',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'NEW',
    droppedBy: null,
    note: 'Two NEW lines without SYN (ACK PSH) after two with; DESTROY events with one port id, then NEW events in ESTABLISHED with 300 s.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: [CLIENT.replace('2001:db8:95::', '2001:0db8:0095:0000:0000:0000:0000:00'), CLIENT],
  proofs: [
    { file: 'kern.log', pattern: /OUTPUT NEW: .* SYN URGP/, atLeast: 2, atMost: 2 },
    { file: 'kern.log', pattern: /OUTPUT NEW: .* ACK PSH /, atLeast: 2, atMost: 2 },
    { file: 'conntrack-E.txt', pattern: /\[NEW\].*ESTABLISHED/, atLeast: 2, atMost: 2 },
  ],
  async play({ lab, observe }) {
    const client = await lab.addHost('client');
    const server = await lab.addHost('server');
    await lab.wire(
      { host: client, interface: 'eth0', addresses: [`${CLIENT}/64`] },
      { host: server, interface: 'eth0', addresses: [`${SERVER}/64`] },
    );
    const bundle = observe(client);
    await turnOnTracker(client, bundle);
    await playAll(client, [
      'ip6tables-legacy -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      'ip6tables-legacy -A INPUT -p ipv6-icmp -j ACCEPT',
      'ip6tables-legacy -A INPUT -j DROP',
      'ip6tables-legacy -A OUTPUT -p tcp -m conntrack --ctstate NEW -j LOG --log-prefix "OUTPUT NEW: "',
    ]);
    await serve(server, 8080, '-6');
    const events = await listenToEvents(bundle);
    const connections = [
      await connectAndIdle(client, SERVER, 8080, SPORT),
      await connectAndIdle(client, SERVER, 8080, SPORT + 1),
    ];
    await takeState(bundle, 'before', WISH);
    await client.play('conntrack -F -f ipv6');
    await delay(300);
    for (const connection of connections) connection.say('more\n');
    await delay(300);
    await takeState(bundle, 'after', WISH);
    await bundle.take('conntrack-L-ipv6.txt', 'conntrack -L -f ipv6 -o id,extended,ktimestamp', 'after');
    await takeSurroundings(bundle);
    await bundle.take('ip-6-route.json', 'ip -6 -j route', 'after');
    await events.stop();
  },
};
