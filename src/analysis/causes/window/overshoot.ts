// The sender goes past the end of the receiver's window, and the receiver takes it all the same. Conntrack refuses that segment, stops
// learning, and refuses from then on every acknowledgement of what it did not take.

import { duration } from '../../../text/time.js';
import { inferred, type LookAlike, ruledOutBy, type Step, shown, type Verdict } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { citePacket, entryMoment, firstPacket } from '../../explain/flow-facts.js';
import { messageAsPrinted } from '../../explain/message-words.js';
import { otherWay } from '../../explain/segment-facts.js';
import type { Cause } from '../cause.js';
import { endWords, ruleWords, stopWords } from '../words.js';
import { beLiberal, isOvershootForgiven } from './liberal.js';
import { notOffloaded } from './offload.js';
import { largestWindow, pairOf, type Refusal, refusalsOf, scalingOf, WINDOW_REASONS } from './refusals.js';

/** Windows of the header go so far; more beyond a bound than that is no slight overshoot unless it is scaled. */
const LARGEST_PLAIN_WINDOW = 65_535;
const WORDS: Readonly<Record<Refusal['kind'], string>> = {
  'seq-over': 'a segment begins beyond the window of the receiver',
  'overshoot-passed': 'a segment ends beyond the window of the receiver',
  'ack-over': 'data is acknowledged that conntrack did not take',
};

/** It came from a socket of this host. */
export function isSentHere({ packet }: Refusal): boolean {
  return packet.steps.some((step) => step.inIf === '' && (step.outIf ?? '') !== '');
}

function messageStep(subject: Case): Step {
  const packet = firstPacket(subject);
  const said = messageAsPrinted(packet, packet.reasonStep ?? 0) ?? subject.reason?.message ?? '';
  const cited = citePacket(subject, packet, packet.reasonStep ?? packet.stateStep ?? 0);
  if (subject.outcome !== 'INVALID') return shown(`the kernel remarks "${said}"`, [cited]);
  return packet.stateIs === 'shown'
    ? shown(`the packet is INVALID: "${said}"`, [cited])
    : inferred(`the packet is INVALID: "${said}"`, [cited], true, ASK.kernel);
}

/** How far beyond the window it went, against the largest window that the receiver printed. */
function sizeStep(subject: Case, sent: Refusal): Step {
  const window = largestWindow(subject, sent.packet, false);
  const cited = citePacket(subject, sent.packet, sent.packet.reasonStep ?? 0);
  if (sent.kind === 'overshoot-passed')
    return shown(
      `${sent.beyondBytes ?? 'some'} bytes beyond the window, which is less than one window`,
      [cited],
      false,
    );
  if (sent.beyondBytes === null) return inferred('it goes beyond by less than a window', [cited], false, ASK.capture);
  const isWithin = window !== null && sent.beyondBytes <= window;
  return isWithin
    ? shown(`it goes ${sent.beyondBytes} bytes beyond, less than one window (${window})`, [cited], false)
    : inferred(
        `it goes ${sent.beyondBytes} bytes beyond the last byte allowed${window === null ? '' : `; the receiver's windows are of ${window} and less, before scaling`}`,
        [cited],
        false,
        ASK.capture,
      );
}

/** With scaling lost the same lines come; a handshake without scaling has none to lose. */
function notScaleLost(subject: Case): LookAlike {
  const scaling = scalingOf(subject);
  const isUnscaled = scaling.ofOpener === -1 || scaling.ofAnswer === -1;
  return ruledOutBy(
    'window-scale-lost',
    'the handshake offers no window scaling that could be lost',
    isUnscaled ? scaling.packets.map((packet) => citePacket(subject, packet)) : [],
    askHandshake,
  );
}

export const askHandshake = {
  what: 'the handshake with its options, on both sides of this host',
  command: 'ctwhy ingest wire.pcap',
  ask: 'tcpdump -ni any -w wire.pcap host {src}   # from before the connection',
};

/** Only acknowledgements are refused, again and again at one bound: the segment in front of them is not in what was recorded. */
function isStuck(refusals: readonly Refusal[]): boolean {
  const bounds = new Set(refusals.map((one) => one.bound));
  return (
    refusals.length >= 2 &&
    bounds.size === 1 &&
    !bounds.has(null) &&
    refusals.every((one) => one.beyondBytes !== null && one.beyondBytes > 1 && one.beyondBytes <= LARGEST_PLAIN_WINDOW)
  );
}

