// From what a log line or a person names to the rule itself: TRACE numbers, nft handles, log prefixes, a state, a verdict, a piece of text.

import type { Chain, Rule, RuleFamily, Ruleset } from '../../model/ruleset.js';
import { effectiveChains, type PlacedChain } from './effective-chains.js';
import { type CtState, isBeforeConntrack } from './packet-facts.js';

export interface RuleQuery {
  readonly family: RuleFamily;
  readonly table: string;
  readonly chain: string;
  /** Counted as TRACE counts: rules from 1, then the policy or the end of the chain. */
  readonly number?: number;
  readonly handle?: number;
  /** Legacy TRACE lines name legacy rules; without it any table of that name. */
  readonly backend?: Ruleset['backend'];
}

export interface FoundRule {
  readonly ruleset: Ruleset;
  readonly chain: Chain;
  /** NULL for the policy or the end of the chain. */
  readonly rule: Rule | null;
  readonly kind: 'rule' | 'policy' | 'return';
}

/** The rule at a place; NULL when the evidence does not hold it. */
export function findRule(rulesets: readonly Ruleset[], query: RuleQuery): FoundRule | null {
  const suitable = rulesets.filter(
    (ruleset) => query.backend === undefined || ruleset.backend === query.backend || ruleset.backend === 'unknown',
  );
  const placed = effectiveChains(suitable).find(
    ({ chain }) => chain.family === query.family && chain.table === query.table && chain.name === query.chain,
  );
  if (!placed) return null;
  const { ruleset, chain } = placed;
  if (query.handle !== undefined) {
    const rule = chain.rules.find((one) => one.handle === query.handle);
    return rule ? { ruleset, chain, rule, kind: 'rule' } : null;
  }
  if (query.number === undefined) return null;
  const rule = chain.rules[query.number - 1];
  if (rule) return { ruleset, chain, rule, kind: 'rule' };
  if (query.number !== chain.rules.length + 1) return null;
  return { ruleset, chain, rule: null, kind: chain.hook === null ? 'return' : 'policy' };
}

export type Expected =
  | { readonly is: 'state'; readonly state: CtState; readonly rules: readonly Rule[] }
  | { readonly is: 'verdict'; readonly verdict: string; readonly rules: readonly Rule[] }
  | { readonly is: 'rule'; readonly found: FoundRule | null; readonly rules: readonly Rule[] }
  | { readonly is: 'text'; readonly rules: readonly Rule[] }
  | { readonly is: 'socket' };

const STATES: readonly CtState[] = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'];
const VERDICTS = [
  'ACCEPT',
  'DROP',
  'REJECT',
  'RETURN',
  'QUEUE',
  'LOG',
  'SNAT',
  'DNAT',
  'MASQUERADE',
  'REDIRECT',
  'NAT',
];
const FAMILIES: readonly RuleFamily[] = ['ip', 'inet', 'ip6', 'bridge', 'netdev', 'arp'];

/**
 * What --expect names: a state, a verdict, 'socket', 'TABLE CHAIN N' (numbers of the user's own rules) or a piece of rule text. Several rules mean the
 * expectation was not exact enough.
 */
export function findExpected(rulesets: readonly Ruleset[], expectation: string): Expected {
  const word = expectation.trim();
  const rules = effectiveChains(rulesets).flatMap(({ chain }) => chain.rules);
  if (word.toLowerCase() === 'socket') return { is: 'socket' };
  const state = STATES.find((one) => one === word.toUpperCase());
  if (state) return { is: 'state', state, rules: rules.filter((rule) => testsState(rule, state)) };
  if (VERDICTS.includes(word.toUpperCase())) {
    const verdict = word.toUpperCase();
    return {
      is: 'verdict',
      verdict,
      rules: rules.filter((rule) => rule.verdict === verdict || rule.target === verdict),
    };
  }
  const place = /^(?:(ip6?|inet|bridge|netdev|arp) )?(\S+) (\S+) (\d+)$/.exec(word);
  if (place) {
    const found = findByUserNumber(rulesets, place[1] ?? null, place[2] ?? '', place[3] ?? '', Number(place[4]));
    if (found) return { is: 'rule', found, rules: found.rule ? [found.rule] : [] };
  }
  return { is: 'text', rules: rules.filter((rule) => plain(rule.text).includes(plain(word))) };
}

function findByUserNumber(
  rulesets: readonly Ruleset[],
  family: string | null,
  table: string,
  name: string,
  number: number,
): FoundRule | null {
  for (const one of FAMILIES) {
    if (family !== null && family !== one) continue;
    const placed = effectiveChains(rulesets).find(
      ({ chain }) => chain.family === one && chain.table === table && chain.name === name,
    );
    if (!placed) continue;
    const { ruleset, chain } = placed;
    const own = chain.rules.filter((rule) => !rule.isOurs);
    const rule = own[number - 1];
    if (rule) return { ruleset, chain, rule, kind: 'rule' };
    if (number === own.length + 1)
      return { ruleset, chain, rule: null, kind: chain.hook === null ? 'return' : 'policy' };
  }
  return null;
}

