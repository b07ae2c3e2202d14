// An RST that conntrack does not believe: its sequence number is below what the other side has acknowledged, or out of the window. The
// entry lives on, and where the RST is dropped the other side never learns that the connection is refused.

import { inferred, type LookAlike, ruledOutBy, type Step, shown, type Verdict } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { citePacket, completeCoverage, entryMoment, firstPacket, sysctlOf } from '../explain/flow-facts.js';
import { hasFlag, isSameWay, isSyn } from '../explain/segment-facts.js';
import type { Cause } from './cause.js';
import { droppedWords, invalidStep } from './message-step.js';
import { notOffloaded } from './window/offload.js';
import { WINDOW_REASONS } from './window/refusals.js';
import { endWords, ruleWords } from './words.js';

/** Until 6.0 an RST below the window is refused by the window check, too. */
const OUT_OF_WINDOW = [...WINDOW_REASONS, 'tcp-seq-under-lower-bound', 'tcp-ack-under-lower-bound'];

const IGNORE_INVALID = 'net.netfilter.nf_conntrack_tcp_ignore_invalid_rst';

interface Answered {
  readonly id: 'answers-reused-syn' | 'answers-challenge-ack';
  readonly says: string;
  readonly packet: SeenPacket;
  /** What it answers, where a line shows that. */
  readonly question: SeenPacket | null;
}

/** What an RST answers, by its number: 0 answers a SYN, the acknowledgement of a challenge ACK answers that (RFC 9293, 3.10.7). */
function answeredBy(subject: Case): Answered | null {
  for (const packet of subject.packets) {
    const others = subject.all.filter((one) => !isSameWay(one, packet));
    const { seq } = packet.row;
    if (seq === 0)
      return {
        id: 'answers-reused-syn',
        says: 'its sequence number is 0, as of one that answers a SYN, which acknowledges nothing',
        packet,
        // The SYN that opened the connection had its answer: one that conntrack ignored is meant.
        question: others.find((one) => isSyn(one) && one.reasonId === 'tcp-packet-ignored') ?? null,
      };
    const challenge = seq === null ? undefined : others.find((one) => one.flags === 'ACK' && one.row.ack === seq);
    if (challenge !== undefined)
      return {
        id: 'answers-challenge-ack',
        says: `its sequence number is the one that the other side's ACK demands (${seq}): it answers a challenge`,
        packet,
        question: challenge,
      };
  }
  return null;
}

function settingStep(subject: Case): Step | null {
  const setting = sysctlOf(subject, IGNORE_INVALID, firstPacket(subject).row.atUs);
  return setting === null || Number(setting.value) !== 0
    ? null
    : shown(
        'nf_conntrack_tcp_ignore_invalid_rst is 0: its number is checked',
        [subject.cite.value(setting, null)],
        false,
      );
}

function entryStep(subject: Case): Step {
  const living = subject.entries.filter((one) => one.list === 'main').at(-1);
  const cited = living === undefined ? null : subject.cite.entry(living, entryMoment(subject, living).atUs);
  return cited === null
    ? inferred('the entry lives on', [], false, ASK.listing)
    : shown(`the entry lives on: ${living!.state ?? 'listed'}`, [cited], false);
}

/** A forged RST has a number that was guessed. */
function notForged(subject: Case, answered: Answered | null): LookAlike {
  return ruledOutBy(
    'malformed',
    'it answers a packet that was seen: nobody guessed its number',
    answered?.question == null
      ? []
      : [citePacket(subject, answered.packet, 0), citePacket(subject, answered.question, 0)],
    ASK.capture,
  );
}

/** Where ports were used again the RST is a part of that story. */
function notReused(subject: Case, ignored: SeenPacket | undefined): LookAlike {
  const born = subject.events.filter((event) => event.kind === 'NEW');
  const covered = completeCoverage(subject, 'events', born[0]?.atUs ?? null, firstPacket(subject).row.atUs);
  return ruledOutBy(
    'port-reuse',
    'its entry is the only one these ports had, and no SYN came on it',
    ignored === undefined && born.length === 1 && born[0]!.atUs !== null && covered !== undefined
      ? [subject.cite.event(born[0]!), subject.cite.coverage(covered, 'events were listened to all the while')]
      : [],
    ASK.events,
  );
}

