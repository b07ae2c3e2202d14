// A scanner: segments that no stack sends. Each gets its own reason from the TCP tracker, or none.

import { delay } from '../../lab/clock.js';
import { type RawSegment, sendSegments } from '../../lab/raw-segments.js';
import { takeState, takeSurroundings } from '../host-state.js';
import type { Incident } from '../incident.js';
import { buildPair, listenToEvents, playAll, turnOnTracker } from '../scene.js';

const ADDRESSES = { client: '203.0.113.81', server: '198.51.100.81' };
const WISH = { backend: 'legacy' } as const;

const SEGMENTS: readonly RawSegment[] = [
  { sport: 40001, dport: 80, flags: '', id: 5001 },
  { sport: 40002, dport: 80, flags: 'FPU', id: 5002 },
  { sport: 40003, dport: 80, flags: 'SF', id: 5003 },
  { sport: 40004, dport: 80, flags: 'SR', id: 5004 },
  { sport: 40005, dport: 80, flags: 'S', offset: 4, id: 5005 },
  { sport: 40006, dport: 80, flags: 'S', cut: 8, id: 5006 },
  { sport: 40007, dport: 80, flags: 'S', cut: 2, id: 5007 },
  { sport: 40008, dport: 80, flags: 'S', sum: 'bad', id: 5008 },
  { sport: 40009, dport: 80, flags: 'F', id: 5009 },
  { sport: 40010, dport: 80, flags: 'SA', ack: 77, id: 5010 },
  { sport: 40011, dport: 80, flags: 'FA', ack: 77, id: 5011 },
  { sport: 40012, dport: 80, flags: 'R', id: 5012 },
  { sport: 40013, dport: 81, flags: 'S', id: 5013, win: 64240, options: '020405b4' },
];

export const malformed: Incident = {
  name: 'malformed',
  story:
    '203.0.113.81 sends NULL, XMAS, SYN+FIN, SYN+RST, a wrong data offset, headers cut after 8 and 2 bytes, a wrong checksum, FIN, SYN-ACK, FIN-ACK, ' +
    'RST and one ordinary SYN, from raw sockets. log_invalid is 255.',
  truth: {
    class: 'malformed',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'INVALID',
    droppedBy: { family: 'ip', table: 'filter', chain: 'INPUT', rule: 3 },
    note: 'Source ports tell them apart: 40001-40004 flags, 40005 truncated, 40006-40007 cut (silent), 40008 checksum, 40009-40012 no entry, 40013 an ordinary SYN (NEW).',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'kern.log', pattern: /invalid tcp flag combination/, atLeast: 4 },
    { file: 'kern.log', pattern: /truncated packet/ },
    { file: 'kern.log', pattern: /bad checksum/ },
    { file: 'kern.log', pattern: /INCOMPLETE \[\d bytes\]/, atLeast: 2 },
    { file: 'kern.log', pattern: /INPUT INVALID: /, atLeast: 12 },
    { file: 'kern.log', pattern: /INPUT NEW: .*SPT=40013/ },
  ],
  async play({ lab, observe }) {
    const { client, server } = await buildPair(lab, ADDRESSES);
    const bundle = observe(server);
    await turnOnTracker(server, bundle, { 'netfilter.nf_conntrack_log_invalid': 255 });
    await playAll(server, [
      'iptables-legacy -A INPUT -m conntrack --ctstate NEW -j LOG --log-prefix "INPUT NEW: " --log-tcp-options',
      'iptables-legacy -A INPUT -m conntrack --ctstate INVALID -j LOG --log-prefix "INPUT INVALID: " --log-tcp-sequence --log-ip-options',
      'iptables-legacy -A INPUT -m conntrack --ctstate INVALID -j DROP',
      'iptables-legacy -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    ]);
    const events = await listenToEvents(bundle);
    await takeState(bundle, 'before', WISH);
    await sendSegments(client, ADDRESSES.client, ADDRESSES.server, SEGMENTS);
    await delay(300);
    await takeState(bundle, 'after', WISH);
    await takeSurroundings(bundle);
    await events.stop();
  },
};
