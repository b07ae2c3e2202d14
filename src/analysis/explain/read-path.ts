// What the lines of one path say about every packet that went it: the state a rule or message depends on, the reason the kernel
// printed. Worked out once per path, not once per packet.

import type { KernelVersion } from '../../catalogue/kernel-version.js';
import { prefixMeaning } from '../../catalogue/log-prefixes.js';
import type { ReasonOutcome } from '../../catalogue/reason.js';
import type { PathStep } from '../../store/case-reader.js';
import type { PacketState } from './case.js';
import type { RuleBook } from './rule-book.js';

export interface PathReading {
  readonly state: PacketState | null;
  readonly stateIs: 'shown' | 'inferred' | null;
  readonly stateStep: number | null;
  readonly reasonId: string | null;
  readonly reasonMessage: string | null;
  readonly reasonStep: number | null;
  /** A LOG prefix speaks of dropping. */
  readonly dropWords: number | null;
  readonly flags: string | null;
  readonly isTraced: boolean;
}

/** The outcome a printed reason has on a kernel: several where the version is not known and the words changed their meaning. */
export type OutcomesOf = (
  reasonId: string,
  kernel: KernelVersion | null,
  message: string | null,
) => readonly ReasonOutcome[];

const STATES: readonly PacketState[] = ['INVALID', 'NEW', 'ESTABLISHED', 'RELATED', 'UNTRACKED'];

interface Claim {
  readonly state: PacketState;
  readonly is: 'shown' | 'inferred';
  readonly step: number;
}

/** The state that a rule's own condition demands, where it demands exactly one. */
function demandedState(states: readonly string[]): PacketState | null {
  const known = states.filter((state): state is PacketState => (STATES as readonly string[]).includes(state));
  return known.length === 1 && states.length === 1 ? known[0]! : null;
}

function claimOfLog(step: PathStep, rules: RuleBook): Claim | null {
  const prefix = step.prefix ?? '';
  const candidates = rules.logging(prefix);
  if (candidates.length > 0) {
    // In front of conntrack every packet tests as INVALID: such a line says nothing.
    const states = new Set(candidates.map((rule) => (rule.isBeforeConntrack ? null : demandedState(rule.states))));
    const [only] = states;
    return states.size === 1 && only !== null && only !== undefined
      ? { state: only, is: 'shown', step: step.step }
      : null;
  }
  // Our own rule stands behind conntrack and asked for the state that it names (changes/rules/nft-table-script.ts: tagPrefix()).
  const own = /^ctwhy:C\d+:(\w+) ?$/.exec(prefix)?.[1];
  if (own !== undefined && (STATES as readonly string[]).includes(own))
    return { state: own as PacketState, is: 'shown', step: step.step };
  // No ruleset at hand: the words of the prefix, which somebody chose for a reason but nobody checked.
  const { state } = prefixMeaning(prefix);
  return state === null ? null : { state, is: 'inferred', step: step.step };
}

/** 'ct state vmap { established : accept, related : accept, invalid : drop }': the state whose verdict it is, where it is of one state only. */
function stateOfMap(text: string, verdict: string | null): string | null {
  const pairs = /\bct state vmap \{([^{}]*)\}/.exec(text)?.[1]?.split(',') ?? [];
  const states = pairs
    .map((pair) => /^\s*(invalid|new|established|related|untracked)\s*:\s*(\S+(?: \S+)?)\s*$/.exec(pair))
    .filter((match) => match !== null && match[2] === verdict)
    .map((match) => match![1]!);
  return states.length === 1 ? states[0]! : null;
}

/**
 * Without the ruleset the trace's own text of a rule that matched tells what it asked. In front of conntrack every packet tests as INVALID
 * and as nothing else, so INVALID is shown only where the hook is known to stand behind it: with both interfaces (forwarded), and in
 * tables of our own.
 */
function claimOfText(step: PathStep): Claim | null {
  const word =
    /\bct state (invalid|new|established|related|untracked)(?![\w,])/.exec(step.ruleText ?? '')?.[1] ??
    stateOfMap(step.ruleText ?? '', step.verdict);
  if (word === null) return null;
  const isBehind = /^ctwhy_\d+$/.test(step.table ?? '') || ((step.inIf ?? '') !== '' && (step.outIf ?? '') !== '');
  const is = word !== 'invalid' || isBehind ? 'shown' : 'inferred';
  return { state: word.toUpperCase() as PacketState, is, step: step.step };
}