export const rstRejected: Cause = {
  id: 'rst-rejected',
  title: 'An RST that conntrack does not accept',
  needs: 'an RST that is INVALID although the connection has an entry',
  decides:
    '"invalid rst", or a window line about an RST: an entry is there, and the number of the RST is 0 (it answers a SYN on reused ports), that of a challenge ACK, or out of the window',
  looksLike: ['late-close', 'malformed', 'offload-blind-window'],
  causes: ['answers-reused-syn', 'answers-challenge-ack'],
  kernels:
    'all; checked exactly since 5.1; since 5.14 closing states take any RST and nf_conntrack_tcp_ignore_invalid_rst=1 switches the check off; until 6.13 also after flow offload',
  evidence: ['kernel log', 'entries', 'captures', 'sysctls'],
  argue(subject): Verdict | null {
    const { reason } = subject;
    const packet = firstPacket(subject);
    if (subject.outcome !== 'INVALID' || reason?.by !== 'message' || subject.flow.proto !== 6) return null;
    const isByNumber = reason.id === 'tcp-invalid-rst';
    const isByWindow = OUT_OF_WINDOW.includes(reason.id) && subject.packets.every((one) => hasFlag(one, 'RST'));
    if (!isByNumber && !isByWindow) return null;
    // Data of the same way was refused, too: the RST shares the fate of its connection.
    if (isByWindow && subject.all.some((one) => one.reasonId === reason.id && !hasFlag(one, 'RST'))) return null;
    const cited = citePacket(subject, packet, packet.reasonStep ?? 0);
    const answered = answeredBy(subject);
    const setting = isByNumber ? settingStep(subject) : null;
    const ignored = subject.all.find((one) => one.reasonId === 'tcp-packet-ignored' && isSyn(one));
    const steps: Step[] = [
      invalidStep(subject),
      shown(
        isByNumber
          ? 'the connection has an entry, and the other side has acknowledged more than this RST knows of'
          : 'the connection has an entry, and the RST lies outside its window',
        [cited],
      ),
      answered === null
        ? inferred('what it answers is not in what was recorded', [], false, ASK.capture)
        : shown(
            answered.says,
            [
              citePacket(subject, answered.packet, 0),
              answered.question === null ? null : citePacket(subject, answered.question, 0),
            ],
            false,
          ),
      ...(ignored === undefined
        ? []
        : [
            shown(
              'a SYN on the same ports had come before, and was ignored',
              [citePacket(subject, ignored, ignored.reasonStep ?? 0)],
              false,
            ),
          ]),
      ...(setting === null ? [] : [setting]),
      entryStep(subject),
    ];
    const tuple = packet.tuples[0] ?? subject.flow;
    const led =
      answered?.question == null
        ? null
        : {
            id: answered.id,
            steps: [
              shown(answered.says, [citePacket(subject, answered.packet, 0)]),
              shown('and that was seen', [citePacket(subject, answered.question, 0)]),
            ],
            lookAlikes: [],
          };
    const isOld =
      subject.host.kernel !== null &&
      (subject.host.kernel.major < 5 || (subject.host.kernel.major === 5 && subject.host.kernel.minor < 14));
    return {
      class: 'rst-rejected',
      argument: {
        id: 'rst-rejected',
        steps,
        lookAlikes: [
          ruledOutBy('late-close', 'without an entry the check would be another', [cited]),
          notForged(subject, answered),
          notOffloaded(subject),
          notReused(subject, ignored),
        ],
      },
      led,
      title: `RST of ${endWords(tuple.src, tuple.sport)} is not accepted`,
      summary: `${endWords(tuple.src, tuple.sport)} resets the connection, but conntrack does not believe it: ${answered === null ? (isByNumber ? 'its number is below what the other side has acknowledged' : 'it is outside of the window') : answered.says}. The entry stays.${droppedWords(subject, ruleWords)}`,
      missing: [],
      remedies: [
        ...(isByNumber && !isOld
          ? [
              {
                when: 'now' as const,
                text: 'have conntrack accept such RSTs',
                command: `sysctl -w ${IGNORE_INVALID}=1`,
                undo: `sysctl -w ${IGNORE_INVALID}=0`,
                price:
                  'a forged RST with any number closes the entry of its connection: the next packet is taken up in the middle, or INVALID',
              },
            ]
          : []),
        {
          when: 'now',
          text: 'remove the old entry, so that the next SYN begins a new one',
          command: `conntrack -D -p tcp -s ${subject.flow.src} -d ${subject.flow.dst} --sport ${subject.flow.sport} --dport ${subject.flow.dport}`,
          undo: '',
          price: 'if the old connection still lives, its packets have no entry any more',
        },
      ],
    };
  },
};
