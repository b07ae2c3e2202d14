// A packet's way through all rules of a host, worked out: which rules it meets in which order, where it ends, and what could not be evaluated.

import type { Packet } from '../../model/packet.js';
import type { Condition, Rule, RuleFamily, Ruleset, VerdictMapEntry } from '../../model/ruleset.js';
import { type Choose, learnt, learntOfMap, MATCH, mapChoice, ruleChoice } from './choice.js';
import { findSet } from './compare.js';
import { chainsOfHook, effectiveChains, familiesOf, type PlacedChain } from './effective-chains.js';
import { factsAt } from './facts-at-chain.js';
import { matchRule, type RuleMatch } from './match-rule.js';
import { type Translation, translatedByEntry, whyNatIsSkipped } from './nat-of-entry.js';
import type { PacketFacts } from './packet-facts.js';
import { applyEffects, changesState, type PacketState } from './rule-effects.js';
import { findVerdict } from './verdict-map.js';

/** 'arriving': routing decides behind PREROUTING, see WalkOptions.route; 'loop': from this host to itself, over lo. */
export type WalkPath = 'input' | 'output' | 'forward' | 'arriving' | 'loop';

export interface WalkStep {
  readonly hook: string;
  readonly family: RuleFamily;
  readonly table: string;
  readonly chain: string;
  /** 'policy': end of a base chain; 'return': end of a user chain; 'skipped': the chain is not asked, see because. */
  readonly kind: 'rule' | 'policy' | 'return' | 'skipped';
  readonly rule: Rule | null;
  readonly result: RuleMatch['result'] | null;
  /** A rule that could not be evaluated and is taken to match. */
  readonly isTaken: boolean;
  readonly failed: Condition | null;
  readonly because: string;
  /** ACCEPT, DROP, REJECT, RETURN, QUEUE, NAT, 'jump NAME', 'goto NAME'; NULL when the packet goes on to the next rule. */
  readonly verdict: string | null;
  /** How many jumps deep. */
  readonly depth: number;
  /** Of the base chain it is in or was jumped to from. */
  readonly priority: number | null;
}

export interface WalkEnd {
  readonly fate: 'accepted' | 'dropped' | 'rejected' | 'queued';
  readonly hook: string | null;
  readonly family: RuleFamily | null;
  readonly table: string | null;
  readonly chain: string | null;
  /** NULL when a policy decided, or when all hooks let it pass. */
  readonly rule: Rule | null;
  readonly isPolicy: boolean;
}

export interface Unevaluated {
  readonly rule: Rule;
  readonly because: string;
  /** Its match could have changed where the packet ends. */
  readonly matters: boolean;
}

export interface Walk {
  readonly steps: readonly WalkStep[];
  readonly end: WalkEnd;
  readonly unevaluated: readonly Unevaluated[];
  /** Nothing that was not evaluated, not given or not told could have changed the end. */
  readonly isCertain: boolean;
  /** Why it is not certain. */
  readonly doubts: readonly string[];
  /** The packet as the last hook saw it, translated. */
  readonly packet: Packet;
}

export interface WalkOptions {
  /** Addresses the entry translates to: DNAT in PREROUTING and OUTPUT, SNAT in POSTROUTING and INPUT. For packets behind the first. */
  readonly translation?: Translation;
  /** Whether this packet makes the entry: only then nat chains are asked. Default: when its state is NEW or RELATED. */
  readonly isFirstOfEntry?: boolean;
  /** Begins behind this rule, where the packet was seen; in a user chain, with the table that holds it. Default: with the first hook. */
  readonly behind?: { readonly hook: string; readonly rule: Rule };
  /** What a rule that cannot be evaluated is taken for; default 'no-match'. */
  readonly assume?: (rule: Rule, because: string) => 'match' | 'no-match';
  /** Answers where a rule or routing cannot be evaluated, in place of `assume`: what is chosen is then no doubt of the walk. */
  readonly choose?: Choose;
  /** Where an arriving packet goes, as PREROUTING has left it; NULL: not known. */
  readonly route?: (state: PacketState) => 'input' | 'forward' | null;
}

const HOOKS: Readonly<Record<WalkPath, readonly string[]>> = {
  input: ['INGRESS', 'PREROUTING', 'INPUT'],
  forward: ['INGRESS', 'PREROUTING', 'FORWARD', 'POSTROUTING'],
  output: ['OUTPUT', 'POSTROUTING'],
  arriving: ['INGRESS', 'PREROUTING'],
  loop: ['OUTPUT', 'POSTROUTING', 'PREROUTING', 'INPUT'],
};
const BEHIND_ROUTING = { input: ['INPUT'], forward: ['FORWARD', 'POSTROUTING'] } as const;
/** include/net/netfilter/nf_tables.h: NFT_JUMP_STACK_SIZE. */
const DEEPEST = 16;
const MOST_STEPS = 200_000;

