// The window scale is lost on the way: a box in front of the server takes the option out of its SYN ACK, and the ends no longer agree.

import { delay } from '../../lab/clock.js';
import { waitUntil } from '../../lab/process.js';
import type { Incident } from '../incident.js';
import { playPath } from '../path.js';
import { connectAndIdle, pairAddresses, serve } from '../scene.js';

const ENDS = pairAddresses(113);
const SPORT = 40113;
const PORT = 8080;
const LINE = `${'x'.repeat(99)}\n`;
const LINES = 300;

export const windowScaleStripped: Incident = {
  name: 'window-scale-stripped',
  story:
    'A box in front of the server (here its own mangle table) takes the window scale out of the SYN ACK. The client, and conntrack, scale nothing; the ' +
    'server shifts the windows of the client, as it offered to, and sends far beyond them. The firewall drops INVALID.',
  truth: {
    class: 'window-overshoot',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'INVALID',
    droppedBy: { family: 'ip', table: 'filter', chain: 'FORWARD', rule: 3 },
    note: 'eth1.pcap: the SYN offers a scale, the SYN ACK has none. Data of the server lies beyond what the client allowed: "SEQ is over upper bound". nf_conntrack_tcp_be_liberal=1 would have let it pass; the client takes none of it.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(ENDS),
  proofs: [
    { file: 'kern.log', pattern: /SEQ is over (?:the )?upper bound /, atLeast: 2 },
    { file: 'iptables-save.txt', pattern: /^\[[1-9]\d*:\d+\] -A FORWARD .*INVALID -j DROP/, atMost: 1 },
    { file: 'conntrack-L.txt', pattern: /ESTABLISHED.*sport=40113/ },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ENDS,
      wish: { backend: 'legacy' },
      rules: [
        'iptables-legacy -A FORWARD -m conntrack --ctstate NEW -j LOG --log-prefix "FORWARD NEW: " --log-tcp-sequence --log-tcp-options',
        'iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j LOG --log-prefix "FORWARD INVALID: " --log-tcp-sequence --log-tcp-options',
        'iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j DROP',
      ],
      async prepare({ client, server }) {
        await server.play(
          'iptables-legacy -t mangle -A POSTROUTING -p tcp --tcp-flags SYN,ACK SYN,ACK -j TCPOPTSTRIP --strip-options wscale',
        );
        // A small window, so that what the server takes it for is far from it; and a segment a frame.
        await client.play('sysctl -w net.ipv4.tcp_rmem="4096 8192 8192"');
        for (const host of [client, server]) await host.run('ethtool -K eth0 tso off gso off gro off');
      },
      async traffic({ client, firewall, server, bundle }) {
        const capture = await bundle.listen({
          file: 'eth1.pcap',
          command: 'tcpdump -i eth1 --immediate-mode -s 100 -U -w - tcp',
          covers: ['wire:eth1'],
          isBinary: true,
          isReady: (background) => background.errors().includes('listening on'),
        });
        const service = await serve(server, PORT);
        await connectAndIdle(client, ENDS.server, PORT, SPORT);
        service.say(LINE.repeat(LINES));
        await waitUntil('some of it was dropped', async () =>
          /\[[1-9]\d*:\d+\] -A FORWARD .*INVALID -j DROP/.test((await firewall.run('iptables-legacy-save -c')).stdout),
        );
        await waitUntil(
          'all of it arrived',
          async () => /^ESTAB +0 +0 /m.test((await server.run(`ss -Htn sport = :${PORT}`)).stdout),
          30_000,
        );
        await delay(300);
        await capture.stop();
      },
    }),
};
