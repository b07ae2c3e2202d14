// The rules of a host as the explanation asks for them: by trace step, by LOG prefix, by where a packet would end.
// Which snapshot of the ruleset answers is decided here, once.

import type { EvidenceItem } from '../../model/finding.js';
import type { Chain, Rule, Ruleset } from '../../model/ruleset.js';
import type { PathStep, TupleRow } from '../../store/case-reader.js';
import type { Walk, WalkOptions } from '../ruleset/walk.js';
import type { SeenPacket } from './case.js';

/** A rule (or a policy) in a stored ruleset. */
export interface RuleHit {
  readonly rule: Rule;
  readonly chain: Chain;
  readonly isPolicy: boolean;
  readonly rulesetId: number;
  readonly snapshotId: number;
  readonly atUs: number | null;
  /** The rule as evidence. */
  readonly evidence: EvidenceItem;
}

export interface LogRule {
  readonly hit: RuleHit;
  /** States the rule's own condition allows; empty when it has none. */
  readonly states: readonly string[];
  /** Raw and everything else in front of conntrack: there every packet tests as INVALID. */
  readonly isBeforeConntrack: boolean;
}

export interface WalkEnd {
  /** NULL: the walk could not be carried to an end. */
  readonly verdict: 'ACCEPT' | 'DROP' | 'REJECT' | null;
  readonly hit: RuleHit | null;
  /** Conditions that could not be evaluated on the way, in words; the end is certain only without any. */
  readonly unknown: readonly string[];
}

/** That an entry stood before the packet, and what it translates. */
export type KnownEntry = Pick<WalkOptions, 'isFirstOfEntry' | 'translation'>;

export interface CounterMove {
  readonly packets: number;
  readonly evidence: readonly EvidenceItem[];
}

export interface RuleBook {
  readonly hasRules: boolean;
  /** The rule that a TRACE line or an nft trace names. */
  atStep(step: PathStep): RuleHit | null;
  /** One of the rules in `rulesets`, with where it stands. */
  ruleOf(rule: Rule): RuleHit | null;
  /** The chain that a trace step is in; NULL when no ruleset has it. */
  chainAt(step: PathStep): Chain | null;
  /** Whether packets reach a chain before conntrack has looked at them: there everything tests as INVALID. */
  isBeforeConntrack(chain: Chain): boolean;
  /** LOG rules that print this prefix. */
  logging(prefix: string): readonly LogRule[];
  /** Where a packet ends that was seen at a step (behind that LOG rule) or, without one, from the hook it was seen at. */
  endOf(packet: SeenPacket, logRule: LogRule | null): WalkEnd;
  /** The whole walk behind endOf(), step by step; NULL when nothing tells which hooks the packet passes. */
  walk(packet: SeenPacket, flow: TupleRow | null, logRule: LogRule | null, entry?: KnownEntry | null): Walk | null;
  /** Rules of the rulesets as last read that are wanted, in their order. */
  find(isWanted: (rule: Rule, chain: Chain) => boolean): readonly RuleHit[];
  /** The rulesets as last read. */
  readonly rulesets: readonly Ruleset[];
  /** How far a rule's counter moved between the first and the last reading of it; NULL without two readings, or after a reset. */
  moved(hit: RuleHit): CounterMove | null;
  /** A rule that translates to the address of the interface. */
  masquerade(): RuleHit | null;
  /** Backend for commands we print: how this host's rules are changed. */
  readonly backend: 'iptables' | 'nft' | 'unknown';
}
