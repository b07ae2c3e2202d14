// Both ends scale their windows, conntrack reads them unscaled: the sender soon runs ahead of a bound that is 2^scale times too near.

import { distance } from '../../../tracker/serial.js';
import { inferred, type LookAlike, open, ruledOutBy, type Step, shown, type Verdict } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { citePacket, destroys } from '../../explain/flow-facts.js';
import { isSyn, otherWay, payloadOf } from '../../explain/segment-facts.js';
import type { Cause } from '../cause.js';
import { droppedWords, invalidStep } from '../message-step.js';
import { endWords, ruleWords } from '../words.js';
import { beLiberal } from './liberal.js';
import { notOffloaded } from './offload.js';
import { askHandshake, isSentHere } from './overshoot.js';
import { largestWindow, pairOf, type Refusal, refusalsOf, scalingOf } from './refusals.js';
import { aheadOfPlain, fitsScaled, shiftOfReceiver, type UnscaledBound, unscaledBound } from './unscaled-bound.js';

/** Growth that no slight overshoot has: lines whose distance to the bound rises each time. */
const LEAST_GROWING = 3;

interface Scaled {
  readonly is: 'shown' | 'inferred';
  readonly says: string;
  readonly step: Step;
}

/** That both sides scale: by the options of both SYNs, or by a window too small to be meant as it stands. */
function scaledOf(subject: Case, sent: Refusal, unscaled: UnscaledBound | null): Scaled | null {
  const { ofOpener, ofAnswer, packets } = scalingOf(subject);
  if (ofOpener === -1 || ofAnswer === -1 || shiftOfReceiver(sent, subject) === 0) return null;
  if (ofOpener !== null && ofAnswer !== null) {
    if (ofOpener === 0 && ofAnswer === 0) return null;
    const says = `both SYNs offer window scaling (shift ${ofOpener} and ${ofAnswer})`;
    return {
      is: 'shown',
      says,
      step: shown(
        says,
        packets.map((packet) => citePacket(subject, packet)),
      ),
    };
  }
  if (isSentHere(sent)) {
    const says =
      'it is sent by this host, whose stack keeps to the window it is given: conntrack reads that window too small';
    const cited = citePacket(subject, sent.packet, sent.packet.reasonStep ?? 0);
    return { is: 'inferred', says, step: inferred(says, [cited], true, askHandshake) };
  }
  const ahead = unscaled === null ? null : aheadOfPlain(unscaled);
  if (unscaled !== null && ahead !== null) {
    const says = `the sender is ${ahead} bytes ahead of what is acknowledged: only a scaled window lets it`;
    const { packet } = unscaled.refusal;
    const cited = [unscaled.evidence, citePacket(subject, packet, packet.reasonStep ?? 0)];
    return { is: 'inferred', says, step: inferred(says, cited, true, askHandshake) };
  }
  const window = largestWindow(subject, sent.packet, false);
  const payload = payloadOf(sent.packet);
  // A receiver that can take no whole segment would not be sent one.
  if (window === null || payload === null || window >= payload.least) return null;
  const says = `the receiver's window reads ${window}, less than one segment (${payload.least} bytes and more): it is meant scaled`;
  return {
    is: 'inferred',
    says,
    step: inferred(says, [citePacket(subject, sent.packet, sent.packet.reasonStep ?? 0)], true, askHandshake),
  };
}

/** How far ahead of the bound the sender runs, line by line. */
function growthStep(subject: Case, sents: readonly Refusal[], window: number | null): Step | null {
  const counted = sents.filter((one): one is Refusal & { beyondBytes: number } => one.beyondBytes !== null);
  const first = counted[0];
  const last = counted.at(-1);
  if (first === undefined || last === undefined) return advanceStep(subject, sents);
  const cited = [first, last].map((one) => citePacket(subject, one.packet, one.packet.reasonStep ?? 0));
  const isGrowing =
    counted.length >= LEAST_GROWING &&
    counted.every((one, at) => at === 0 || one.beyondBytes > counted[at - 1]!.beyondBytes);
  if (isGrowing)
    return shown(
      `it runs ahead of the bound by more and more: ${first.beyondBytes}, then ${last.beyondBytes} bytes`,
      cited,
    );
  if (window !== null && last.beyondBytes > window)
    return inferred(
      `it is ${last.beyondBytes} bytes beyond, more than the window as it reads (${window})`,
      cited,
      true,
      ASK.logInvalid,
    );
  return null;
}

/** Until 6.0 the bound is not printed: that each refused segment goes on from the one before shows it all the same. */
function advanceStep(subject: Case, sents: readonly Refusal[]): Step | null {
  const numbers = sents.map((one) => one.packet.row.seq).filter((seq) => seq !== null);
  const [first, last] = [sents[0], sents.at(-1)];
  if (first === undefined || last === undefined || numbers.length < 2) return null;
  const isAdvancing = numbers.every((seq, at) => at === 0 || distance(seq, numbers[at - 1]!) > 0);
  return isAdvancing
    ? inferred(
        `it goes on beyond the bound, segment after segment: ${numbers.length} refused, ${distance(numbers.at(-1)!, numbers[0]!)} bytes on`,
        [first, last].map((one) => citePacket(subject, one.packet, one.packet.reasonStep ?? 0)),
        true,
        ASK.kernel,
      )
    : null;
}

/** The bound is the window as it stands in the header: nothing else makes that very number. */
function boundStep(subject: Case, { refusal, bound, ack, window, evidence }: UnscaledBound): Step {
  return shown(`conntrack's bound is that window unscaled: ACK ${ack} plus window ${window} plus one is ${bound}`, [
    evidence,
    citePacket(subject, refusal.packet, refusal.packet.reasonStep ?? 0),
  ]);
}