type Outcome =
  | { readonly is: 'continue' }
  | { readonly is: 'accept'; readonly rule: Rule | null }
  | { readonly is: 'end'; readonly fate: WalkEnd['fate']; readonly rule: Rule | null; readonly chain: string };

interface Walking {
  readonly chains: readonly PlacedChain[];
  readonly facts: PacketFacts;
  readonly options: WalkOptions;
  readonly isLoop: boolean;
  readonly steps: WalkStep[];
  readonly unevaluated: Unevaluated[];
  readonly doubts: Set<string>;
  state: PacketState;
  hook: string;
  base: PlacedChain;
  /** Trying a jump out to see whether it matters: nothing is chosen. */
  isTrial: boolean;
}

/**
 * @param packet as it arrives (input, forward) or leaves the socket (output); inIf and outIf as far as known.
 * @param facts ctstate is the tracker's answer; sets those of the rulesets are added to them.
 */
export function walkRuleset(
  rulesets: readonly Ruleset[],
  packet: Packet,
  facts: PacketFacts,
  path: WalkPath,
  options: WalkOptions = {},
): Walk {
  const chains = effectiveChains(rulesets);
  const first = chains[0];
  const walking: Walking | undefined = first && {
    chains,
    facts: { ...facts, sets: [...facts.sets, ...rulesets.flatMap((ruleset) => ruleset.sets)] },
    options,
    isLoop: path === 'loop',
    steps: [],
    unevaluated: [],
    doubts: new Set(
      rulesets.flatMap((ruleset) =>
        ruleset.isPartial ? [`only a part of the ${ruleset.form} ruleset was given`] : [],
      ),
    ),
    state: {
      packet,
      mark: facts.mark ?? packet.mark,
      ctmark: facts.ctmark,
      isUntracked: facts.isUntracked,
      translated: [],
      isRedirected: false,
      given: facts.given,
    },
    hook: '',
    base: first,
    isTrial: false,
  };
  const passed: WalkEnd = {
    fate: 'accepted',
    hook: null,
    family: null,
    table: null,
    chain: null,
    rule: null,
    isPolicy: false,
  };
  if (!walking) return { steps: [], end: passed, unevaluated: [], isCertain: true, doubts: [], packet };
  let end: WalkEnd | null = null;
  const hooks = HOOKS[path];
  for (const hook of hooks.slice(Math.max(0, hooks.indexOf(options.behind?.hook ?? ''))))
    end ??= walkHook(walking, hook);
  if (path === 'arriving' && end === null)
    for (const hook of BEHIND_ROUTING[routed(walking)]) end ??= walkHook(walking, hook);
  const doubts = [...walking.doubts];
  return {
    steps: walking.steps,
    end: end ?? passed,
    unevaluated: walking.unevaluated,
    isCertain: doubts.length === 0,
    doubts,
    packet: walking.state.packet,
  };
}

/** The decision of routing, or the way that is chosen where it cannot be told. */
function routed(walking: Walking): 'input' | 'forward' {
  const { state, options } = walking;
  const told = options.route?.(state);
  if (told) return told;
  const because = `whether ${state.packet.dst ?? 'its destination'} is an address of this host is not known`;
  if (!options.choose) {
    walking.doubts.add(because);
    return 'forward';
  }
  const ways = ['its destination is elsewhere', 'its destination is this host'];
  return options.choose({ rule: null, because, ways }) === 0 ? 'forward' : 'input';
}

function walkHook(walking: Walking, hook: string): WalkEnd | null {
  walking.hook = hook;
  const inIf = walking.facts.inIf ?? walking.state.packet.inIf;
  const translatedHere = new Set<string>();
  const met = chainsOfHook(walking.chains, hook, familiesOf(walking.state.packet.family), inIf);
  const behind = walking.options.behind;
  const start =
    behind?.hook === hook
      ? met.findIndex(({ chain }) => chain.family === behind.rule.family && chain.table === behind.rule.table)
      : 0;
  for (const placed of met.slice(Math.max(0, start))) {
    walking.base = placed;
    translateHere(walking, placed.chain.priority ?? 0, translatedHere);
    const why = placed.chain.type === 'nat' ? natSkipped(walking, translatedHere) : null;
    if (why !== null) {
      step(walking, 'skipped', null, why, null, 0, placed.chain.name);
      continue;
    }
    const outcome = walkBase(walking, placed);
    if (placed.chain.type === 'nat' && walking.state.translated.length > 0) translatedHere.add('by rule');
    if (outcome.is !== 'end') continue;
    const { family, table } = placed.chain;
    return {
      fate: outcome.fate,
      hook,
      family,
      table,
      chain: outcome.chain,
      rule: outcome.rule,
      isPolicy: outcome.rule === null,
    };
  }
  translateHere(walking, Number.POSITIVE_INFINITY, translatedHere);
  return null;
}