export const windowOvershoot: Cause = {
  id: 'window-overshoot',
  title: 'Window overshoot: the sender goes past the window, the receiver takes it',
  needs: 'the lines of log_invalid about the window, of both directions',
  decides:
    '"SEQ is over … upper bound" for a segment, then "ACK is over upper bound" for its acknowledgement, at a bound in front of that segment; it repeats, and the entry stays ESTABLISHED',
  looksLike: ['window-scale-lost', 'offload-blind-window', 'asymmetric-reply-unseen', 'malformed'],
  causes: [],
  kernels:
    'all; since 6.1 an overshoot by less than a window passes ("N bytes more than expected"), and the lines hold the bounds',
  evidence: ['kernel log', 'captures', 'entries', 'ruleset'],
  argue(subject): Verdict | null {
    const { reason, fate, flow } = subject;
    if (reason?.by !== 'message' || !WINDOW_REASONS.includes(reason.id)) return null;
    const isForgiven = subject.outcome !== 'INVALID';
    const all = refusalsOf(subject);
    // Where segments were refused, too, that is the story, and the remark a part of it.
    if (isForgiven && all.some((one) => one.packet.state === 'INVALID')) return null;
    const refusals = isForgiven ? all : all.filter((one) => one.packet.state === 'INVALID');
    const pair = pairOf(refusals);
    // A remark of a slight overshoot speaks of fewer packets than a refusal does, on whichever kernel.
    const sent =
      pair?.sent ??
      refusals.find((one) => one.kind === 'seq-over') ??
      refusals.find((one) => one.kind === 'overshoot-passed');
    if (sent === undefined && !isStuck(refusals)) return null;
    // Far beyond any window: numbers of another connection, or forged ones.
    // This host's own stack keeps to the window it is given: then it is conntrack that reads the window wrong.
    if (sent !== undefined && isSentHere(sent)) return null;
    const isNear = sent?.beyondBytes == null || sent.beyondBytes > 0;
    if (pair === null && !isNear) return null;
    if (pair === null && sent?.kind === 'seq-over' && (sent.beyondBytes ?? 0) > windowLimit(subject, sent)) return null;
    const first = firstPacket(subject);
    const steps: Step[] = [messageStep(subject)];
    if (sent !== undefined) {
      steps.push(
        shown(WORDS[sent.kind], [citePacket(subject, sent.packet, sent.packet.reasonStep ?? 0)]),
        sizeStep(subject, sent),
      );
    } else steps.push(inferred('data of the other direction was refused before', [], true, ASK.logInvalid));
    steps.push(
      pair !== null
        ? shown(
            `the receiver takes it: it acknowledges ${pair.taken.packet.row.ack}${pair.taken.bound === null ? '' : `, where conntrack had seen nothing from ${pair.taken.bound - 1} on`}`,
            [citePacket(subject, pair.taken.packet, pair.taken.packet.reasonStep ?? 0)],
          )
        : inferred('the receiver takes it', [], sent?.kind !== 'overshoot-passed', ASK.logInvalid),
    );
    const stuck = subject.entries.filter((entry) => entry.list === 'main' && entry.state === 'ESTABLISHED').at(-1);
    if (stuck !== undefined)
      steps.push(
        shown(
          `its entry stays ESTABLISHED${stuck.timeoutS === null ? '' : `, ${duration(stuck.timeoutS * 1e6)} left`}`,
          [subject.cite.entry(stuck, entryMoment(subject, stuck).atUs)],
          false,
        ),
      );
    const isBothWays = pair !== null || otherWay(subject).length > 0;
    const lookAlikes: LookAlike[] = [
      notScaleLost(subject),
      notOffloaded(subject),
      ruledOutBy(
        'asymmetric-reply-unseen',
        'both directions come by here',
        isBothWays ? [citePacket(subject, pair?.taken.packet ?? otherWay(subject)[0]!)] : [],
        ASK.capture,
      ),
      ruledOutBy(
        'malformed',
        'its peer acknowledges it: not a forged segment',
        pair === null ? [] : [citePacket(subject, pair.taken.packet, pair.taken.packet.reasonStep ?? 0)],
        ASK.capture,
      ),
    ];
    const source = sent?.packet.tuples[0] ?? first.tuples[0] ?? flow;
    const dropped =
      fate.fate === 'dropped' && fate.rule !== null
        ? ` ${fate.isPolicy ? `The policy of ${fate.rule.chain}` : ruleWords(fate.rule)} ${stopWords(fate).stops} them.`
        : '';
    return {
      class: 'window-overshoot',
      argument: { id: 'window-overshoot', steps, lookAlikes },
      led: null,
      story: 'window',
      title:
        sent === undefined
          ? `ACKs of data that conntrack did not take: ${endWords(source.src, source.sport)}`
          : `${endWords(source.src, source.sport)} sends past the window of ${endWords(source.dst, source.dport)}`,
      summary: isForgiven
        ? `${endWords(source.src, source.sport)} sends slightly past the window it was given. This kernel says so and lets it pass; nothing is INVALID.`
        : `${endWords(source.src, source.sport)} sends past the window it was given${
            pair === null
              ? '. Conntrack refuses the segment and learns nothing from it; if the receiver takes it, its acknowledgements are INVALID as well, to the end of the connection'
              : ', and the receiver takes it. Conntrack refuses the segment and learns nothing from it, so the acknowledgements of it are INVALID as well, to the end of the connection; the entry is left behind in ESTABLISHED'
          }.${dropped}`,
      missing: [],
      remedies: [
        ...beLiberal(subject),
        ...(isOvershootForgiven(subject) === true
          ? []
          : [
              {
                when: 'lasting' as const,
                text: 'a kernel of 6.1 or newer lets an overshoot of less than a window pass',
                command: 'uname -r',
                undo: '',
                price: 'an upgrade',
              },
            ]),
        ...(stuck === undefined
          ? []
          : [
              {
                when: 'now' as const,
                text: 'remove the entry that was left behind, once its sockets are gone',
                command: `conntrack -D -p tcp -s ${flow.src} -d ${flow.dst} --sport ${flow.sport} --dport ${flow.dport}`,
                undo: '',
                price:
                  'if the connection still lives, its next packet is taken up in the middle, or INVALID with nf_conntrack_tcp_loose=0',
              },
            ]),
      ],
    };
  },
};

/** Without an acknowledgement only a distance of about one window speaks for an overshoot. */
function windowLimit(subject: Case, sent: Refusal): number {
  const window = largestWindow(subject, sent.packet, false);
  const { ofOpener, ofAnswer } = scalingOf(subject);
  const shift =
    ofOpener === null || ofAnswer === null || ofOpener < 0 || ofAnswer < 0 ? 0 : Math.max(ofOpener, ofAnswer);
  return Math.max(LARGEST_PLAIN_WINDOW, (window ?? 0) * 2 ** shift);
}
