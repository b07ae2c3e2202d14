// A segment that is old: retransmitted though it was acknowledged, or delayed on the way. Harmless by itself; kernels up to 6.0 call it
// INVALID all the same.

import { distance, plus } from '../../../tracker/serial.js';
import { inferred, type LookAlike, ruledOutBy, type Step, shown, type Verdict } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { citePacket, completeCoverage, entryMoment, firstPacket } from '../../explain/flow-facts.js';
import { boundOf, hasFlag, payloadOf } from '../../explain/segment-facts.js';
import type { Cause } from '../cause.js';
import { droppedWords, invalidStep } from '../message-step.js';
import { flowWords, ruleWords } from '../words.js';
import { beLiberal } from './liberal.js';
import { WINDOW_REASONS } from './refusals.js';

const OLD_REASONS: Readonly<Record<string, string>> = {
  'tcp-seq-under-lower-bound': 'the segment lies below the window: its data was acknowledged long before',
  'tcp-ack-under-lower-bound': 'it acknowledges less than was acknowledged long before',
};

function ageStep(subject: Case): Step | null {
  const packet = firstPacket(subject);
  const bound = boundOf(packet);
  const { seq, ack } = packet.row;
  const payload = payloadOf(packet);
  if (bound === null || subject.reason === null) return null;
  const isSeq = subject.reason.id === 'tcp-seq-under-lower-bound';
  const end = seq === null || payload === null ? null : plus(seq, payload.most);
  const at = isSeq ? end : ack;
  if (at === null) return null;
  const below = -distance(at, plus(bound, 1));
  return below <= 0
    ? null
    : shown(
        `it ends ${below} bytes below the lowest that would be in the window`,
        [citePacket(subject, packet, packet.reasonStep ?? 0)],
        false,
      );
}

/** The rest of the connection is in order: no other refusal, and its entry lives. */
function healthStep(subject: Case): Step {
  const living = subject.entries.filter((one) => one.list === 'main' && one.state === 'ESTABLISHED').at(-1);
  const cited = living === undefined ? null : subject.cite.entry(living, entryMoment(subject, living).atUs);
  return cited === null
    ? inferred('the rest of the connection is in order: no other check refuses it', [], false, ASK.listing)
    : shown('the rest of the connection is in order: its entry lives', [cited], false);
}

/** After a port was used again, segments of the connection before it are old in the same way. */
function notReused(subject: Case): LookAlike {
  const { atUs } = firstPacket(subject).row;
  const born = subject.events.filter((event) => event.kind === 'NEW');
  const covered = completeCoverage(subject, 'events', born[0]?.atUs ?? null, atUs);
  return ruledOutBy(
    'port-reuse',
    'its entry is the only one these ports had',
    born.length === 1 && born[0]!.atUs !== null && covered !== undefined
      ? [subject.cite.event(born[0]!), subject.cite.coverage(covered, 'events were listened to all the while')]
      : [],
    ASK.events,
  );
}

export const oldSegment: Cause = {
  id: 'old-segment',
  title: 'Old segment below the window',
  needs: 'the line of log_invalid about a lower bound',
  decides:
    '"SEQ is under … lower bound" or "ACK … under … lower bound" in single lines of a connection that is otherwise in order; INVALID until 6.0, accepted with a remark since 6.1',
  looksLike: ['port-reuse', 'malformed'],
  causes: [],
  kernels:
    'INVALID until 6.0 (5.10, 5.15); since 6.1 the line is printed, with the bound in it, and the segment is accepted',
  evidence: ['kernel log', 'entries', 'events'],
  argue(subject): Verdict | null {
    const { reason } = subject;
    const sentence = reason === null ? undefined : OLD_REASONS[reason.id];
    if (reason?.by !== 'message' || sentence === undefined) return null;
    const packet = firstPacket(subject);
    // An RST so far off is not late: it is one that is not believed.
    if (subject.outcome === 'INVALID' && subject.packets.every((one) => hasFlag(one, 'RST'))) return null;
    // Where the other bound is broken, too, the window itself is wrong: that is told there.
    if (
      subject.all.some(
        (one) => one.reasonId !== null && WINDOW_REASONS.includes(one.reasonId) && one.state === 'INVALID',
      )
    )
      return null;
    const age = ageStep(subject);
    const steps: Step[] = [
      invalidStep(subject),
      shown(sentence, [citePacket(subject, packet, packet.reasonStep ?? 0)]),
      ...(age === null ? [] : [age]),
      healthStep(subject),
    ];
    const what = reason.id === 'tcp-seq-under-lower-bound' ? 'An old segment' : 'An old acknowledgement';
    const isInvalid = subject.outcome === 'INVALID';
    return {
      class: 'old-segment',
      argument: {
        id: 'old-segment',
        steps,
        lookAlikes: [notReused(subject), { cause: 'malformed', ruledOut: null, wouldSettle: ASK.capture }],
      },
      led: null,
      title: isInvalid ? `${what} is INVALID: ${flowWords(packet.tuples[0] ?? subject.flow)}` : `${what}, accepted`,
      summary: isInvalid
        ? `${what} came late, or was sent again though it was acknowledged. Kernels up to 6.0 call that INVALID; nothing is lost by it, as the receiver has the data.${droppedWords(subject, ruleWords)}`
        : `${what} came late, or was sent again though it was acknowledged. This kernel says so and accepts it.`,
      missing: [],
      remedies: isInvalid
        ? [
            {
              when: 'lasting',
              text: 'nothing to mend where nothing drops it; since 6.1 the kernel accepts such segments',
              command: 'uname -r',
              undo: '',
              price: 'an upgrade, where the drops matter',
            },
            ...beLiberal(subject),
          ]
        : [],
    };
  },
};