function claimOfTrace(step: PathStep, rules: RuleBook): Claim | null {
  if (step.kind === 'nft-trace' && step.ruleKind === 'conntrack') {
    const state = /\bstate (new|established|related|invalid|untracked)\b/.exec(step.ruleText ?? '')?.[1]?.toUpperCase();
    return state === undefined ? null : { state: state as PacketState, is: 'shown', step: step.step };
  }
  // Chains of nat are asked for the packet that makes the entry only (net/netfilter/nf_nat_core.c: nf_nat_inet_fn(), all versions).
  // A reset that makes no entry comes there, too, when REJECT answered such a packet: it is RELATED to it
  // (net/ipv4/netfilter/nf_reject_ipv4.c: nf_send_reset(); nf_conntrack_core.c: nf_conntrack_attach(), all versions).
  if (step.kind === 'trace' && step.table === 'nat')
    return { state: /\bRST\b/.test(step.flags ?? '') ? 'RELATED' : 'NEW', is: 'shown', step: step.step };
  if (step.ruleKind !== 'rule' || step.table === 'raw') return null;
  const hit = rules.atStep(step);
  if (hit === null) return step.kind === 'nft-trace' ? claimOfText(step) : null;
  // A trace line of a rule with a state condition: the rule matched, so the packet had that state.
  const state = demandedState(
    hit.rule.conditions
      .filter((condition) => condition.field === 'ctstate' && !condition.isNegated)
      .flatMap((condition) => condition.values),
  );
  return state === null || rules.isBeforeConntrack(hit.chain) ? null : { state, is: 'shown', step: step.step };
}

/** nft prints the interfaces once for each chain, in front of what its rules did. */
function withRoad(step: PathStep, before: readonly PathStep[]): PathStep {
  if (step.kind !== 'nft-trace' || step.ruleKind === 'packet') return step;
  const head = before.findLast(
    ({ ruleKind, family, table, chain }) =>
      ruleKind === 'packet' && family === step.family && table === step.table && chain === step.chain,
  );
  return head === undefined ? step : { ...step, inIf: step.inIf ?? head.inIf, outIf: step.outIf ?? head.outIf };
}

/**
 * Reads a path.
 * @param kernel decides what a printed reason means; where it is not known and the words have had two meanings, the state is only inferred
 */
export function readPath(
  steps: readonly PathStep[],
  kernel: KernelVersion | null,
  rules: RuleBook,
  outcomesOf: OutcomesOf,
): PathReading {
  const claims: Claim[] = [];
  let reason: PathStep | null = null;
  let dropWords: number | null = null;
  for (const [index, one] of steps.entries()) {
    // Steps of several sightings of one packet keep their own numbers; here a step is its place in this list.
    const step = one.step === index ? one : { ...one, step: index };
    if (step.kind === 'log-invalid') {
      reason ??= step;
      const outcomes = step.reasonId === null ? [] : outcomesOf(step.reasonId, kernel, step.message);
      if (step.reasonId === null) claims.push({ state: 'INVALID', is: 'inferred', step: step.step });
      else if (outcomes.includes('INVALID'))
        claims.push({
          state: 'INVALID',
          is: outcomes.every((outcome) => outcome === 'INVALID') ? 'shown' : 'inferred',
          step: step.step,
        });
    } else if (step.kind === 'helper') reason ??= step;
    else if (step.kind === 'log' || step.kind === 'nflog') {
      const claim = claimOfLog(step, rules);
      if (claim !== null) claims.push(claim);
      if (prefixMeaning(step.prefix ?? '').fate === 'dropped') dropWords ??= step.step;
    } else if (step.kind === 'trace' || step.kind === 'nft-trace' || step.kind === 'xtables-trace') {
      const claim = claimOfTrace(withRoad(step, steps.slice(0, index)), rules);
      if (claim !== null) claims.push(claim);
    }
  }
  const best = claims.find((claim) => claim.is === 'shown') ?? claims[0] ?? null;
  return {
    state: best?.state ?? null,
    stateIs: best?.is ?? null,
    stateStep: best?.step ?? null,
    reasonId: reason?.reasonId ?? null,
    reasonMessage: reason?.message ?? null,
    reasonStep: reason?.step ?? null,
    dropWords,
    flags: steps.find((step) => step.flags !== null)?.flags ?? null,
    isTraced: steps.some((step) => step.kind === 'trace' || step.kind === 'nft-trace' || step.kind === 'xtables-trace'),
  };
}
