// Half a road, the other half: the SYN went through this host, the SYN ACK did not. Client and server are connected; for conntrack the
// connection still waits for its answer.

import type { EvidenceItem } from '../../../model/finding.js';
import { inferred, type LookAlike, ruledOutBy, type Step, shown, type Verdict } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case, SeenPacket } from '../../explain/case.js';
import { othersOf } from '../../explain/crowd.js';
import { citePacket, completeCoverage, entryMoment, firstPacket, isLocalOutput } from '../../explain/flow-facts.js';
import { messageAsPrinted } from '../../explain/message-words.js';
import { orderOf } from '../../explain/order.js';
import {
  hasFlag,
  isBridged,
  isMidstreamFlags,
  isSyn,
  isSynAck,
  otherWay,
  roadOf,
} from '../../explain/segment-facts.js';
import { notUntracked } from '../../explain/untracked-rules.js';
import type { Cause } from '../cause.js';
import { oneSidedRule } from '../untrackable/one-sided.js';
import { endWords, ruleWords, stopWords } from '../words.js';
import { askBothEnds, notrackBoth } from './remedies.js';

/**
 * The originator's ACK, FIN or data in SYN_SENT is refused by the state table (net/netfilter/nf_conntrack_proto_tcp.c: tcp_conntracks,
 * all versions). Since 5.19 the line names the state; 'index 3' is an ACK, 'dir 0' the opener's direction.
 */
const WAITING = /packet \(index [23]\) in dir 0 invalid, state SYN_SENT\b/;

interface Waiting {
  readonly is: 'shown' | 'inferred';
  readonly evidence: readonly (EvidenceItem | null)[];
}

/** What shows that the entry of the flow still waits in SYN_SENT when the packet comes. */
function waitingOf(subject: Case, packet: SeenPacket): Waiting | null {
  const printed = packet.reasonStep === null ? null : messageAsPrinted(packet, packet.reasonStep);
  if (printed !== null && WAITING.test(printed))
    return { is: 'shown', evidence: [citePacket(subject, packet, packet.reasonStep ?? 0)] };
  if (printed !== null && !/^invalid state\b/.test(printed)) return null;
  const answered = subject.events.find((event) => event.kind === 'UPDATE');
  if (answered !== undefined) return null;
  const listed = subject.entries.find(
    (entry) =>
      entry.list === 'main' &&
      entry.state === 'SYN_SENT' &&
      (entry.status ?? '').includes('UNREPLIED') &&
      orderOf(entryMoment(subject, entry), { atUs: packet.row.atUs, errorUs: packet.row.errorUs }) !== 'before',
  );
  if (listed !== undefined)
    return { is: 'shown', evidence: [subject.cite.entry(listed, entryMoment(subject, listed).atUs)] };
  const born = subject.events.find((event) => event.kind === 'NEW' && event.state === 'SYN_SENT');
  const covered = completeCoverage(subject, 'events', born?.atUs ?? null, packet.row.atUs);
  if (born !== undefined)
    return {
      is: covered === undefined ? 'inferred' : 'shown',
      evidence: [subject.cite.event(born), subject.cite.coverage(covered, 'no event says that it was answered')],
    };
  const before = subject.entries.find(
    (entry) => entry.list === 'main' && entry.state === 'SYN_SENT' && (entry.status ?? '').includes('UNREPLIED'),
  );
  if (before !== undefined)
    return { is: 'inferred', evidence: [subject.cite.entry(before, entryMoment(subject, before).atUs)] };
  // 'invalid state' of an ACK, its SYN seen shortly before and no answer: SYN_SENT by the table.
  const syn = subject.all.find((one) => isSyn(one));
  if (syn !== undefined) return { is: 'inferred', evidence: [citePacket(subject, syn)] };
  const detour = printed === null ? detourOf(subject, packet) : null;
  return detour === null ? null : { is: 'inferred', evidence: [detour] };
}

