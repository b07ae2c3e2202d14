// REJECT --reject-with tcp-reset in the middle of connections: who resets them, and what becomes of their entries?

import { delay } from '../../lab/clock.js';
import type { Incident } from '../incident.js';
import { playPath } from '../path.js';
import { connectAndIdle, pairAddresses, serve } from '../scene.js';

const ADDRESSES = pairAddresses(118);

export const rejectWithReset: Incident = {
  name: 'reject-with-reset',
  story:
    'A connection is established; then a rule at the head of FORWARD rejects its port with tcp-reset. The next segment is ESTABLISHED, the rule resets the ' +
    'client, the server hears nothing. FORWARD is traced by a LOG rule.',
  truth: {
    class: 'rule-decided',
    cause: 'ended-early',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'DROP',
    droppedBy: { family: 'ip', table: 'filter', chain: 'FORWARD', rule: 2 },
    note: 'On 6.18 the RST closes the entry (10 s); older kernels keep it ESTABLISHED for days.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(ADDRESSES),
  proofs: [{ file: 'kern.log', pattern: /FORWARD EST: .*SPT=40118 .*ACK PSH/, atLeast: 1 }],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'legacy' },
      rules: ['iptables-legacy -A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT'],
      async traffic({ client, server, firewall, bundle }) {
        await serve(server, 443);
        const connection = await connectAndIdle(client, ADDRESSES.server, 443, 40118);
        await firewall.play(
          'iptables-legacy -I FORWARD 1 -p tcp --dport 443 -m conntrack --ctstate ESTABLISHED -j LOG --log-prefix "FORWARD EST: "',
        );
        await firewall.play('iptables-legacy -I FORWARD 2 -p tcp --dport 443 -j REJECT --reject-with tcp-reset');
        await bundle.take('iptables-save-during.txt', 'iptables-legacy-save -c', 'during');
        connection.say('more\n');
        await delay(500);
      },
    }),
};
