// The firewall sees one half of the handshake only, as the other half takes another road.

import { delay } from '../../lab/clock.js';
import type { Incident, Truth } from '../incident.js';
import { knock, playPath } from '../path.js';
import { pairAddresses, serve } from '../scene.js';

const SYN_UNSEEN = pairAddresses(90);
const REPLY_UNSEEN = pairAddresses(91);

const RULES = [
  'iptables -A FORWARD -m conntrack --ctstate INVALID -j LOG --log-prefix "FORWARD INVALID: " --log-tcp-sequence',
  'iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP',
  'iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  'iptables -A FORWARD -p tcp -m conntrack --ctstate NEW -j LOG --log-prefix "FORWARD NEW: "',
];

function asymmetricTruth(which: string, note: string): Truth {
  return {
    class: which,
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'INVALID',
    droppedBy: { family: 'ip', table: 'filter', chain: 'FORWARD', rule: 2 },
    note,
  };
}

export const asymmetricSynUnseen: Incident = {
  name: 'asymmetric-syn-unseen',
  story:
    'The SYN goes from client to server by a road of its own, the SYN-ACK comes back through the firewall, which has no entry for it.',
  truth: asymmetricTruth('asymmetric-syn-unseen', 'Only SYN-ACKs are seen, all INVALID; no entry in either direction.'),
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(SYN_UNSEEN),
  proofs: [
    { file: 'kern.log', pattern: /FORWARD INVALID: .*ACK SYN/, atLeast: 3 },
    { file: 'kern.log', pattern: /FORWARD NEW: /, atLeast: 0, atMost: 0 },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: SYN_UNSEEN,
      wish: { backend: 'nft' },
      hasDetour: true,
      rules: RULES,
      async prepare({ client }) {
        await client.run(`ip route add ${SYN_UNSEEN.server} via 203.0.113.2 src ${SYN_UNSEEN.client}`);
      },
      async traffic({ client, server }) {
        await serve(server, 8080);
        await knock(client, SYN_UNSEEN.server, 8080, 4, '-p 40090');
      },
    }),
};

export const asymmetricReplyUnseen: Incident = {
  name: 'asymmetric-reply-unseen',
  story:
    'The SYN goes through the firewall, the SYN-ACK takes another road. Client and server are connected; for the firewall the entry is SYN_SENT and ' +
    'the ACK and all data after it are INVALID.',
  truth: asymmetricTruth(
    'asymmetric-reply-unseen',
    'Entry SYN_SENT [UNREPLIED]; the ACK (bare) and the data with retries are INVALID.',
  ),
  kernelLogForm: 'journal-json',
  addresses: Object.values(REPLY_UNSEEN),
  proofs: [
    { file: 'journal-k.json', pattern: /FORWARD NEW: .* SYN / },
    { file: 'journal-k.json', pattern: /FORWARD INVALID: .* ACK PSH /, atLeast: 2 },
    { file: 'conntrack-L.txt', pattern: /SYN_SENT.*UNREPLIED/ },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: REPLY_UNSEEN,
      wish: { backend: 'nft' },
      hasDetour: true,
      rules: RULES,
      async prepare({ server }) {
        await server.run(`ip route add ${REPLY_UNSEEN.client} via 203.0.113.1 src ${REPLY_UNSEEN.server}`);
      },
      async traffic({ client, server }) {
        await serve(server, 8080);
        const connection = client.start(`nc -p 40091 ${REPLY_UNSEEN.server} 8080`);
        await delay(300);
        connection.say('hello\n');
        await delay(2500);
      },
    }),
};
