// Points where a walk cannot tell which way the packet goes: what is asked there, and what is known behind each answer.

import type { Condition, Rule, VerdictMap, VerdictMapEntry } from '../../model/ruleset.js';
import { denied, isOfPacket } from './given.js';
import { conditionOf } from './verdict-map.js';

export interface Choice {
  /** The rule that cannot be evaluated; NULL: routing, the packet's state. */
  readonly rule: Rule | null;
  /** What is not known, no full stop. */
  readonly because: string;
  /** Each way in words, as a condition: 'it matches', 'tcp dport 22', 'the state is NEW'. */
  readonly ways: readonly string[];
}

/** Says which of a choice's ways is followed: its index. */
export type Choose = (choice: Choice) => number;

export const NO_MATCH = 0;
export const MATCH = 1;

/** A rule with conditions that are not told. */
export function ruleChoice(rule: Rule, unsure: readonly Condition[], because: string): Choice {
  const words = unsure.map(({ text }) => text).join(' ');
  return { rule, because, ways: [`not: ${words}`, words] };
}

/**
 * What an answer tells of the packet for all rules behind: every condition of a rule that matched; of one that did not, only the one
 * condition that was open.
 */
export function learnt(unsure: readonly Condition[], way: number): readonly Condition[] {
  const lasting = unsure.filter(isOfPacket);
  if (way === MATCH) return lasting;
  const [only] = lasting;
  return unsure.length === 1 && only !== undefined ? [denied(only)] : [];
}

/** Maps with more open entries are not followed entry by entry. */
const MOST_ENTRIES = 16;

/** NULL: too many entries. @param possible entries that the packet may lead to, NULL for none of them */
export function mapChoice(
  rule: Rule,
  map: VerdictMap,
  possible: readonly (VerdictMapEntry | null)[],
  because: string,
): Choice | null {
  if (possible.length > MOST_ENTRIES) return null;
  const ways = possible.map((entry) =>
    entry === null || entry.value === '*' ? `${map.field} is none of the map's` : `${map.field} ${entry.value}`,
  );
  return { rule, because, ways };
}

/** What following one entry of a map, or none, tells. */
export function learntOfMap(
  map: VerdictMap,
  entry: VerdictMapEntry | null,
  possible: readonly (VerdictMapEntry | null)[],
): readonly Condition[] {
  const conditions = (entries: readonly (VerdictMapEntry | null)[]) =>
    entries.flatMap((one) => (one === null || one.value === '*' ? [] : [conditionOf(map, one)])).filter(isOfPacket);
  return entry === null || entry.value === '*' ? conditions(possible).map(denied) : conditions([entry]);
}
