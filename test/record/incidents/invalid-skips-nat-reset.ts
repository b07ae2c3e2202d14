// What INVALID means for NAT on the way back: an answer that is not translated is taken for this host's own, and reset.

import { delay } from '../../lab/clock.js';
import { sendSegments } from '../../lab/raw-segments.js';
import type { Incident } from '../incident.js';
import { playPath } from '../path.js';
import { connectAndIdle, pairAddresses, serve } from '../scene.js';

const ADDRESSES = pairAddresses(112);

export const invalidSkipsNatReset: Incident = {
  name: 'invalid-skips-nat-reset',
  story:
    'A masqueraded connection is healthy. One answer of its server with sequence numbers far off (from a raw socket) is INVALID, so it is not translated ' +
    'back: the firewall takes it for its own, has no such socket, and answers with a RST that resets the server. Nothing in INPUT drops INVALID. Rules of nftables.',
  truth: {
    class: 'invalid-skips-nat',
    cause: 'reset-downstream',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'INVALID',
    droppedBy: null,
    note: 'Delivered to the firewall itself. Its own RST (IN= empty, OUT=eth1) has no entry either: "invalid new". The entry stays ESTABLISHED.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'kern.log', pattern: /INPUT INVALID: .*IN=eth1 .*SRC=198\.51\.100\.112 DST=198\.51\.100\.1 /, atMost: 1 },
    { file: 'kern.log', pattern: /invalid new IN= OUT=eth1 .*SRC=198\.51\.100\.1 DST=198\.51\.100\.112 .*RST/ },
    { file: 'conntrack-L.txt', pattern: /ESTABLISHED.*dst=198\.51\.100\.1 .*\[ASSURED\]/ },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'nft' },
      rules: [
        'nft add table inet fw',
        'nft add chain inet fw post "{ type nat hook postrouting priority srcnat; }"',
        'nft add rule inet fw post oifname eth1 counter masquerade',
        'nft add chain inet fw in "{ type filter hook input priority filter; policy accept; }"',
        'nft add rule inet fw in ct state invalid counter log prefix \\"INPUT INVALID: \\" flags tcp sequence',
      ],
      async traffic({ client, server, bundle }) {
        const capture = await bundle.listen({
          file: 'eth1.pcap',
          command: 'tcpdump -i eth1 --immediate-mode -U -w - tcp',
          covers: ['wire:eth1'],
          isBinary: true,
          isReady: (background) => background.errors().includes('listening on'),
        });
        await serve(server, 443);
        const connection = await connectAndIdle(client, ADDRESSES.server, 443, 40112);
        await sendSegments(server, ADDRESSES.server, '198.51.100.1', [
          { sport: 443, dport: 40112, flags: 'PA', seq: 7, ack: 9, win: 501, size: 20 },
        ]);
        await delay(300);
        connection.say('still here\n');
        await delay(200);
        await capture.stop();
      },
    }),
};