/**
 * Where the packets of one side leave by the interface they came in by, the other side is on that link too, or behind it, and need not
 * send its answers through here; an ACK that no entry at all is there for would be NEW (nf_conntrack_tcp_loose is 1 unless somebody changed it).
 */
function detourOf(subject: Case, packet: SeenPacket): EvidenceItem | null {
  const { inIf, outIf } = roadOf(packet);
  const isOneSided = otherWay(subject).length === 0 && subject.entries.length === 0 && subject.events.length === 0;
  const isDetour = inIf !== null && inIf === outIf && !isBridged(subject.packets);
  // A FIN is refused without an entry, too.
  if (!isDetour || !isOneSided || hasFlag(packet, 'FIN')) return null;
  const at = packet.steps.findIndex((step) => (step.outIf ?? '') !== '');
  return citePacket(subject, packet, Math.max(0, at));
}

function unansweredStep(subject: Case, packet: SeenPacket): Step {
  const listed = subject.entries.find((entry) => (entry.status ?? '').includes('UNREPLIED'));
  const cited = listed === undefined ? null : subject.cite.entry(listed, entryMoment(subject, listed).atUs);
  const covered = subject.cite.coverage(
    completeCoverage(subject, 'events', packet.row.atUs, packet.row.atUs),
    'events were listened to, and none says that it was answered',
  );
  return cited !== null || (covered !== null && subject.events.some((event) => event.kind === 'NEW'))
    ? shown('no answer came by here', [cited, covered], false)
    : inferred('no answer is in what was recorded here', [], false, ASK.listing);
}

/** A SYN ACK that was here and refused: for its checksum, or dropped in front of conntrack. */
function notRefusedHere(subject: Case, packet: SeenPacket): LookAlike {
  const { atUs } = packet.row;
  const covered =
    completeCoverage(subject, 'log-invalid:tcp', atUs, atUs) ??
    completeCoverage(subject, 'log-invalid:all', atUs, atUs);
  const isWhole = completeCoverage(subject, 'log', atUs, atUs) !== undefined;
  return ruledOutBy(
    'checksum',
    'log_invalid was on and refused no SYN ACK',
    covered !== undefined && isWhole && !subject.all.some((one) => isSynAck(one))
      ? [subject.cite.coverage(covered, 'log_invalid was on and printed no SYN ACK of this connection')]
      : [],
    ASK.logInvalid,
  );
}