/** A kernel between the change that began it and the one that mended it: 5.18 to 6.7 (c7aab4f17021, fb366fc7541a). */
function isAffected({ host }: Case): boolean | null {
  const { kernel } = host;
  if (kernel === null) return null;
  return (kernel.major === 5 && kernel.minor >= 18) || (kernel.major === 6 && kernel.minor <= 7);
}

function reusedStep(subject: Case): Step {
  const syns = subject.all.filter((packet) => isSyn(packet));
  const numbers = new Set(syns.map((packet) => packet.row.seq).filter((seq) => seq !== null));
  const waited = destroys(subject).find((event) => event.state === 'SYN_SENT');
  if (numbers.size > 1)
    return shown(
      'the ports were used for another SYN before',
      syns.slice(0, 2).map((packet) => citePacket(subject, packet)),
      false,
    );
  if (waited !== undefined)
    return shown('the ports had an entry in SYN_SENT before', [subject.cite.event(waited)], false);
  return open(
    'why the scaling was lost: a SYN on the same ports before, or options that a device takes out on one side',
    false,
    askHandshake,
  );
}

function notMiddlebox(): LookAlike {
  return { cause: 'a device that strips the option', ruledOut: null, wouldSettle: askHandshake };
}

export const windowScaleLost: Cause = {
  id: 'window-scale-lost',
  title: 'Window scale lost: windows are read unscaled',
  needs: 'the lines about the upper bound, of a connection whose SYNs offer scaling, and the windows of the receiver',
  decides:
    'both SYNs hold the option (OPT …0303xx…), and the sender runs ahead of the bound by a growing amount from the first windows on, or by more than the window as it reads; or the bound is an ACK of the receiver plus its window as it reads plus one',
  looksLike: ['window-overshoot', 'offload-blind-window', 'asymmetric-reply-unseen'],
  causes: [],
  kernels:
    'a SYN on ports whose entry is in SYN_SENT: 5.18 to 6.7 (stable backports vary); options taken out on one side: all',
  evidence: ['kernel log', 'captures', 'events'],
  argue(subject): Verdict | null {
    const { reason } = subject;
    if (subject.outcome !== 'INVALID' || reason?.by !== 'message') return null;
    if (reason.id !== 'tcp-seq-over-upper-bound' && reason.id !== 'tcp-ack-over-upper-bound') return null;
    const refusals = refusalsOf(subject).filter((one) => one.packet.state === 'INVALID');
    const sents = refusals.filter((one) => one.kind === 'seq-over');
    const sent = sents[0];
    if (sent === undefined) return null;
    const noted = refusalsOf(subject).filter((one) => one.kind === 'overshoot-passed');
    const unscaled = unscaledBound(subject, [...sents, ...noted]);
    const scaled = scaledOf(subject, sent, unscaled);
    if (scaled === null) return null;
    const window = largestWindow(subject, sent.packet, false);
    const growth = unscaled === null ? growthStep(subject, sents, window) : boundStep(subject, unscaled);
    if (growth === null) return null;
    const shift = unscaled === null ? null : fitsScaled(subject, unscaled);
    const affected = isAffected(subject);
    const steps: Step[] = [
      invalidStep(subject),
      scaled.step,
      growth,
      reusedStep(subject),
      affected === true
        ? inferred(
            `this kernel (${subject.host.kernelRelease}) may lose it when a SYN comes twice`,
            [],
            false,
            ASK.kernel,
          )
        : inferred('conntrack reads the window unscaled', [], false, askHandshake),
    ];
    const pair = pairOf(refusals);
    const answers = otherWay({ ...subject, packets: [sent.packet] });
    const tuple = sent.packet.tuples[0] ?? subject.flow;
    return {
      class: 'window-scale-lost',
      argument: {
        id: 'window-scale-lost',
        steps,
        lookAlikes: [
          unscaled === null
            ? ruledOutBy(
                'window-overshoot',
                'it runs ahead further and further: no slight overshoot',
                growth.is === 'shown' ? growth.evidence : [],
                ASK.logInvalid,
              )
            : ruledOutBy(
                'window-overshoot',
                `with the window scaled by ${shift} it lies within`,
                shift === null ? [] : growth.evidence,
                askHandshake,
              ),
          notOffloaded(subject),
          ruledOutBy(
            'asymmetric-reply-unseen',
            'both directions come by here',
            pair !== null
              ? [citePacket(subject, pair.taken.packet, 0)]
              : answers.slice(0, 1).map((one) => citePacket(subject, one, 0)),
            ASK.capture,
          ),
          notMiddlebox(),
        ],
      },
      led: null,
      story: 'scale',
      title: `The window scale of ${endWords(tuple.dst, tuple.dport)} is lost here`,
      summary: `${endWords(tuple.src, tuple.sport)} takes the window of ${endWords(tuple.dst, tuple.dport)} for scaled; conntrack reads it as it stands, many times smaller, and takes what is sent for beyond it. The connection is slow, or stalls after its first windows.${droppedWords(subject, ruleWords)}`,
      missing: [],
      remedies: [
        ...beLiberal(subject),
        {
          when: 'now',
          text: 'remove the entry, so that the next SYN is read afresh',
          command: `conntrack -D -p tcp -s ${subject.flow.src} -d ${subject.flow.dst} --sport ${subject.flow.sport} --dport ${subject.flow.dport}`,
          undo: '',
          price: 'this connection is lost, or taken up in the middle',
        },
        ...(affected === false
          ? []
          : [
              {
                when: 'lasting' as const,
                text: 'a kernel with commit fb366fc7541a (6.8, and stable kernels of early 2024)',
                command: 'uname -r',
                undo: '',
                price: 'an upgrade',
              },
            ]),
      ],
    };
  },
};
