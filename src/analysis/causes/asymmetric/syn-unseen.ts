// Half a road: the SYN went another way than through this host, so the SYN ACK that comes back through it belongs to nothing.

import type { EvidenceItem, Remedy } from '../../../model/finding.js';
import { inferred, type LookAlike, open, ruledOutBy, type Step, shown, type Verdict } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case, SeenPacket } from '../../explain/case.js';
import { othersOf } from '../../explain/crowd.js';
import { citePacket, completeCoverage, firstPacket, sysctlOf } from '../../explain/flow-facts.js';
import { isOwnAddress, routeTo } from '../../explain/routes.js';
import { isBridged, isMidstreamFlags, isSynAck, otherWay, roadOf } from '../../explain/segment-facts.js';
import { tableAtPacket } from '../../explain/table-at.js';
import { notUntracked } from '../../explain/untracked-rules.js';
import type { Cause } from '../cause.js';
import { oneSidedRule } from '../untrackable/one-sided.js';
import { endWords, flowWords, ruleWords, stopWords } from '../words.js';
import { askBothEnds, notrackBoth } from './remedies.js';

/** Checks that refuse a SYN ACK because the table does not hold its SYN (net/netfilter/nf_conntrack_proto_tcp.c: tcp_new(), all versions). */
const NO_SYN_REASONS = ['tcp-invalid-new', 'new-tracker-refused-debug'];

/** To this host itself; NULL: nothing tells. Its own SYN it would have seen, so such an answer is to nobody's question. */
function isForThisHost(subject: Case, packet: SeenPacket): boolean | null {
  const { inIf, outIf } = roadOf(packet);
  if (inIf !== null && outIf !== null) return false;
  const dst = packet.tuples[0]?.dst;
  const own = dst === undefined ? null : isOwnAddress(subject, dst);
  if (own !== null) return own;
  if (
    packet.steps.some((step) => (step.chain ?? '').toUpperCase() === 'INPUT' || /INPUT|\bIN\b/.test(step.prefix ?? ''))
  )
    return true;
  // A line of log_invalid is printed in PREROUTING, where nobody knows yet where the packet goes; one of a LOG rule behind it knows.
  return packet.steps.some((step) => step.kind === 'log' && step.outIf === '' && inIf !== null) ? true : null;
}

/** The gateway to the one end and the other end are neighbours on one link: they need not ask this host for the way. */
function shortcut(subject: Case, answer: SeenPacket): Step | null {
  const tuple = answer.tuples[0];
  if (tuple === undefined) return null;
  const [toClient, toServer] = [routeTo(subject, tuple.dst), routeTo(subject, tuple.src)];
  if (toClient === null || toServer === null || toClient.device === null || toClient.device !== toServer.device)
    return null;
  return shown(
    `both ends are reached by ${toClient.device}${toClient.gateway === null ? '' : `, ${tuple.dst} behind ${toClient.gateway}`}${toServer.gateway === null ? '' : `, ${tuple.src} behind ${toServer.gateway}`}: they can reach each other without this host`,
    [toClient.evidence, toServer.evidence],
    false,
  );
}

function roadStep(subject: Case, answer: SeenPacket): Step {
  const { inIf, outIf } = roadOf(answer);
  const step = answer.steps.findIndex((one) => (one.outIf ?? '') !== '');
  if (inIf !== null && inIf === outIf)
    return shown(
      `it comes in by ${inIf} and leaves by ${outIf}: this host is a detour between two hosts of one network`,
      [citePacket(subject, answer, Math.max(0, step))],
      false,
    );
  return inferred('the SYN took another road', [], false, askBothEnds(answer));
}

function unseenStep(subject: Case, answer: SeenPacket): Step {
  const { atUs } = answer.row;
  const covered = subject.cite.coverage(
    completeCoverage(subject, 'events', atUs, atUs),
    'events were listened to, and none is about this connection',
  );
  const isSilent = subject.events.length === 0 && covered !== null && !isBridged([answer]);
  if (isSilent) return shown('no entry was ever made for it: its SYN was not here', [covered]);
  const listed = listedWithout(subject, answer);
  return listed === null
    ? inferred('its SYN is nowhere in what was recorded here', [], true, ASK.events)
    : shown('no entry of a SYN was listed soon after: its SYN was not here', [listed]);
}

