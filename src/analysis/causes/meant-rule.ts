// Which rule was meant for a packet that another rule, or a policy, ended: one behind it that would have taken it, or one in front that
// failed on a single condition.

import type { Condition, Rule } from '../../model/ruleset.js';
import type { Case } from '../explain/case.js';
import { firstPacket } from '../explain/flow-facts.js';
import { factsOf, packetOf } from '../explain/packet-of.js';
import type { RuleHit } from '../explain/rule-book.js';
import { chainsFrom } from '../ruleset/invalid-rules.js';
import { testCondition } from '../ruleset/match-rule.js';

export interface MeantRule {
  readonly hit: RuleHit;
  /** The one condition that failed; NULL: it would have matched, had the packet come that far. */
  readonly failed: Condition | null;
  /** '-s 192.0.2.64/27: it is 192.0.2.100'. */
  readonly because: string;
}

/** Conditions that say which service a rule is about. */
const SERVICE = ['dport', 'port', 'dst . dport', 'icmp-type', 'icmpv6-type'];
/** A larger chain is a list of somebody's, not a rule that was meant for one packet. */
const MOST_RULES = 3000;

interface Tested {
  readonly rule: Rule;
  readonly failed: readonly { readonly condition: Condition; readonly because: string }[];
  readonly isSure: boolean;
  readonly isAboutIt: boolean;
}

function accepted(subject: Case): readonly Tested[] {
  const { rule: ended } = subject.fate;
  const packet = firstPacket(subject);
  if (ended === null) return [];
  const { rulesets } = subject.host.rules;
  const base = rulesets
    .flatMap((ruleset) => ruleset.chains)
    .find((chain) => chain.family === ended.family && chain.table === ended.table && chain.name === ended.chain);
  const hook = base?.hook ?? null;
  const chains = (hook === null ? (base === undefined ? [] : [base]) : chainsFrom(rulesets, hook)).filter(
    (chain) => chain.table === ended.table && chain.family === ended.family,
  );
  const rules = chains.flatMap((chain) => chain.rules).filter((rule) => rule.verdict === 'ACCEPT');
  if (rules.length > MOST_RULES) return [];
  const seen = packetOf(packet);
  const told = factsOf(packet, subject.flow, null);
  const ctstate = told.ctstate ?? (subject.outcome === 'NEW' ? ('NEW' as const) : null);
  const facts = { ...told, ctstate, hook, priority: base?.priority ?? null };
  return rules.map((rule) => {
    const tests = rule.conditions
      .filter((condition) => condition.field !== 'comment')
      .map((condition) => ({ condition, ...testCondition(condition, rule, seen, facts) }));
    return {
      rule,
      failed: tests.filter((one) => one.truth === 'no'),
      isSure: tests.every((one) => one.truth !== 'unknown'),
      isAboutIt: tests.some((one) => one.truth === 'yes' && SERVICE.includes(one.condition.field)),
    };
  });
}

function asHit(subject: Case, tested: Tested | undefined): MeantRule | null {
  const hit = tested === undefined ? null : subject.host.rules.ruleOf(tested.rule);
  const [failed] = tested?.failed ?? [];
  return hit === null ? null : { hit, failed: failed?.condition ?? null, because: failed?.because ?? '' };
}

/** A rule about this very service that accepts, and failed on one condition only; NULL: none. */
export function nearMiss(subject: Case): MeantRule | null {
  const near = accepted(subject).filter(
    (one) =>
      one.isSure &&
      one.isAboutIt &&
      one.failed.length === 1 &&
      // A rule for later packets of a connection is not meant for the first.
      one.failed[0]!.condition.field !== 'ctstate',
  );
  // The one with the most that fits is the likeliest to have been meant.
  return asHit(subject, near.sort((a, b) => b.rule.conditions.length - a.rule.conditions.length)[0]);
}

/** A rule behind the one that ended it, in the same chain, that would have accepted it; NULL: none. */
export function takenBefore(subject: Case): MeantRule | null {
  const { rule: ended, isPolicy } = subject.fate;
  if (ended === null || isPolicy) return null;
  return asHit(
    subject,
    accepted(subject).find(
      (one) =>
        one.isSure &&
        one.failed.length === 0 &&
        one.rule.chain === ended.chain &&
        one.rule.number > ended.number &&
        one.rule.conditions.length > 0,
    ),
  );
}