function translateHere(walking: Walking, priority: number, done: Set<string>): void {
  if (done.has('by entry')) return;
  const translated = translatedByEntry(walking.state, walking.options.translation, walking.hook, priority);
  if (translated === null) return;
  done.add('by entry');
  walking.state = translated;
}

function natSkipped(walking: Walking, translatedHere: ReadonlySet<string>): string | null {
  const { state, facts, options, isLoop, hook } = walking;
  if (translatedHere.size > 0) return 'the packet is translated here already';
  if (isLoop && (hook === 'PREROUTING' || hook === 'INPUT')) return 'nat was asked when the packet was sent';
  const ctstate = state.isUntracked ? 'UNTRACKED' : facts.ctstate;
  if (ctstate === null) walking.doubts.add("whether nat rules are asked: the packet's conntrack state is not known");
  return whyNatIsSkipped(ctstate, options.isFirstOfEntry);
}

function factsHere({ facts, state, base, hook, options, isLoop }: Walking): PacketFacts {
  const { priority } = base.chain;
  return factsAt(facts, state, { hook, priority, isLoop, isFirstOfEntry: options.isFirstOfEntry !== false });
}

function walkBase(walking: Walking, placed: PlacedChain): Outcome {
  const outcome = walkChain(walking, placed, 0);
  if (outcome.is === 'end') return outcome;
  if (outcome.is === 'accept') return { is: 'continue' };
  const policy = placed.chain.policy;
  if (policy === null && placed.chain.hook !== null)
    walking.doubts.add(`the policy of ${placed.chain.table} ${placed.chain.name} is not told`);
  step(walking, 'policy', null, 'no rule decided', policy ?? 'ACCEPT', 0, placed.chain.name);
  return policy === 'DROP' ? { is: 'end', fate: 'dropped', rule: null, chain: placed.chain.name } : { is: 'continue' };
}

/** 'continue': the chain ended or returned. */
function walkChain(walking: Walking, placed: PlacedChain, depth: number): Outcome {
  for (const rule of placed.chain.rules) {
    if (depth === 0 && isBehind(walking, rule)) continue;
    if (walking.steps.length > MOST_STEPS) {
      walking.doubts.add('the rules go round and round');
      return { is: 'continue' };
    }
    const found = matchRule(rule, walking.state.packet, factsHere(walking));
    const assumed = found.result === 'unknown' ? unsure(walking, rule, found, depth) : found.result;
    if (assumed !== 'match') {
      step(walking, 'rule', rule, found.because, null, depth, placed.chain.name, found);
      continue;
    }
    const outcome = walkMatch(walking, placed, rule, found, depth);
    if (outcome === 'return') return { is: 'continue' };
    if (outcome !== 'next') return outcome;
  }
  if (depth > 0) step(walking, 'return', null, 'end of the chain', 'RETURN', depth, placed.chain.name);
  return { is: 'continue' };
}

/** Whether the packet was seen behind this rule of a base chain already. */
function isBehind(walking: Walking, rule: Rule): boolean {
  const behind = walking.options.behind;
  if (!behind || behind.hook !== walking.hook) return false;
  const { family, table, chain, number } = behind.rule;
  return rule.family === family && rule.table === table && rule.chain === chain && rule.number <= number;
}

function walkMatch(
  walking: Walking,
  placed: PlacedChain,
  rule: Rule,
  found: RuleMatch,
  depth: number,
): Outcome | 'next' | 'return' {
  const chain = placed.chain.name;
  const decided = rule.verdictMap
    ? mapped(walking, rule)
    : { verdict: rule.verdict, jump: rule.jump, isGoto: rule.isGoto };
  const spoken = decided?.jump ? `${decided.isGoto ? 'goto' : 'jump'} ${decided.jump}` : (decided?.verdict ?? null);
  step(walking, 'rule', rule, found.because, spoken, depth, chain, found, true);
  walking.state = applyEffects(rule, walking.state, walking.hook, walking.facts.localAddresses);
  if (!decided) return 'next';
  if (decided.jump !== null) return follow(walking, placed, decided.jump, decided.isGoto, rule, depth);
  switch (decided.verdict) {
    case 'ACCEPT':
    case 'NAT':
      return { is: 'accept', rule };
    case 'DROP':
      return { is: 'end', fate: 'dropped', rule, chain };
    case 'REJECT':
      return { is: 'end', fate: 'rejected', rule, chain };
    case 'QUEUE':
      walking.doubts.add(`a program decides behind ${rule.table} ${chain} rule ${rule.number} (queue)`);
      return { is: 'end', fate: 'queued', rule, chain };
    case 'RETURN':
      return 'return';
    case null:
      return 'next';
  }
}