/** A SYN leaves an entry for so long that nobody answers (net/netfilter/nf_conntrack_proto_tcp.c: tcp_timeouts, all versions). */
const SYN_SENT_US = 120_000_000;

/** A listing within the life of a SYN's entry that holds none of the flow. */
function listedWithout(subject: Case, answer: SeenPacket): EvidenceItem | null {
  const { atUs } = answer.row;
  const setting = sysctlOf(subject, 'net.netfilter.nf_conntrack_tcp_timeout_syn_sent', atUs);
  const livesUs = setting === null ? SYN_SENT_US : Number(setting.value) * 1_000_000;
  const part = subject.host.parts.find(
    (one) =>
      one.part === 'list:main' &&
      one.state === 'read' &&
      one.atUs !== null &&
      atUs !== null &&
      one.atUs > atUs &&
      one.atUs - atUs < livesUs / 2,
  );
  return subject.entries.length > 0 ? null : subject.cite.absence(part, 'no entry of the flow in the listing');
}

/** Answers to SYNs that somebody else sent in our name come from few hosts, for many addresses and ports of ours. */
function notBackscatter(subject: Case, answer: SeenPacket): LookAlike {
  const tuple = answer.tuples[0];
  const ways = tuple === undefined ? [] : [routeTo(subject, tuple.src), routeTo(subject, tuple.dst)];
  const isInside = ways.length === 2 && ways.every((way) => way !== null && !way.isDefault);
  return ruledOutBy(
    'malformed',
    'both ends are in networks that this host has routes of its own to: not the echo of a forged SYN from outside',
    isInside ? ways.map((way) => way!.evidence) : [],
    askBothEnds(answer),
  );
}

function remedies(answer: SeenPacket, subject: Case): readonly Remedy[] {
  const tuple = answer.tuples[0] ?? subject.flow;
  return [
    {
      when: 'lasting',
      text: 'send both directions by one road: on the client or its gateway, or on the server',
      command: `ip route get ${tuple.src}   # on ${tuple.dst}; then ip route get ${tuple.dst} on ${tuple.src}`,
      undo: '',
      price: 'none, this only looks; a changed route moves the traffic it names',
    },
    ...notrackBoth(subject, tuple),
  ];
}

