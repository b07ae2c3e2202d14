// Packets outside of the window of a connection that is otherwise fine: the sender overshoots; and what INVALID means for NAT.

import { delay } from '../../lab/clock.js';
import { sendSegments } from '../../lab/raw-segments.js';
import { converse, silenceStacks } from '../converse.js';
import type { Incident } from '../incident.js';
import { isKernelSince } from '../kernel-release.js';
import { playPath } from '../path.js';
import { connectAndIdle, pairAddresses, serve } from '../scene.js';

const OVERSHOOT = pairAddresses(92);
const SKIPS_NAT = pairAddresses(94);
const SPORT = 40092;

const TAGS = [
  'iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j LOG --log-prefix "FORWARD INVALID: " --log-tcp-sequence',
  'iptables-legacy -A FORWARD -m conntrack --ctstate NEW -j LOG --log-prefix "FORWARD NEW: "',
];

export const windowOvershoot: Incident = {
  name: 'window-overshoot',
  story:
    'The server offers a window of 1000 bytes without scaling; the client sends past its end, first by less than a window (since 6.0 that passes), then by ' +
    'more. The server takes all of it and acknowledges. Firewall without a drop rule; played with raw sockets.',
  truth: {
    class: 'window-overshoot',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'INVALID',
    droppedBy: null,
    note: '"600 bytes more than expected" is only a remark, that packet is ESTABLISHED. Then "SEQ is over upper bound" from the client and "ACK is over upper bound" from the server, twice each, INVALID; all forwarded.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(OVERSHOOT),
  proofs: [
    // Before 6.0 that packet is over the bound as well; before 6.1 no number stands behind it.
    ...(isKernelSince('6.0') ? [{ file: 'kern.log', pattern: /600 bytes more than expected /, atMost: 1 }] : []),
    { file: 'kern.log', pattern: /SEQ is over (?:the )?upper bound /, atLeast: 2 },
    { file: 'kern.log', pattern: /ACK is over (?:the )?upper bound /, atLeast: 2 },
    { file: 'conntrack-L.txt', pattern: /ESTABLISHED.*sport=40092/ },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: OVERSHOOT,
      wish: { backend: 'legacy' },
      rules: TAGS,
      prepare: silenceStacks,
      traffic: (scene) =>
        converse(scene, OVERSHOOT, SPORT, [
          { from: 'client', flags: 'S', seq: 1000, win: 64240, options: '020405b4' },
          { from: 'server', flags: 'SA', seq: 5000, ack: 1001, win: 1000, options: '020405b4' },
          { from: 'client', flags: 'A', seq: 1001, ack: 5001, win: 64240 },
          { from: 'client', flags: 'PA', seq: 1001, ack: 5001, win: 64240, size: 1000 },
          { from: 'client', flags: 'PA', seq: 2100, ack: 5001, win: 64240, size: 500 },
          { from: 'server', flags: 'A', seq: 5001, ack: 2600, win: 1000 },
          { from: 'client', flags: 'PA', seq: 5000, ack: 5001, win: 64240, size: 100 },
          { from: 'server', flags: 'A', seq: 5001, ack: 5100, win: 1000 },
          { from: 'client', flags: 'PA', seq: 5100, ack: 5001, win: 64240, size: 100 },
          { from: 'server', flags: 'A', seq: 5001, ack: 5200, win: 1000 },
        ]),
    }),
};

export const invalidSkipsNat: Incident = {
  name: 'invalid-skips-nat',
  story:
    'A masqueraded connection is healthy. One segment of it with sequence numbers far off (from a raw socket) is INVALID, so it is not translated and ' +
    'leaves the uplink with its private source; nothing drops INVALID.',
  truth: {
    class: 'invalid-skips-nat',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'INVALID',
    droppedBy: null,
    note: 'Forwarded. eth1.pcap shows the packet with source 192.0.2.94 among packets of 198.51.100.1; the entry is there and ESTABLISHED. The server answers the stranger with a RST, which is INVALID too ("invalid new").',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(SKIPS_NAT),
  proofs: [
    { file: 'kern.log', pattern: /FORWARD INVALID: .*OUT=eth1 .*SRC=192\.0\.2\.94 .*SPT=40094/, atMost: 1 },
    { file: 'conntrack-L.txt', pattern: /ESTABLISHED.*dst=198\.51\.100\.1 .*\[ASSURED\]/ },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: SKIPS_NAT,
      wish: { backend: 'legacy' },
      rules: ['iptables-legacy -t nat -A POSTROUTING -o eth1 -j MASQUERADE', ...TAGS],
      async traffic({ client, server, bundle }) {
        const capture = await bundle.listen({
          file: 'eth1.pcap',
          command: 'tcpdump -i eth1 -U -w - tcp',
          covers: ['wire:eth1'],
          isBinary: true,
          isReady: (background) => background.errors().includes('listening on'),
        });
        await serve(server, 443);
        const connection = await connectAndIdle(client, SKIPS_NAT.server, 443, 40094);
        await sendSegments(client, SKIPS_NAT.client, SKIPS_NAT.server, [
          { sport: 40094, dport: 443, flags: 'PA', seq: 7, ack: 9, win: 501, size: 20 },
        ]);
        connection.say('still here\n');
        await delay(300);
        await capture.stop();
      },
    }),
};