export const asymmetricReplyUnseen: Cause = {
  id: 'asymmetric-reply-unseen',
  title: 'Asymmetric path: the SYN ACK did not come by here',
  needs: "the opener's ACK or data, INVALID, and what conntrack held of the connection then",
  decides:
    'the entry is still in SYN_SENT [UNREPLIED] while the opener acknowledges an answer: that answer was not seen here ("invalid, state SYN_SENT" since 5.19)',
  looksLike: ['not-conntrack', 'untrackable', 'bridge-path', 'checksum'],
  causes: [],
  kernels: 'all; the state is named in the line since 5.19, before that the entry or its event must tell',
  evidence: ['kernel log', 'entries', 'events', 'ruleset'],
  argue(subject): Verdict | null {
    const packet = firstPacket(subject);
    const { flow, reason, outcome, fate } = subject;
    if (outcome !== 'INVALID' || flow.proto !== 6) return null;
    if (reason !== null && reason.by === 'message' && reason.id !== 'tcp-invalid-state') return null;
    if (!isMidstreamFlags(packet.flags) && !hasFlag(packet, 'FIN')) return null;
    // A rule of this host hides the other direction: it did come by here.
    if (oneSidedRule(subject)?.isSure === true) return null;
    // What this host asks itself is answered to this host.
    if (isLocalOutput(subject)) return null;
    const waiting = waitingOf(subject, packet);
    if (waiting === null) return null;
    // An answer that was let through would have moved the entry on.
    if (otherWay(subject).some((one) => one.state === 'ESTABLISHED')) return null;
    const cited = citePacket(subject, packet, packet.reasonStep ?? packet.stateStep ?? 0);
    const ack = subject.packets.find((one) => (one.row.ack ?? 0) !== 0);
    const data = subject.packets.find((one) => hasFlag(one, 'PSH'));
    const steps: Step[] = [
      packet.stateIs === 'shown'
        ? shown(
            `the packet is INVALID${reason?.by === 'message' ? `: "${messageAsPrinted(packet, packet.reasonStep ?? 0) ?? reason.message}"` : ''}`,
            [cited],
          )
        : inferred('the packet is INVALID', [cited], true, ASK.logInvalid),
      waiting.is === 'shown'
        ? shown('for conntrack the connection waits for its answer: SYN_SENT', waiting.evidence)
        : inferred('for conntrack the connection waits for its answer: SYN_SENT', waiting.evidence, true, ASK.listing),
      shown(
        ack === undefined
          ? `the opener goes on${data === undefined ? '' : ', with data'}: it has its answer`
          : `the opener acknowledges ${ack.row.ack}: it has its answer`,
        [citePacket(subject, ack ?? data ?? packet)],
      ),
      unansweredStep(subject, packet),
      inferred('the answer took another road', [], false, askBothEnds(packet)),
    ];
    const alike = othersOf(subject).filter(
      (one) => one.outcome === 'INVALID' && one.reasonId === reason?.id && one.tuple.dport === packet.tuples[0]?.dport,
    );
    if (alike.length > 0)
      steps.push(
        shown(
          `${alike.length === 1 ? 'another connection has' : `${alike.length} other connections have`} the same`,
          [subject.crowd.cite(alike[0]!)],
          false,
        ),
      );
    const { inIf, outIf } = roadOf(packet);
    const isRouted = !isBridged(subject.packets) && inIf !== null && outIf !== null && inIf !== outIf;
    const lookAlikes: LookAlike[] = [
      // A server that is down leaves the client with nothing to acknowledge.
      ruledOutBy(
        'not-conntrack',
        'the opener acknowledges an answer, so the server is there',
        ack === undefined ? [] : [citePacket(subject, ack)],
        ASK.capture,
      ),
      notUntracked(subject),
      ruledOutBy(
        'bridge-path',
        `it is routed from ${inIf} to ${outIf}, not bridged`,
        isRouted
          ? [
              citePacket(
                subject,
                packet,
                Math.max(
                  0,
                  packet.steps.findIndex((step) => (step.outIf ?? '') !== ''),
                ),
              ),
            ]
          : [],
        ASK.sysctls,
      ),
      notRefusedHere(subject, packet),
    ];
    const tuple = packet.tuples[0] ?? flow;
    const dropped =
      fate.fate !== 'dropped'
        ? ''
        : fate.rule === null
          ? ' They are dropped here.'
          : ` ${fate.isPolicy ? `The policy of ${fate.rule.chain}` : ruleWords(fate.rule)} ${stopWords(fate).stops} them: connected, but nothing gets through.`;
    return {
      class: 'asymmetric-reply-unseen',
      argument: { id: 'asymmetric-reply-unseen', steps, lookAlikes },
      led: null,
      title: `The answer went past this host: ${endWords(tuple.src, tuple.sport)} goes on, the entry waits in SYN_SENT`,
      summary: `${tuple.src} has its answer from ${endWords(tuple.dst, tuple.dport)} and goes on; this host saw the SYN and not the SYN ACK. Its entry stays in SYN_SENT, where an ACK of the opener is INVALID.${dropped}`,
      missing: [],
      remedies: [
        {
          when: 'lasting',
          text: 'bring the answers back through this host: a route on the server, or SNAT here towards it',
          command: `ip route get ${tuple.src}   # on ${tuple.dst}`,
          undo: '',
          price: 'none, this only looks; SNAT hides the client addresses from the server',
        },
        ...notrackBoth(subject, { ...tuple, src: tuple.dst, sport: tuple.dport, dst: tuple.src, dport: tuple.sport }),
      ],
    };
  },
};
