// UDP and other answers that come after their entry has gone are NEW, with the roles reversed: to a firewall they look like a
// connection from outside.

import {
  confidenceOf,
  inferred,
  open,
  rankOf,
  ruledOutBy,
  type Step,
  shown,
  type Verdict,
} from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { citePacket, firstPacket, livesBefore, packetMoment } from '../../explain/flow-facts.js';
import type { Cause } from '../cause.js';
import { flowWords, ruleWords, stopWords } from '../words.js';
import { LED_TO_IT } from './led-to-it.js';
import { removalOf } from './removal.js';

export const lateAnswer: Cause = {
  id: 'entry-gone',
  title: 'An answer came after its entry had gone',
  needs: 'the packet in the reply direction of an earlier entry, and that entry',
  decides: 'it is NEW although it answers: the entry of the question had gone',
  looksLike: ['normal'],
  causes: ['entry-expired', 'entry-deleted-from-userspace'],
  kernels: 'all; since 5.19 only entries born while somebody listened have events',
  evidence: ['kernel log', 'trace', 'events', 'entries', 'settings'],
  argue(subject: Case): Verdict | null {
    const packet = firstPacket(subject);
    const tuple = packet.tuples[0];
    if (subject.outcome !== 'NEW' || subject.flow.proto === 6 || tuple === undefined) return null;
    // The flow is told from its question's event or entry; the answer goes the other way.
    const isAnswer =
      subject.flowKnownBy !== 'first-packet' && tuple.src !== subject.flow.src && tuple.sport === subject.flow.dport;
    const lives = livesBefore(subject, packetMoment(packet));
    const question = lives.find((life) => life.kind !== 'packet') ?? lives[0];
    if (!isAnswer || question === undefined) return null;
    const removal = removalOf(subject);
    const cited = citePacket(subject, packet);
    const steps: Step[] = [
      packet.stateIs === 'shown'
        ? shown('the packet is NEW', [cited])
        : inferred('the packet is NEW', [cited], true, ASK.trace),
      shown('it answers a question that had an entry', [question.evidence]),
      removal.destroyEvidence !== null
        ? shown('that entry had gone', [removal.destroyEvidence])
        : open('when that entry went', false, ASK.events),
    ];
    const led = LED_TO_IT.map((argue) => argue(subject, removal))
      .filter((one) => one !== null)
      .sort((a, b) => rankOf(confidenceOf(b)) - rankOf(confidenceOf(a)))
      .find((one) => confidenceOf(one) !== null);
    const { fate } = subject;
    const rule = fate.rule;
    return {
      class: 'entry-gone',
      argument: {
        id: 'entry-gone',
        steps,
        lookAlikes: [ruledOutBy('normal', 'it is the exact reverse of a tracked question', [question.evidence])],
      },
      led: led ?? null,
      title: `A late answer is NEW${fate.fate === 'dropped' && rule !== null ? ` and ${stopWords(fate).stopped}: ${ruleWords(rule, fate.isPolicy)}` : ''}`,
      summary: `${flowWords(tuple)} answers a question whose entry had gone, so conntrack takes it for the first packet of something new.${fate.fate === 'dropped' && rule !== null ? ` ${fate.isPolicy ? `The policy of ${rule.chain}` : ruleWords(rule)} ${stopWords(fate).stops} it.` : ''}`,
      missing: led === undefined ? [ASK.events] : [],
      remedies: [
        {
          when: 'lasting',
          text: 'let such entries live longer than the server takes to answer',
          command: 'sysctl -w net.netfilter.nf_conntrack_udp_timeout=60',
          undo: 'sysctl -w net.netfilter.nf_conntrack_udp_timeout=30',
          price: 'unanswered questions stay in the table as long',
        },
      ],
    };
  },
};