export const asymmetricSynUnseen: Cause = {
  id: 'asymmetric-syn-unseen',
  title: 'Asymmetric path: the SYN did not come by here',
  needs: 'a SYN ACK that is INVALID and for somebody else than this host; the SYN nowhere in what was recorded',
  decides:
    'a SYN ACK is refused only without an entry ("invalid new" since 6.7); no event, entry or packet of the other direction; it comes and goes by one interface, or the routes show a shortcut',
  looksLike: ['entry-gone', 'malformed', 'bridge-path', 'untrackable'],
  causes: [],
  kernels: 'all; until 6.6 nothing is printed, the INVALID rule alone tells',
  evidence: ['kernel log', 'events', 'entries', 'ruleset', 'routes'],
  argue(subject): Verdict | null {
    const { outcome, reason, flow } = subject;
    if (flow.proto !== 6) return null;
    const answer = subject.all.find((packet) => isSynAck(packet) && packet.state === 'INVALID');
    const first = firstPacket(subject);
    if (answer === undefined) return null;
    const isAnswer = outcome === 'INVALID' && isSynAck(first);
    // With loose tracking the server's data makes an entry the wrong way round: the same story, told as NEW.
    const isTakenUp = outcome === 'NEW' && isMidstreamFlags(first.flags);
    if (!isAnswer && !isTakenUp) return null;
    if (isAnswer && reason !== null && reason.by === 'message' && !NO_SYN_REASONS.includes(reason.id)) return null;
    // Whatever went the other way was seen here, so this host is on both roads.
    if (otherWay({ ...subject, packets: [answer] }).length > 0) return null;
    // A rule of this host hides the other direction: it did come by here.
    if (oneSidedRule(subject)?.isSure === true) return null;
    const isOwn = isForThisHost(subject, answer);
    if (isOwn === true) return null;
    const table = tableAtPacket({ ...subject, packets: [answer] });
    if (table.hasEntry === 'yes' && isAnswer) return null;
    const isByMessage = isAnswer && (reason?.by === 'message' || reason?.by === 'debug');
    const cited = citePacket(subject, answer, answer.reasonStep ?? answer.stateStep ?? 0);
    const steps: Step[] = [
      answer.stateIs === 'shown'
        ? shown(`the SYN ACK is INVALID${isByMessage ? `: "${reason.message}"` : ''}`, [cited])
        : inferred('the SYN ACK is INVALID', [cited], true, ASK.logInvalid),
      isByMessage
        ? shown('there was no entry for it', [cited])
        : table.hasEntry === 'no' && table.isShown
          ? shown('there was no entry for it', table.evidence)
          : inferred(
              'there was no entry for it: nothing else refuses an ordinary SYN ACK',
              table.evidence,
              true,
              ASK.logInvalid,
            ),
      unseenStep(subject, answer),
      isOwn === null
        ? inferred('it is for somebody behind this host', [], true, ASK.trace)
        : shown('it is on its way through this host, not for it', [
            citePacket(
              subject,
              answer,
              Math.max(
                0,
                answer.steps.findIndex((step) => (step.outIf ?? '') !== ''),
              ),
            ),
          ]),
      roadStep(subject, answer),
    ];
    const way = shortcut(subject, answer);
    if (way !== null) steps.push(way);
    const alike = othersOf(subject).filter(
      (one) => one.outcome === 'INVALID' && one.flags.length === 1 && one.flags[0] === 'SYN ACK',
    );
    if (alike.length > 0)
      steps.push(
        shown(
          `${alike.length === 1 ? 'another connection has' : `${alike.length} other connections have`} the same: only SYN ACKs`,
          [subject.crowd.cite(alike[0]!)],
          false,
        ),
      );
    const isLeft = isBridged([answer]);
    if (isLeft)
      steps.push(open('whether the SYN crossed the bridge without being shown to conntrack', false, ASK.sysctls));
    const lookAlikes: LookAlike[] = [
      ruledOutBy(
        'entry-gone',
        'there was no entry when listening began, and none was made since',
        table.hasEntry === 'no' && table.isShown ? table.evidence : [],
        ASK.events,
      ),
      ruledOutBy('bridge-path', 'it is routed, not bridged', isLeft ? [] : [cited], ASK.sysctls),
      notUntracked(subject),
      notBackscatter(subject, answer),
    ];
    const { fate } = subject;
    const dropped =
      fate.fate !== 'dropped'
        ? ''
        : fate.rule === null
          ? ' It is dropped here.'
          : ` ${fate.isPolicy ? `The policy of ${fate.rule.chain}` : ruleWords(fate.rule)} ${stopWords(fate).stops} it, so the connection never comes about.`;
    const tuple = answer.tuples[0] ?? flow;
    return {
      class: 'asymmetric-syn-unseen',
      argument: { id: 'asymmetric-syn-unseen', steps, lookAlikes },
      led: null,
      title: isTakenUp
        ? `Only answers come by here: ${flowWords(tuple)} is taken up backwards`
        : `SYN ACK without its SYN: ${endWords(tuple.src, tuple.sport)} answers ${tuple.dst} by another road`,
      summary: `This host sees the answers of ${endWords(tuple.src, tuple.sport)} to ${tuple.dst}, but not the question: the SYN went another way. Conntrack has no entry for such a SYN ACK, so it is INVALID; nf_conntrack_tcp_be_liberal does not change that.${dropped}`,
      missing: [],
      remedies: remedies(answer, subject),
    };
  },
};
