// Walks a seen packet through stored rulesets, for the fate of packets that were not traced.

import type { Chain, Rule, Ruleset } from '../../model/ruleset.js';
import type { TupleRow } from '../../store/case-reader.js';
import { type Walk, walkRuleset } from '../ruleset/walk.js';
import type { SeenPacket } from './case.js';
import { factsOf, packetOf, walkPathOf } from './packet-of.js';
import type { KnownEntry, LogRule } from './rule-book.js';

export interface StoredEnd {
  readonly verdict: 'ACCEPT' | 'DROP' | 'REJECT' | null;
  readonly chain: Chain | null;
  /** NULL with a chain: its policy. */
  readonly rule: Rule | null;
  readonly isPolicy: boolean;
  readonly unknown: readonly string[];
}

const NOWHERE: StoredEnd = {
  verdict: null,
  chain: null,
  rule: null,
  isPolicy: false,
  unknown: ['nothing tells which hooks the packet passed'],
};

/** The whole walk of a packet; NULL when nothing tells which hooks it passes. */
export function walkOf(
  rulesets: readonly Ruleset[],
  packet: SeenPacket,
  flow: TupleRow | null,
  localAddresses: readonly string[] | null,
  logRule: LogRule | null,
  entry: KnownEntry | null = null,
): Walk | null {
  const path =
    logRule?.hit.chain.hook === 'INPUT'
      ? 'input'
      : logRule?.hit.chain.hook === 'FORWARD'
        ? 'forward'
        : logRule?.hit.chain.hook === 'OUTPUT'
          ? 'output'
          : walkPathOf(packet, localAddresses);
  if (path === null) return null;
  // The rule that logged the packet matched it, whatever of it cannot be evaluated.
  const assume = (rule: Rule) =>
    logRule !== null &&
    rule.family === logRule.hit.rule.family &&
    rule.table === logRule.hit.rule.table &&
    rule.chain === logRule.hit.rule.chain &&
    rule.number === logRule.hit.rule.number
      ? ('match' as const)
      : ('no-match' as const);
  return walkRuleset(rulesets, packetOf(packet), factsOf(packet, flow, localAddresses), path, {
    assume,
    ...(entry ?? {}),
  });
}

/** Where a packet ends. @param logRule a rule that is known to have logged it */
export function walkStored(
  rulesets: readonly Ruleset[],
  packet: SeenPacket,
  localAddresses: readonly string[] | null,
  logRule: LogRule | null,
): StoredEnd {
  const walk = walkOf(rulesets, packet, null, localAddresses, logRule);
  if (walk === null) return NOWHERE;
  const { end } = walk;
  // A walk that did not come by the rule that logged the packet is not its way.
  const metLog =
    logRule === null ||
    walk.steps.some(
      (step) =>
        step.rule !== null &&
        step.table === logRule.hit.rule.table &&
        step.chain === logRule.hit.rule.chain &&
        step.rule.number === logRule.hit.rule.number &&
        step.result !== 'no-match',
    );
  if (!metLog)
    return {
      ...NOWHERE,
      unknown: ['by the ruleset it would not have met the rule that logged it: the ruleset is of another time'],
    };
  const verdict =
    end.fate === 'dropped' ? 'DROP' : end.fate === 'rejected' ? 'REJECT' : end.fate === 'accepted' ? 'ACCEPT' : null;
  const chain =
    end.chain === null
      ? null
      : (rulesets
          .flatMap((ruleset) => ruleset.chains)
          .find((one) => one.family === end.family && one.table === end.table && one.name === end.chain) ?? null);
  return {
    verdict,
    chain,
    rule: end.rule,
    isPolicy: end.isPolicy,
    unknown: walk.isCertain ? [] : walk.doubts.length > 0 ? walk.doubts : ['a rule on the way could not be evaluated'],
  };
}