function mapped(walking: Walking, rule: Rule): VerdictMapEntry | null {
  const map = rule.verdictMap;
  if (!map) return null;
  const named = map.map === null ? null : findSet(walking.facts.sets, map.map, rule.table);
  const found = findVerdict(map, named, walking.state.packet, factsHere(walking));
  if (found.is === 'entry') return found.entry;
  if (found.is === 'none') return null;
  const { choose } = walking.options;
  const choice = choose && found.possible && !walking.isTrial && mapChoice(rule, map, found.possible, found.because);
  if (!choice) {
    walking.doubts.add(`${rule.table} ${rule.chain} rule ${rule.number}: ${found.because}`);
    return null;
  }
  const entry = found.possible?.[choose?.(choice) ?? 0] ?? null;
  learn(walking, learntOfMap(map, entry, found.possible ?? []));
  return entry;
}

function learn(walking: Walking, conditions: readonly Condition[]): void {
  walking.state = { ...walking.state, given: [...walking.state.given, ...conditions] };
}

/** goto does not come back to this chain but to where this chain was jumped to from (net/ipv4/netfilter/ip_tables.c: ipt_do_table()). */
function follow(
  walking: Walking,
  from: PlacedChain,
  name: string,
  isGoto: boolean,
  rule: Rule,
  depth: number,
): Outcome | 'next' | 'return' {
  const { family, table } = from.chain;
  const target = walking.chains.find(
    ({ ruleset, chain }) =>
      ruleset === from.ruleset && chain.family === family && chain.table === table && chain.name === name,
  );
  if (!target) {
    walking.doubts.add(`the chain ${name} that ${table} ${rule.chain} rule ${rule.number} jumps to was not given`);
    return isGoto ? 'return' : 'next';
  }
  if (depth >= DEEPEST) {
    walking.doubts.add('chains jump too deep to follow');
    return 'next';
  }
  const outcome = walkChain(walking, target, depth + 1);
  if (outcome.is !== 'continue') return outcome;
  return isGoto ? 'return' : 'next';
}

/** Notes a rule that could not be evaluated, with whether it matters, and answers what it is taken for. */
function unsure(walking: Walking, rule: Rule, found: RuleMatch, depth: number): 'match' | 'no-match' {
  const matters = couldMatter(walking, rule, depth);
  walking.unevaluated.push({ rule, because: found.because, matters });
  if (matters && walking.options.choose && !walking.isTrial) {
    const way = walking.options.choose(ruleChoice(rule, found.unsure, found.because));
    learn(walking, learnt(found.unsure, way));
    return way === MATCH ? 'match' : 'no-match';
  }
  if (matters && walking.options.assume === undefined)
    walking.doubts.add(`${rule.table} ${rule.chain} rule ${rule.number}: ${found.because}`);
  return walking.options.assume?.(rule, found.because) ?? 'no-match';
}

/** A rule that only logs does not matter, nor does a jump to a chain where nothing happens to this packet. */
function couldMatter(walking: Walking, rule: Rule, depth: number): boolean {
  if (changesState(rule) || rule.verdict !== null || rule.verdictMap !== null) return true;
  if (rule.jump === null) return false;
  if (rule.isGoto) return true;
  const wasTrial = walking.isTrial;
  walking.isTrial = true;
  const kept = {
    state: walking.state,
    steps: walking.steps.length,
    unevaluated: walking.unevaluated.length,
    doubts: new Set(walking.doubts),
  };
  const from = walking.chains.find(
    ({ chain }) =>
      chain.family === rule.family &&
      chain.table === rule.table &&
      chain.name === rule.chain &&
      chain.rules.includes(rule),
  );
  const outcome = from ? follow(walking, from, rule.jump, false, rule, depth) : 'return';
  walking.isTrial = wasTrial;
  const isQuiet =
    outcome === 'next' && walking.state === kept.state && [...walking.doubts].every((doubt) => kept.doubts.has(doubt));
  walking.state = kept.state;
  walking.steps.length = kept.steps;
  walking.unevaluated.length = kept.unevaluated;
  for (const doubt of [...walking.doubts]) if (!kept.doubts.has(doubt)) walking.doubts.delete(doubt);
  return !isQuiet;
}

function step(
  walking: Walking,
  kind: WalkStep['kind'],
  rule: Rule | null,
  because: string,
  verdict: string | null,
  depth: number,
  chain: string,
  found?: RuleMatch,
  isMatch = false,
): void {
  const { family, table, priority } = walking.base.chain;
  walking.steps.push({
    hook: walking.hook,
    family,
    table,
    chain,
    kind,
    rule,
    result: found?.result ?? null,
    isTaken: found?.result === 'unknown' && isMatch,
    failed: found?.failed ?? null,
    because,
    verdict,
    depth,
    priority,
  });
}
