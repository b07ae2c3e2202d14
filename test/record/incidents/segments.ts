// Segments that are old, forged or of another life of the same ports; and the setting that makes conntrack silent about windows.

import { converse, OPENING, type Said, silenceStacks } from '../converse.js';
import type { Incident, Proof, Truth } from '../incident.js';
import { playPath } from '../path.js';
import { type Addresses, pairAddresses } from '../scene.js';

const TAGS = [
  'iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j LOG --log-prefix "FORWARD INVALID: " --log-tcp-sequence',
  'iptables-legacy -A FORWARD -m conntrack --ctstate NEW -j LOG --log-prefix "FORWARD NEW: " --log-tcp-sequence --log-tcp-options',
];

interface Course {
  readonly name: string;
  readonly story: string;
  readonly truth: Pick<Truth, 'class' | 'cause' | 'outcome' | 'note'> & Partial<Truth>;
  readonly addresses: Addresses;
  readonly sport: number;
  readonly proofs: readonly Proof[];
  readonly said: readonly Said[];
  readonly sysctls?: Readonly<Record<string, number>>;
  /** Rules behind those that tag INVALID and NEW. */
  readonly rules?: readonly string[];
}

/** A conversation from raw sockets through a firewall that drops nothing. */
function segments(course: Course): Incident {
  const { name, story, addresses, sport, proofs, said, sysctls } = course;
  return {
    name,
    story,
    truth: {
      confidenceAtMost: 'certain',
      causeConfidenceAtMost: course.truth.cause === null ? null : 'certain',
      droppedBy: null,
      ...course.truth,
    },
    kernelLogForm: 'rsyslog-rfc3339',
    addresses: Object.values(addresses),
    proofs,
    play: (stage) =>
      playPath(stage, {
        addresses,
        wish: { backend: 'legacy' },
        rules: [...TAGS, ...(course.rules ?? [])],
        ...(sysctls === undefined ? {} : { sysctls }),
        prepare: silenceStacks,
        traffic: (scene) => converse(scene, addresses, sport, said),
      }),
  };
}

/** 300,000 bytes, so that the begin lies far below the window. */
const MANY: readonly Said[] = Array.from({ length: 5 }, (_, at): readonly Said[] => [
  { from: 'client', flags: 'PA', seq: 1101 + at * 1400, ack: 5101, win: 64240, size: 1400 },
  { from: 'server', flags: 'A', seq: 5101, ack: 2501 + at * 1400, win: 3000 },
]).flat();

export const oldSegment = segments({
  name: 'old-segment',
  story:
    'The server offers windows of 3000 bytes. Seven kilobytes on, the first segment comes once more, as if it had been under way all the time. 6.18 says so and lets it pass.',
  truth: {
    class: 'old-segment',
    cause: null,
    outcome: 'OTHER',
    note: '"SEQ is under lower bound" is a remark on 6.1 and newer: no INVALID line of the LOG rule.',
  },
  addresses: pairAddresses(120),
  sport: 40120,
  proofs: [
    { file: 'kern.log', pattern: /SEQ is under (?:the )?lower bound /, atLeast: 1 },
    { file: 'kern.log', pattern: /FORWARD INVALID/, atLeast: 0, atMost: 0 },
  ],
  said: [
    { from: 'client', flags: 'S', seq: 1000, win: 64240, options: '020405b4' },
    { from: 'server', flags: 'SA', seq: 5000, ack: 1001, win: 3000, options: '020405b4' },
    { from: 'client', flags: 'A', seq: 1001, ack: 5001, win: 64240 },
    { from: 'server', flags: 'PA', seq: 5001, ack: 1001, win: 3000, size: 100 },
    { from: 'client', flags: 'PA', seq: 1001, ack: 5101, win: 64240, size: 100 },
    ...MANY,
    { from: 'client', flags: 'PA', seq: 1001, ack: 5101, win: 64240, size: 100 },
    { from: 'client', flags: 'PA', seq: 8101, ack: 5101, win: 64240, size: 100 },
  ],
});

export const rstRejected = segments({
  name: 'rst-rejected',
  story:
    'A healthy connection; the server, or a device in its name, sends RSTs with sequence number 0, as an answer to a SYN would have. Conntrack refuses them ("invalid rst"), the connection goes on.',
  truth: {
    class: 'rst-rejected',
    cause: null,
    outcome: 'INVALID',
    note: 'Two RSTs with SEQ=0, INVALID, forwarded; the entry stays ESTABLISHED.',
  },
  addresses: pairAddresses(121),
  sport: 40121,
  proofs: [
    { file: 'kern.log', pattern: /nf_ct_proto_6: invalid rst /, atLeast: 2 },
    { file: 'conntrack-L.txt', pattern: /ESTABLISHED.*sport=40121/ },
  ],
  said: [
    ...OPENING,
    { from: 'server', flags: 'R', seq: 0, win: 0 },
    { from: 'server', flags: 'R', seq: 0, win: 0, wait: 0.5 },
    { from: 'client', flags: 'PA', seq: 1101, ack: 5101, win: 64240, size: 50 },
  ],
});

