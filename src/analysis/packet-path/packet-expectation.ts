// --expect with --packet: whether the described packet ends so, or meets the rule one expected, and if not, why it does not.

import type { Rule, Ruleset } from '../../model/ruleset.js';
import { ruleWords } from '../causes/words.js';
import type { Expected } from '../ruleset/find-rules.js';
import type { Outcome } from './every-way.js';
import { endedBy, fateOf } from './packet-end.js';
import type { PacketWalk } from './packet-ways.js';

const MOST_NAMED = 8;

/** One sentence of each way, those that say the same told once. */
function ofEachWay(
  outcomes: readonly Outcome<PacketWalk>[],
  sentence: (walk: PacketWalk) => string,
): readonly string[] {
  const said = outcomes.map(({ way }) => sentence(way.walk));
  const different = [...new Set(said)];
  if (different.length === 1) return different;
  return said.map((text, at) => `Way ${at + 1}: ${text}`);
}

function ended(walk: PacketWalk, rulesets: readonly Ruleset[]): string {
  const by = endedBy(walk, rulesets);
  return by === null ? `it is ${fateOf(walk)}` : `it is ${fateOf(walk)} by ${by}`;
}

function ofRule(walk: PacketWalk, rule: Rule, rulesets: readonly Ruleset[]): string {
  const name = `${ruleWords(rule)} (${rule.text})`;
  const step = walk.steps.find((one) => one.rule === rule);
  if (step === undefined) {
    return walk.end.fate === 'accepted'
      ? `It does not come by ${name}: ${ended(walk, rulesets)} on another way.`
      : `It does not come as far as ${name}: ${ended(walk, rulesets)}.`;
  }
  if (step.result === 'match') return `It matches ${name}.`;
  if (step.result === 'no-match') return `It does not match ${name}: ${step.because}.`;
  return step.isTaken
    ? `It matches ${name} if this holds: ${step.because}.`
    : `Whether it matches ${name} cannot be told: ${step.because}.`;
}

/** A verdict as a fate: ACCEPT is what nothing stops. */
function hasVerdict(walk: PacketWalk, verdict: string): boolean {
  if (verdict === 'ACCEPT') return walk.end.fate === 'accepted';
  if (verdict === 'DROP') return walk.end.fate === 'dropped';
  if (verdict === 'REJECT') return walk.end.fate === 'rejected';
  if (verdict === 'QUEUE') return walk.end.fate === 'queued';
  return walk.steps.some(
    ({ rule, result, isTaken }) =>
      (result === 'match' || isTaken) && (rule?.verdict === verdict || rule?.target === verdict),
  );
}

/** Sentences that answer --expect. */
export function expectationOfPacket(
  expected: Expected,
  wanted: string,
  outcomes: readonly Outcome<PacketWalk>[],
  rulesets: readonly Ruleset[],
): readonly string[] {
  const capital = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  switch (expected.is) {
    case 'state':
      return ofEachWay(outcomes, ({ state }) =>
        state === expected.state
          ? `It is taken to be ${state}, as expected: say --ctstate to ask for another.`
          : `It is ${state} by what --packet says, not ${expected.state}.`,
      );
    case 'socket':
      return ofEachWay(outcomes, (walk) =>
        fateOf(walk) === 'delivered'
          ? 'The rules let it come to a socket of this host; whether one listens is not asked.'
          : `It does not come to a socket here: ${ended(walk, rulesets)}.`,
      );
    case 'verdict':
      return ofEachWay(outcomes, (walk) =>
        hasVerdict(walk, expected.verdict)
          ? `As expected (${expected.verdict}): ${ended(walk, rulesets)}.`
          : `Not ${expected.verdict}: ${ended(walk, rulesets)}.`,
      ).map(capital);
    case 'rule':
    case 'text':
      break;
  }
  if (expected.rules.length === 0)
    return [
      expected.is === 'rule' && expected.found !== null
        ? `That is the end of the chain ${expected.found.chain.table} ${expected.found.chain.name}.`
        : `No rule here is what '${wanted}' says.`,
    ];
  if (expected.rules.length > MOST_NAMED)
    return [
      `${expected.rules.length} rules are what '${wanted}' says; give a longer piece of the text, or 'TABLE CHAIN N'.`,
    ];
  return expected.rules.flatMap((rule) => ofEachWay(outcomes, (walk) => ofRule(walk, rule, rulesets)));
}
