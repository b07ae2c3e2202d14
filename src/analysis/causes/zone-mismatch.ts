// One connection in two conntrack zones: its question is tracked in one, its answer is looked up in another, where it is a stranger.

import type { EvidenceItem, Remedy } from '../../model/finding.js';
import type { Rule } from '../../model/ruleset.js';
import { inferred, ruledOutBy, type Step, shown, type Verdict } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import type { Case } from '../explain/case.js';
import { citePacket, entryMoment, eventMoment, firstPacket, packetMoment } from '../explain/flow-facts.js';
import { orderOf } from '../explain/order.js';
import { factsOf, packetOf } from '../explain/packet-of.js';
import { proofLines } from '../explain/proof-lines.js';
import { foundInRules, listedChain } from '../explain/rule-commands.js';
import { matchRule } from '../ruleset/match-rule.js';
import type { Cause } from './cause.js';
import { flowWords, ruleWords, stopWords } from './words.js';

interface Question {
  readonly zone: number;
  readonly evidence: EvidenceItem;
}

/** The entry whose answer this packet is, in a zone of its own, there when the packet came; NULL: none. */
function questionOf(subject: Case): Question | null {
  const packet = firstPacket(subject);
  const tuple = packet.tuples[0];
  const moment = packetMoment(packet);
  const isAnswerTo = (replyTupleId: number | null) => replyTupleId !== null && replyTupleId === tuple?.id;
  const event = subject.events.find(
    (one) =>
      one.kind === 'NEW' &&
      (one.zone ?? 0) !== 0 &&
      isAnswerTo(one.replyTupleId) &&
      orderOf(eventMoment(one), moment) !== 'after',
  );
  const wentBefore =
    event !== undefined &&
    subject.events.some(
      (one) => one.kind === 'DESTROY' && one.zone === event.zone && orderOf(eventMoment(one), moment) === 'before',
    );
  if (event !== undefined && !wentBefore) return { zone: event.zone!, evidence: subject.cite.event(event) };
  const entry = subject.entries.find((one) => one.list === 'main' && one.zone !== 0 && isAnswerTo(one.replyTupleId));
  const cited = entry === undefined ? null : subject.cite.entry(entry, entryMoment(subject, entry).atUs);
  return entry === undefined || cited === null ? null : { zone: entry.zone, evidence: cited };
}

const SETS_ZONE = /--zone (\d+)|\bct zone set (\d+)/;

/** The rule that put the question into its zone, and why it does not match the answer; NULL: no ruleset shows one. */
function zoneRule(
  subject: Case,
  zone: number,
): { readonly rule: Rule; readonly evidence: EvidenceItem; readonly because: string } | null {
  const packet = firstPacket(subject);
  for (const chain of subject.host.rules.rulesets.flatMap((ruleset) => ruleset.chains)) {
    for (const rule of chain.rules) {
      const found = SETS_ZONE.exec(rule.text);
      if (found === null || Number(found[1] ?? found[2]) !== zone) continue;
      const facts = { ...factsOf(packet, subject.flow, null), hook: chain.hook, priority: chain.priority };
      const match = matchRule(rule, packetOf(packet), facts);
      const hit = subject.host.rules.ruleOf(rule);
      if (hit !== null && match.result === 'no-match') return { rule, evidence: hit.evidence, because: match.because };
    }
  }
  return null;
}

function remedies({ host, flow }: Case, rule: Rule | null, zone: number): readonly Remedy[] {
  return [
    {
      when: 'lasting',
      text: 'put both directions into the same zone: one rule for each interface of the connection, or none at all',
      command:
        rule === null
          ? foundInRules(
              host.rules,
              flow.src.includes(':'),
              { iptables: `zone.* ${zone}`, nft: `zone set ${zone}` },
              'raw',
            )
          : listedChain(host.rules, rule, flow.src.includes(':')),
      undo: '',
      price: 'look first: this only lists; entries that exist stay in their zone until they end',
    },
  ];
}

export const zoneMismatch: Cause = {
  id: 'bridge-path',
  title: 'Question and answer are in different conntrack zones',
  needs: 'the answer as a packet, and the entry of its question with its zone',
  decides: 'the entry of the question is alive in a zone, and the rule that sets this zone does not match the answer',
  looksLike: ['asymmetric-syn-unseen', 'entry-gone'],
  causes: ['zone-mismatch'],
  kernels: 'all; zones that are set per direction since 4.3',
  evidence: ['kernel log', 'events', 'entries', 'ruleset'],
  argue(subject): Verdict | null {
    if (subject.outcome !== 'INVALID' && subject.outcome !== 'NEW') return null;
    // An answer that found its entry is neither NEW nor refused for want of one.
    if (subject.outcome === 'INVALID' && subject.reason !== null && subject.reason.id !== 'tcp-invalid-new')
      return null;
    const question = questionOf(subject);
    if (question === null) return null;
    const packet = firstPacket(subject);
    const cited = citePacket(subject, packet, packet.reasonStep ?? packet.stateStep ?? 0);
    const rule = zoneRule(subject, question.zone);
    const steps: Step[] = [
      packet.stateIs === 'shown'
        ? shown(`the answer is ${subject.outcome}: no entry was found for it`, [cited])
        : inferred(`the answer is ${subject.outcome}`, [cited], true, ASK.logInvalid),
      shown(`its question has an entry, in zone ${question.zone}`, [question.evidence]),
      rule === null
        ? inferred('the answer is looked up in another zone', [question.evidence], false, ASK.ruleset)
        : shown(
            `${ruleWords(rule.rule)}, which sets that zone, does not match the answer: ${rule.because}`,
            [rule.evidence],
            false,
          ),
    ];
    const name = flowWords(subject.flow);
    const { fate } = subject;
    return {
      class: 'bridge-path',
      argument: {
        id: 'bridge-path',
        steps,
        lookAlikes: [
          ruledOutBy('asymmetric-syn-unseen', 'the question passed here and has its entry', [question.evidence]),
          ruledOutBy('entry-gone', 'the entry is there', [question.evidence]),
        ],
      },
      led: { id: 'zone-mismatch', steps, lookAlikes: [] },
      title: `Zone ${question.zone} is set for one direction only: the answer is ${subject.outcome}`,
      summary: `${name} is tracked in conntrack zone ${question.zone}, and its answer is looked up in another zone, where nobody knows it${rule === null ? '' : `: ${rule.rule.text} does not match it (${rule.because})`}.${fate.fate === 'dropped' && fate.rule !== null ? ` ${ruleWords(fate.rule, fate.isPolicy)} ${stopWords(fate).stops} it.` : ''}`,
      missing: [],
      proof: proofLines('its zone', steps.slice(1)),
      remedies: remedies(subject, rule?.rule ?? null, question.zone),
    };
  },
};
