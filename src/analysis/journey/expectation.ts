// --expect: whether the packet ended before the rule one expected, or met it and failed to match, and on which condition.

import type { Rule, Ruleset } from '../../model/ruleset.js';
import { ruleWords } from '../causes/words.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { factsOf, packetOf } from '../explain/packet-of.js';
import { findExpected } from '../ruleset/find-rules.js';
import { matchRule } from '../ruleset/match-rule.js';
import type { Walk } from '../ruleset/walk.js';

export interface Expectation {
  /** Rules that the words mean, to be marked in the rows. */
  readonly rules: ReadonlySet<Rule>;
  readonly sentences: readonly string[];
}

const MOST_NAMED = 8;

function chainOf(rulesets: readonly Ruleset[], rule: Rule) {
  return (
    rulesets
      .flatMap((ruleset) => ruleset.chains)
      .find((chain) => chain.family === rule.family && chain.table === rule.table && chain.name === rule.chain) ?? null
  );
}

/** Whether a traced packet matched a rule: its lines name the rules it matched. */
function isTracedMatch(packet: SeenPacket, rule: Rule): boolean {
  return packet.steps.some(
    (step) =>
      step.ruleKind === 'rule' &&
      step.table === rule.table &&
      step.chain === rule.chain &&
      (step.handle !== null ? step.handle === rule.handle : step.ruleNumber === rule.number),
  );
}

function aboutRule(subject: Case, packet: SeenPacket, walk: Walk | null, rule: Rule): string {
  const isTraced = packet.steps.some((step) => step.kind.endsWith('trace') || step.kind === 'trace');
  const step = walk?.steps.find((one) => one.rule === rule);
  // A rule that the walk came by is shown with its text above.
  const name = step !== undefined && !isTraced ? ruleWords(rule) : `${ruleWords(rule)} (${rule.text})`;
  if (isTraced && isTracedMatch(packet, rule)) return `It matched ${name}.`;
  if (step !== undefined && step.result === 'match' && !isTraced) return `By the ruleset it matches ${name}.`;
  const chain = chainOf(subject.host.rules.rulesets, rule);
  const facts = {
    ...factsOf(packet, subject.flow, null),
    hook: chain?.hook ?? null,
    priority: chain?.priority ?? null,
  };
  const match = matchRule(rule, packetOf(packet), facts);
  const { fate } = subject;
  const wasEndedBefore = step === undefined && fate.fate === 'dropped' && fate.rule !== null;
  if (match.result === 'no-match') {
    return wasEndedBefore
      ? `It does not match ${name}: ${match.because}. It did not come that far either: ${ruleWords(fate.rule!, fate.isPolicy)} ended it.`
      : `It does not match ${name}: ${match.because}.`;
  }
  if (wasEndedBefore)
    return `It ended too early for ${name}: ${ruleWords(fate.rule!, fate.isPolicy)}${fate.isPolicy ? '' : ` (${fate.rule!.text})`} took it before. There it would ${match.result === 'match' ? 'match' : `perhaps match (${match.because})`}.`;
  if (match.result === 'unknown') return `Whether it matches ${name} cannot be told: ${match.because}.`;
  return `It would match ${name}, but nothing shows that it came by there.`;
}

export function expectationOf(subject: Case, packet: SeenPacket, walk: Walk | null, wanted: string): Expectation {
  const { rules } = subject.host;
  if (!rules.hasRules)
    return {
      rules: new Set(),
      sentences: [
        'No ruleset is among the evidence, so what it should have met cannot be looked up: iptables-save -c or nft -a list ruleset would show it.',
      ],
    };
  const expected = findExpected(rules.rulesets, wanted);
  const state = packet.state;
  if (expected.is === 'state') {
    const same = state === expected.state;
    const opening =
      state === null
        ? `Nothing tells the state of this packet; expected was ${expected.state}.`
        : same
          ? `It is ${state}, as expected.`
          : `It is ${state}, not ${expected.state}${subject.reason === null || subject.reason.message === '' ? '' : ` ("${subject.reason.message}")`}.`;
    const asked = same ? [] : expected.rules.slice(0, 3).map((rule) => aboutRule(subject, packet, walk, rule));
    return { rules: new Set(expected.rules), sentences: [opening, ...asked] };
  }
  if (expected.is === 'socket')
    return {
      rules: new Set(),
      sentences: [
        subject.fate.fate === 'delivered'
          ? 'It was delivered to this host.'
          : subject.fate.fate === 'dropped' && subject.fate.rule !== null
            ? `It never came to a socket: ${ruleWords(subject.fate.rule, subject.fate.isPolicy)} ended it.`
            : 'Nothing shows that it came to a socket.',
      ],
    };
  if (expected.rules.length === 0) {
    const isPolicy = expected.is === 'rule' && expected.found !== null;
    return {
      rules: new Set(),
      sentences: [
        isPolicy
          ? `That is the end of the chain: ${subject.fate.isPolicy ? 'it came that far, and the policy decided' : 'nothing shows that it came that far'}.`
          : `No rule here is what '${wanted}' says.`,
      ],
    };
  }
  if (expected.is === 'text' && expected.rules.length > MOST_NAMED)
    return {
      rules: new Set(),
      sentences: [
        `${expected.rules.length} rules are what '${wanted}' says; give a longer piece of the text, or 'TABLE CHAIN N'.`,
      ],
    };
  return {
    rules: new Set(expected.rules),
    sentences: expected.rules.slice(0, MOST_NAMED).map((rule) => aboutRule(subject, packet, walk, rule)),
  };
}