export const rstChallenged = segments({
  name: 'rst-challenged',
  story:
    'The server has acknowledged what the client sent, then a challenge ACK of an earlier moment comes late, and the client answers it with an RST of just the number it demands. For conntrack that number is too low by now ("invalid rst").',
  truth: {
    class: 'rst-rejected',
    cause: 'answers-challenge-ack',
    outcome: 'INVALID',
    note: 'The RST has SEQ=1101, the ACK that it answers has ACK=1101; the server had acknowledged 1201. The entry stays ESTABLISHED.',
  },
  addresses: pairAddresses(125),
  sport: 40125,
  rules: [
    'iptables-legacy -A FORWARD -p tcp --tcp-flags ALL ACK -j LOG --log-prefix "FORWARD ACK: " --log-tcp-sequence',
  ],
  proofs: [
    { file: 'kern.log', pattern: /nf_ct_proto_6: invalid rst /, atLeast: 1 },
    { file: 'kern.log', pattern: /FORWARD ACK: .*SPT=80 .*ACK=1101 /, atLeast: 1 },
    { file: 'conntrack-L.txt', pattern: /ESTABLISHED.*sport=40125/ },
  ],
  said: [
    ...OPENING,
    { from: 'client', flags: 'PA', seq: 1101, ack: 5101, win: 64240, size: 100 },
    { from: 'server', flags: 'A', seq: 5101, ack: 1201, win: 64240 },
    { from: 'server', flags: 'A', seq: 5101, ack: 1101, win: 64240, wait: 0.3 },
    { from: 'client', flags: 'R', seq: 1101, win: 0 },
  ],
});

export const portReused = segments({
  name: 'port-reused',
  story:
    'The client forgets an established connection (a crash) and opens a new one from the same port. Conntrack ignores the SYN, the server answers with an ACK of the old connection; the client resets that and tries again.',
  truth: {
    class: 'port-reuse',
    cause: 'entry-remembers',
    outcome: 'OTHER',
    note: '"packet (index 0) in dir 0 ignored, state ESTABLISHED": the SYN passes and is no packet of the entry. After the RST the second SYN opens a new entry.',
  },
  addresses: pairAddresses(122),
  sport: 40122,
  proofs: [
    { file: 'kern.log', pattern: /packet \(index 0\) in dir 0 ignored, state ESTABLISHED /, atLeast: 1 },
    { file: 'kern.log', pattern: /FORWARD INVALID/, atLeast: 0, atMost: 0 },
  ],
  said: [
    ...OPENING,
    { from: 'client', flags: 'S', seq: 900_000, win: 64240, options: '020405b4', wait: 0.5 },
    { from: 'server', flags: 'A', seq: 5101, ack: 1101, win: 64240 },
    { from: 'client', flags: 'R', seq: 1101, win: 0 },
    { from: 'client', flags: 'S', seq: 900_000, win: 64240, options: '020405b4', wait: 1 },
    { from: 'server', flags: 'SA', seq: 70_000, ack: 900_001, win: 64240, options: '020405b4' },
    { from: 'client', flags: 'A', seq: 900_001, ack: 70_001, win: 64240 },
  ],
});

export const windowLiberal = segments({
  name: 'window-liberal',
  story:
    'The twin of window-overshoot with nf_conntrack_tcp_be_liberal=1: the sender goes as far past the window, and nothing is refused or said.',
  truth: {
    class: 'normal',
    cause: null,
    outcome: 'NEW',
    note: 'No line of log_invalid, no INVALID: only the SYN is logged.',
  },
  addresses: pairAddresses(123),
  sport: 40123,
  sysctls: { 'netfilter.nf_conntrack_tcp_be_liberal': 1 },
  proofs: [
    { file: 'kern.log', pattern: /nf_ct_proto_6|FORWARD INVALID/, atLeast: 0, atMost: 0 },
    { file: 'kern.log', pattern: /FORWARD NEW: /, atLeast: 1, atMost: 1 },
  ],
  said: [
    { from: 'client', flags: 'S', seq: 1000, win: 64240, options: '020405b4' },
    { from: 'server', flags: 'SA', seq: 5000, ack: 1001, win: 1000, options: '020405b4' },
    { from: 'client', flags: 'A', seq: 1001, ack: 5001, win: 64240 },
    { from: 'client', flags: 'PA', seq: 1001, ack: 5001, win: 64240, size: 1000 },
    { from: 'client', flags: 'PA', seq: 5000, ack: 5001, win: 64240, size: 100 },
    { from: 'server', flags: 'A', seq: 5001, ack: 5100, win: 1000 },
  ],
});

export const badChecksum = segments({
  name: 'bad-checksum',
  story:
    'A connection whose larger segments arrive with a wrong checksum, as from a sender whose card was to fill it in and did not. Small ones are right.',
  truth: {
    class: 'checksum',
    cause: null,
    // Who spoiled it is not seen on the host it comes to.
    confidenceAtMost: 'likely',
    outcome: 'INVALID',
    note: 'Three segments, "bad checksum", INVALID and forwarded; the entry is healthy.',
  },
  addresses: pairAddresses(124),
  sport: 40124,
  proofs: [{ file: 'kern.log', pattern: /nf_ct_proto_6: bad checksum /, atLeast: 3 }],
  said: [
    ...OPENING,
    { from: 'server', flags: 'PA', seq: 5101, ack: 1101, win: 64240, size: 1400, sum: 'bad' },
    { from: 'server', flags: 'PA', seq: 5101, ack: 1101, win: 64240, size: 1400, sum: 'bad', wait: 0.3 },
    { from: 'server', flags: 'PA', seq: 5101, ack: 1101, win: 64240, size: 1400, sum: 'bad', wait: 0.6 },
    { from: 'client', flags: 'A', seq: 1101, ack: 5101, win: 64240 },
  ],
});
