// The same addresses and ports again, while somebody still remembers the connection before: the SYN meets an entry that is not done, or the
// peer answers it with an ACK of the old connection.

import type { Remedy } from '../../model/finding.js';
import { inferred, type LookAlike, ruledOutBy, type Step, shown, type Verdict } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { citePacket, firstPacket, livesBefore, packetMoment } from '../explain/flow-facts.js';
import { hasFlag, isSameWay, isSyn } from '../explain/segment-facts.js';
import type { Cause } from './cause.js';
import { printedBy } from './message-step.js';
import { endWords, flowWords } from './words.js';

/** 'packet (index 0) in dir 0 ignored, state TIME_WAIT' since 5.12; 'invalid packet ignored in state TIME_WAIT' before. */
const IGNORED = /ignored(?:,| in) state (\w+)/;
/** A SYN in front of the answer is only repeated. */
const OPENING = ['NONE', 'SYN_SENT', 'SYN_RECV', 'SYN_SENT2'];

interface Reuse {
  readonly is: 'entry-remembers' | 'peer-remembers';
  readonly state: string;
}

/**
 * A SYN on an entry beyond its handshake, or an ACK where a SYN ACK is due (net/netfilter/nf_conntrack_proto_tcp.c: tcp_conntracks, rows
 * SYN and ACK, all versions).
 */
function reuseOf(subject: Case): Reuse | null {
  const packet = firstPacket(subject);
  const state = IGNORED.exec(printedBy(subject))?.[1];
  if (subject.reason?.id === 'tcp-challenge-ack-ignored') return { is: 'peer-remembers', state: 'LAST_ACK' };
  if (subject.reason?.id !== 'tcp-packet-ignored' || state === undefined) return null;
  if (isSyn(packet) && !OPENING.includes(state)) return { is: 'entry-remembers', state };
  if (packet.flags === 'ACK' && state === 'SYN_SENT') return { is: 'peer-remembers', state };
  return null;
}

/** The packets that followed, of the two ends: an ACK where a SYN ACK is due, an RST, the SYN again. */
function courseStep(subject: Case, packet: SeenPacket): Step {
  const later = subject.all.filter((one) => one.row.id !== packet.row.id && one.row.line >= packet.row.line);
  const reset = later.find((one) => hasFlag(one, 'RST'));
  const again = later.find((one) => isSyn(one) && one.row.seq === packet.row.seq);
  if (reset !== undefined) return shown('an RST follows', [citePacket(subject, reset, 0)], false);
  if (again !== undefined) return shown('the SYN is sent again', [citePacket(subject, again, 0)], false);
  return inferred('what the peer answers is not in what was recorded', [], false, ASK.capture);
}

/** A SYN that was delayed on the way, not a new one: it has the number of the first. */
function notDelayed(subject: Case): LookAlike {
  const packet = firstPacket(subject);
  const first = subject.all.find((one) => isSyn(one) && isSameWay(one, packet) && one.row.id !== packet.row.id);
  const isOther =
    isSyn(packet) &&
    first !== undefined &&
    first.row.seq !== null &&
    packet.row.seq !== null &&
    first.row.seq !== packet.row.seq;
  return ruledOutBy(
    'old-segment',
    'it has another sequence number than the SYN before it: a new connection, not a late copy',
    isOther ? [citePacket(subject, first, 0), citePacket(subject, packet, packet.reasonStep ?? 0)] : [],
    ASK.capture,
  );
}

/** A SYN that somebody forged opens nothing; one that a stack sends does, soon after. */
function notForged(subject: Case): LookAlike {
  const { atUs } = firstPacket(subject).row;
  const born = subject.events.find(
    (event) => event.kind === 'NEW' && event.atUs !== null && atUs !== null && event.atUs > atUs,
  );
  const opened =
    born === undefined
      ? undefined
      : subject.events.find(
          (event) => event.line > born.line && event.sourceId === born.sourceId && event.state === 'ESTABLISHED',
        );
  return ruledOutBy(
    'malformed',
    'the new connection comes about in the end: the SYN is not forged',
    born === undefined || opened === undefined ? [] : [subject.cite.event(born), subject.cite.event(opened)],
    ASK.events,
  );
}

/** What keeps ports from coming round while somebody remembers them. */
export const morePorts: readonly Remedy[] = [
  {
    when: 'lasting',
    text: 'give the opener more ports, so that none comes round so soon',
    command: 'sysctl -w net.ipv4.ip_local_port_range="10240 65535"',
    undo: 'sysctl -w net.ipv4.ip_local_port_range="32768 60999"',
    price: 'ports below 32768 may belong to services; name those in ip_local_reserved_ports',
  },
  {
    when: 'lasting',
    text: 'have the side that opens also close first, or keep connections open: TIME_WAIT then keeps its port from being used again',
    command: 'sysctl net.ipv4.tcp_tw_reuse net.netfilter.nf_conntrack_tcp_timeout_time_wait',
    undo: '',
    price: 'none, this only looks',
  },
];

export const portReuse: Cause = {
  id: 'port-reuse',
  title: 'Ports used again while the old connection is remembered',
  needs: 'the line of log_invalid about an ignored packet, or the events of both lives',
  decides:
    'a SYN is ignored in a state beyond the handshake ("packet (index 0) … ignored, state …"), or the answer to a SYN is an ACK ("ignored, state SYN_SENT", "challenge-ack ignored")',
  looksLike: ['old-segment', 'rst-rejected'],
  causes: ['entry-remembers', 'peer-remembers'],
  kernels: 'all; "invalid packet ignored in state …" until 5.11 means the same and is not INVALID either',
  evidence: ['kernel log', 'events', 'captures'],
  argue(subject): Verdict | null {
    const { reason, flow } = subject;
    if (flow.proto !== 6 || (reason?.by !== 'message' && reason !== null)) return null;
    const reuse = reuseOf(subject);
    if (reuse === null) return null;
    const packet = firstPacket(subject);
    const cited = citePacket(subject, packet, packet.reasonStep ?? 0);
    const lives = livesBefore(subject, packetMoment(packet)).filter((life) => life.kind !== 'packet');
    const isEntry = reuse.is === 'entry-remembers';
    const says = isEntry
      ? `a SYN comes while the entry of these ports is in ${reuse.state}: it is ignored`
      : 'the SYN is answered with an ACK: the peer still has the connection before';
    const steps: Step[] = [
      shown(`the kernel remarks "${printedBy(subject)}"`, [cited]),
      shown(says, [cited]),
      lives.length > 0
        ? shown('the ports were used before', [lives[0]!.evidence], false)
        : inferred('the ports were used before', [], false, ASK.events),
      courseStep(subject, packet),
    ];
    const tuple = packet.tuples[0] ?? flow;
    return {
      class: 'port-reuse',
      argument: { id: 'port-reuse', steps, lookAlikes: [notDelayed(subject), notForged(subject)] },
      led: { id: reuse.is, steps: [shown(says, [cited])], lookAlikes: [notDelayed(subject), notForged(subject)] },
      title: isEntry
        ? `${endWords(tuple.src, tuple.sport)} uses its port again: the old entry is in ${reuse.state}`
        : `${endWords(tuple.src, tuple.sport)} still has the old connection of these ports`,
      summary: `${isEntry ? `${flowWords(tuple)} opens a new connection on ports whose old one conntrack still has in ${reuse.state}.` : `${endWords(tuple.src, tuple.sport)} answers a new SYN with an ACK of the connection before it on the same ports.`} The packet is let pass and changes nothing; the opener waits, or resets and tries again, so connecting takes a second or more.`,
      missing: [],
      remedies: morePorts,
    };
  },
};