/** Blanks, quotes and leading dashes do not matter to people: 'dport 25' finds '--dport 25'. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/["']/g, '')
    .replace(/(^|\s)--?(?=\w)/g, '$1')
    .replace(/\s+/g, ' ')
    .trim();
}

function testsState(rule: Rule, state: CtState): boolean {
  return (
    rule.conditions.some((one) => one.field === 'ctstate' && one.values.includes(state) !== one.isNegated) ||
    (rule.verdictMap?.field === 'ctstate' && rule.verdictMap.entries.some((entry) => entry.value === state))
  );
}

export interface LogRule {
  readonly ruleset: Ruleset;
  readonly chain: Chain;
  readonly rule: Rule;
  /** States a packet can have that this rule logs, by its own tests, those on the way to its chain and the rules before it. */
  readonly ctstates: readonly CtState[];
  /** It can be met before the tracker has looked: then it is no evidence of the state at all. */
  readonly isBeforeConntrack: boolean;
}

/** Rules that log with this prefix, exactly as the kernel prints it; when none does, those that differ in blanks at the end only. */
export function logRulesForPrefix(rulesets: readonly Ruleset[], prefix: string): LogRule[] {
  const placed = effectiveChains(rulesets);
  const exact = logRules(placed, (one) => one === prefix);
  return exact.length > 0 ? exact : logRules(placed, (one) => one !== '' && one.trimEnd() === prefix.trimEnd());
}

function logRules(placed: readonly PlacedChain[], isWanted: (prefix: string) => boolean): LogRule[] {
  const reach = new Map<Chain, Reach>();
  return placed.flatMap((one) =>
    one.chain.rules.flatMap((rule) => {
      if (rule.logPrefix === null || !isWanted(rule.logPrefix)) return [];
      const here = reachOf(one, placed, reach, new Set());
      const own = statesPassing(rule, rule.conditionsBeforeLog ?? rule.conditions.length);
      const before = statesLeft(one.chain, rule.number);
      const ctstates = STATES.filter((state) => here.states.has(state) && own.has(state) && before.has(state));
      return [{ ruleset: one.ruleset, chain: one.chain, rule, ctstates, isBeforeConntrack: here.isBeforeConntrack }];
    }),
  );
}

/** Whether packets reach a chain before conntrack has looked at them: from its own hook, or by a jump from one that stands there. */
export function standsBeforeConntrack(rulesets: readonly Ruleset[], chain: Chain): boolean {
  const placed = effectiveChains(rulesets);
  const here = placed.find((one) => one.chain === chain);
  return here === undefined
    ? isBeforeConntrack(chain.hook, chain.priority)
    : reachOf(here, placed, new Map(), new Set()).isBeforeConntrack;
}

interface Reach {
  readonly states: ReadonlySet<CtState>;
  readonly isBeforeConntrack: boolean;
}

/** States of packets that can come into a chain: all for a base chain, those of the jumps to it for a user chain. */
function reachOf(placed: PlacedChain, all: readonly PlacedChain[], known: Map<Chain, Reach>, open: Set<Chain>): Reach {
  const { chain, ruleset } = placed;
  const cached = known.get(chain);
  if (cached) return cached;
  if (open.has(chain)) return { states: new Set(), isBeforeConntrack: false };
  open.add(chain);
  const states = new Set<CtState>(chain.hook === null ? [] : STATES);
  let isBefore = isBeforeConntrack(chain.hook, chain.priority);
  let isReached = chain.hook !== null;
  for (const from of all) {
    if (from.ruleset !== ruleset || from.chain.family !== chain.family || from.chain.table !== chain.table) continue;
    for (const rule of from.chain.rules) {
      if (!jumpsTo(rule, chain.name)) continue;
      isReached = true;
      const there = reachOf(from, all, known, open);
      const passing = statesPassing(rule, rule.conditions.length);
      const left = statesLeft(from.chain, rule.number);
      for (const state of there.states) if (passing.has(state) && left.has(state)) states.add(state);
      isBefore ||= there.isBeforeConntrack;
    }
  }
  open.delete(chain);
  // A chain whose callers were not given can be reached by anything.
  const reach = { states: isReached ? states : new Set(STATES), isBeforeConntrack: isBefore };
  if (open.size === 0) known.set(chain, reach);
  return reach;
}

function jumpsTo(rule: Rule, name: string): boolean {
  return (
    rule.jump === name ||
    (rule.verdictMap !== null &&
      (rule.verdictMap.map !== null || rule.verdictMap.entries.some((entry) => entry.jump === name)))
  );
}

/** States that the first conditions of a rule let pass. */
function statesPassing(rule: Rule, count: number): Set<CtState> {
  const tests = rule.conditions
    .slice(0, count)
    .filter((one) => one.field === 'ctstate' && one.values.every((value) => STATES.includes(value as CtState)));
  return new Set(STATES.filter((state) => tests.every((one) => one.values.includes(state) !== one.isNegated)));
}

/** States that no rule before a number has surely taken away: rules that test nothing but the state and end the way. */
function statesLeft(chain: Chain, number: number): Set<CtState> {
  const left = new Set<CtState>(STATES);
  for (const rule of chain.rules) {
    if (rule.number >= number) break;
    if (rule.verdict === null || rule.verdict === 'RETURN' || !rule.conditions.every((one) => one.field === 'ctstate'))
      continue;
    for (const state of statesPassing(rule, rule.conditions.length)) left.delete(state);
  }
  return left;
}
