// A rule of a nat chain let the packet pass before the rule that would have translated it: it leaves with the address it came with,
// and nobody answers. Conntrack did what the rules say.

import type { Chain, Rule } from '../../model/ruleset.js';
import { inferred, ruledOutBy, type Step, shown, type Verdict } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { citePacket, firstPacket } from '../explain/flow-facts.js';
import { factsOf, packetOf } from '../explain/packet-of.js';
import { listedChain } from '../explain/rule-commands.js';
import { matchRule } from '../ruleset/match-rule.js';
import type { Cause } from './cause.js';
import { flowWords, ruleWords } from './words.js';

interface Bypass {
  readonly passed: Rule;
  readonly missed: Rule;
  /** Step of the trace line of the rule that let it pass; NULL without a trace. */
  readonly step: number | null;
}

function matches(subject: Case, packet: SeenPacket, chain: Chain, rule: Rule): boolean {
  const facts = { ...factsOf(packet, subject.flow, null), hook: chain.hook, priority: chain.priority };
  return matchRule(rule, packetOf(packet), facts).result === 'match';
}

function bypassOf(subject: Case): Bypass | null {
  for (const packet of subject.packets) {
    // A packet that was translated was not let pass.
    if (packet.tuples.length > 1) return null;
    for (const chain of subject.host.rules.rulesets.flatMap((ruleset) => ruleset.chains)) {
      if (chain.type !== 'nat' || chain.hook === null) continue;
      const step = packet.steps.findIndex(
        (one) => one.table === chain.table && one.chain === chain.name && one.ruleKind === 'rule',
      );
      const traced =
        step < 0
          ? null
          : chain.rules.find(
              (rule) =>
                rule.number === packet.steps[step]!.ruleNumber ||
                (rule.handle !== null && rule.handle === packet.steps[step]!.handle),
            );
      const passed =
        traced ??
        (step < 0 && chain.hook === 'POSTROUTING'
          ? chain.rules.find((rule) => matches(subject, packet, chain, rule))
          : null);
      if (passed == null || (passed.verdict !== 'ACCEPT' && passed.verdict !== 'RETURN')) continue;
      const missed = chain.rules.find(
        (rule) => rule.number > passed.number && rule.verdict === 'NAT' && matches(subject, packet, chain, rule),
      );
      if (missed !== undefined) return { passed, missed, step: step < 0 ? null : step };
    }
  }
  return null;
}

export const natBypassed: Cause = {
  id: 'rule-decided',
  title: 'Left untranslated: a nat rule let it pass first',
  needs: 'the ruleset, and that nobody answered',
  decides:
    'an ACCEPT or RETURN in a nat chain matches before the rule that translates, and the packet shows its first address to the end',
  looksLike: ['normal'],
  causes: ['nat-bypassed'],
  kernels: 'all',
  evidence: ['trace', 'kernel log', 'ruleset', 'counters', 'events', 'entries'],
  argue(subject): Verdict | null {
    const isAnswered =
      subject.events.some((event) => event.kind === 'UPDATE') ||
      subject.entries.some((entry) => !(entry.status ?? '').includes('UNREPLIED'));
    if (subject.outcome !== 'NEW' || subject.fate.fate === 'dropped' || subject.count < 2 || isAnswered) return null;
    const bypass = bypassOf(subject);
    if (bypass === null) return null;
    const { passed, missed } = bypass;
    const packet =
      subject.packets.find((one) => bypass.step !== null && one.steps[bypass.step]?.table === passed.table) ??
      firstPacket(subject);
    const hit = subject.host.rules.atStep({
      ...packet.steps[0]!,
      family: missed.family,
      table: missed.table,
      chain: missed.chain,
      ruleKind: 'rule',
      ruleNumber: missed.number,
      handle: null,
      ruleText: null,
    });
    const unanswered = subject.entries.find((entry) => (entry.status ?? '').includes('UNREPLIED'));
    const newEvent = subject.events.find((event) => event.kind === 'NEW');
    const repeated = subject.packets.at(-1)!;
    const steps: Step[] = [
      bypass.step !== null
        ? shown(`${ruleWords(passed)} let it pass`, [citePacket(subject, packet, bypass.step)])
        : inferred(`${ruleWords(passed)} lets it pass, by the ruleset`, [], true, ASK.trace),
      shown(`${ruleWords(missed)} would have translated it`, [hit?.evidence ?? null]),
      shown('nobody answers: it is sent again and again', [
        citePacket(subject, repeated),
        unanswered === undefined
          ? newEvent === undefined
            ? null
            : subject.cite.event(newEvent)
          : subject.cite.entry(unanswered, null),
      ]),
    ];
    return {
      class: 'rule-decided',
      argument: {
        id: 'rule-decided',
        steps,
        lookAlikes: [
          ruledOutBy(
            'normal',
            'an ordinary first packet is answered',
            [unanswered === undefined ? null : subject.cite.entry(unanswered, null)],
            ASK.listing,
          ),
        ],
      },
      led: { id: 'nat-bypassed', steps, lookAlikes: [] },
      title: `Leaves untranslated: ${ruleWords(passed)} stands before ${missed.target ?? 'the NAT rule'}`,
      summary: `${flowWords(subject.flow)} is forwarded with the address it came with: ${ruleWords(passed)} (${passed.text}) lets it pass before ${ruleWords(missed)} (${missed.text}) could translate it. The answer, if there is one, does not find back here.`,
      missing: [],
      remedies: [
        {
          when: 'lasting',
          text: `narrow ${ruleWords(passed)} to what must stay untranslated, or put it behind`,
          command: listedChain(subject.host.rules, passed, subject.flow.src.includes(':')),
          undo: '',
          price: 'look first: this only lists; entries that exist keep their old translation',
        },
      ],
    };
  },
};
