// Late FINs and RSTs of several servers, after socket and entry are both gone: noise, dropped without harm.

import { delay } from '../../lab/clock.js';
import { sendSegments } from '../../lab/raw-segments.js';
import { takeState, takeSurroundings } from '../host-state.js';
import type { Incident } from '../incident.js';
import { serveOnce } from '../path.js';
import { buildPair, listenToEvents, pairAddresses, playAll, turnOnTracker } from '../scene.js';

const ADDRESSES = pairAddresses(84);
const PEERS = [85, 86, 87, 88].map((n) => `198.51.100.${n}`);
const WISH = { backend: 'legacy' } as const;

export const normalLateClose: Incident = {
  name: 'normal-late-close',
  story:
    'Four servers are visited and close properly; entries last 1 s after that (short timeouts), the client has no sockets left. 2.5 s later each server ' +
    'sends a FIN again, as retransmitted by a slow path, and a RST.',
  truth: {
    class: 'late-close',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'INVALID',
    droppedBy: { family: 'ip', table: 'filter', chain: 'INPUT', rule: 3 },
    note: '8 INVALID packets (4 FIN, 4 RST) of 4 peers, no socket, no entry: harmless. The late packets are from raw sockets.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: [ADDRESSES.client],
  proofs: [
    { file: 'kern.log', pattern: /nf_ct_proto_6: invalid new /, atLeast: 8, atMost: 8 },
    { file: 'kern.log', pattern: /INPUT INVALID: .* FIN/, atLeast: 4, atMost: 4 },
    { file: 'ss.txt', pattern: /:443 /, atLeast: 0, atMost: 0 },
    { file: 'conntrack-E.txt', pattern: /\[NEW\]/, atLeast: 4, atMost: 4 },
    { file: 'conntrack-L.txt', pattern: /dport=443/, atLeast: 0, atMost: 0 },
  ],
  async play({ lab, observe }) {
    const { client, server } = await buildPair(lab, ADDRESSES);
    for (const peer of PEERS) await server.run(`ip addr add ${peer}/24 dev eth0`);
    const bundle = observe(client);
    await turnOnTracker(client, bundle, {
      'netfilter.nf_conntrack_tcp_timeout_time_wait': 1,
      'netfilter.nf_conntrack_tcp_timeout_last_ack': 1,
    });
    await playAll(client, [
      'iptables-legacy -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      'iptables-legacy -A INPUT -m conntrack --ctstate INVALID -j LOG --log-prefix "INPUT INVALID: " --log-tcp-sequence',
      'iptables-legacy -A INPUT -m conntrack --ctstate INVALID -j DROP',
      'iptables-legacy -A OUTPUT -p tcp -m conntrack --ctstate NEW -j LOG --log-prefix "OUTPUT NEW: "',
    ]);
    const events = await listenToEvents(bundle);
    await takeState(bundle, 'before', WISH);
    for (const [index, peer] of PEERS.entries()) {
      await serveOnce(server, 443);
      // -d: the client does not speak, so the server closes first and no TIME-WAIT socket stays on the client.
      await client.run(`nc -d -w 3 -p ${40840 + index} ${peer} 443`);
    }
    await delay(2500);
    for (const [index, peer] of PEERS.entries()) {
      const sport = 443;
      const dport = 40840 + index;
      await sendSegments(server, peer, ADDRESSES.client, [
        { sport, dport, flags: 'FA', seq: 70_000 + index, ack: 90_000, win: 501 },
        { sport, dport, flags: 'R', seq: 70_001 + index, win: 0, wait: 0.15 },
      ]);
    }
    await delay(200);
    await takeState(bundle, 'after', WISH);
    await takeSurroundings(bundle);
    await events.stop();
  },
};
