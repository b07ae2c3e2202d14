// Data, not a FIN, comes after the entry ran out: refused with strict tracking, taken up again with loose tracking.

import { delay } from '../../lab/clock.js';
import { finwaitRules, SERVICE_PORT } from '../finwait.js';
import { takeState, takeSurroundings } from '../host-state.js';
import type { Incident, Stage, Truth } from '../incident.js';
import {
  type Addresses,
  buildPair,
  connectAndIdle,
  listenToEvents,
  pairAddresses,
  playAll,
  serve,
  turnOnTracker,
} from '../scene.js';

const STRICT = pairAddresses(71);
const LOOSE = pairAddresses(72);
const WISH = { backend: 'legacy' } as const;

const truth: Truth = {
  class: 'entry-gone',
  cause: 'entry-expired',
  confidenceAtMost: 'certain',
  causeConfidenceAtMost: 'certain',
  outcome: 'INVALID',
  droppedBy: { family: 'ip', table: 'filter', chain: 'OUTPUT', rule: 3 },
  note: 'The refusal is silent on every kernel: only the LOG rule, nf_conntrack_tcp_loose=0 and the DESTROY event tell.',
};

async function play({ lab, observe }: Stage, addresses: Addresses, sport: number, loose: 0 | 1): Promise<void> {
  const { client, server } = await buildPair(lab, addresses);
  const bundle = observe(client);
  await turnOnTracker(client, bundle, {
    'netfilter.nf_conntrack_tcp_loose': loose,
    'netfilter.nf_conntrack_tcp_timeout_established': 3,
  });
  await playAll(client, finwaitRules(WISH));
  const service = await serve(server, SERVICE_PORT);
  const events = await listenToEvents(bundle);
  const connection = await connectAndIdle(client, addresses.server, SERVICE_PORT, sport);
  await takeState(bundle, 'before', WISH);
  await delay(4500);
  connection.say('more\n');
  await delay(2000);
  if (service.output().includes('more') !== (loose === 1)) throw new Error('the data went the other way');
  await takeState(bundle, 'after', WISH);
  await takeSurroundings(bundle);
  await events.stop();
}

export const dataExpiredStrict: Incident = {
  name: 'data-expired-strict',
  story:
    'nf_conntrack_tcp_timeout_established is 3 s and nf_conntrack_tcp_loose is 0. A connection is idle for 4.5 s, then sends five bytes. They find no ' +
    'entry, cannot make one, and are dropped in OUTPUT, again and again; the program lives on.',
  truth,
  kernelLogForm: 'dmesg',
  addresses: Object.values(STRICT),
  proofs: [
    { file: 'dmesg.txt', pattern: /OUTPUT INVALID: .*SPT=47271 .* ACK PSH/, atLeast: 3 },
    { file: 'dmesg.txt', pattern: /nf_ct_proto_6/, atLeast: 0, atMost: 0 },
    { file: 'conntrack-E.txt', pattern: /\[DESTROY\].*sport=47271/, atMost: 1 },
    { file: 'ss.txt', pattern: /^ESTAB.*:47271 / },
  ],
  play: (stage) => play(stage, STRICT, 47271, 0),
};

export const dataExpiredLoose: Incident = {
  name: 'data-expired-loose',
  story:
    'The same with nf_conntrack_tcp_loose=1: the five bytes are NEW in the middle of the connection, make an entry in ESTABLISHED and reach the server.',
  truth: {
    ...truth,
    outcome: 'NEW',
    droppedBy: null,
    note: 'One NEW line with ACK PSH behind the DESTROY of the old entry; a NEW event in ESTABLISHED. Nothing is INVALID, nothing is lost.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(LOOSE),
  proofs: [
    { file: 'kern.log', pattern: /OUTPUT NEW: .*SPT=47272 .* ACK PSH/, atMost: 1 },
    { file: 'kern.log', pattern: /OUTPUT INVALID/, atLeast: 0, atMost: 0 },
    { file: 'conntrack-E.txt', pattern: /\[DESTROY\].*sport=47272/, atLeast: 1 },
    { file: 'conntrack-E.txt', pattern: /\[NEW\].*ESTABLISHED.*sport=47272/, atMost: 1 },
  ],
  play: (stage) => play(stage, LOOSE, 47272, 1),
};
