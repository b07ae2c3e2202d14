// An argument is a list of declared steps and look-alikes; how sure it is follows from them by one function, never from a cause's own word.

import type { Confidence, EvidenceItem, Fate, Missing, Remedy, StoryLine } from '../../model/finding.js';

export interface Step {
  /** One sentence, for people. */
  readonly says: string;
  /**
   * 'shown'    a record of the store says so (evidence is not empty)
   * 'inferred' it follows from records by a rule that has exceptions
   * 'open'     nothing says so
   */
  readonly is: 'shown' | 'inferred' | 'open';
  /** Without it there is no argument at all. */
  readonly isEssential: boolean;
  readonly evidence: readonly EvidenceItem[];
  /** What would turn an open or inferred step into a shown one. */
  readonly wouldShow?: Missing;
}

/** Something else that would look the same. */
export interface LookAlike {
  readonly cause: string;
  /** NULL: it could not be ruled out. */
  readonly ruledOut: { readonly because: string; readonly evidence: readonly EvidenceItem[] } | null;
  readonly wouldSettle?: Missing;
}

export interface Argument {
  /** Class of cause (or the finer cause, for arguments about that). */
  readonly id: string;
  readonly steps: readonly Step[];
  readonly lookAlikes: readonly LookAlike[];
}

export function shown(says: string, evidence: readonly (EvidenceItem | null)[], isEssential = true): Step {
  const kept = evidence.filter((item): item is EvidenceItem => item !== null);
  return { says, is: kept.length > 0 ? 'shown' : 'open', isEssential, evidence: kept };
}

export function inferred(
  says: string,
  evidence: readonly (EvidenceItem | null)[],
  isEssential = true,
  wouldShow?: Missing,
): Step {
  const kept = evidence.filter((item): item is EvidenceItem => item !== null);
  return { says, is: 'inferred', isEssential, evidence: kept, ...(wouldShow === undefined ? {} : { wouldShow }) };
}

export function open(says: string, isEssential: boolean, wouldShow?: Missing): Step {
  return { says, is: 'open', isEssential, evidence: [], ...(wouldShow === undefined ? {} : { wouldShow }) };
}

/** A look-alike that records rule out; it stays open when no record is given. */
export function ruledOutBy(
  cause: string,
  because: string,
  evidence: readonly (EvidenceItem | null)[],
  wouldSettle?: Missing,
): LookAlike {
  const kept = evidence.filter((item): item is EvidenceItem => item !== null);
  return {
    cause,
    ruledOut: kept.length > 0 ? { because, evidence: kept } : null,
    ...(wouldSettle === undefined ? {} : { wouldSettle }),
  };
}

/**
 * How sure an argument is. NULL: it does not hold, an essential step is open.
 *
 * certain   every step is shown by a record and every look-alike is ruled out by one
 * likely    every essential step is shown; something else is open or inferred
 * possible  an essential step is only inferred
 */
export function confidenceOf({ steps, lookAlikes }: Argument): Confidence | null {
  if (steps.length === 0 || steps.some((step) => step.isEssential && step.is === 'open')) return null;
  const isShown = (step: Step) => step.is === 'shown' && step.evidence.length > 0;
  const isRuledOut = (one: LookAlike) => one.ruledOut !== null && one.ruledOut.evidence.length > 0;
  if (steps.every(isShown) && lookAlikes.every(isRuledOut)) return 'certain';
  return steps.filter((step) => step.isEssential).every(isShown) ? 'likely' : 'possible';
}

/** What is missing for certainty: from open and inferred steps, then from look-alikes that stay open. */
export function missingOf({ steps, lookAlikes }: Argument): readonly Missing[] {
  const wanted = [
    ...steps.filter((step) => step.is !== 'shown').map((step) => step.wouldShow),
    ...lookAlikes.filter((one) => one.ruledOut === null).map((one) => one.wouldSettle),
  ].filter((one): one is Missing => one !== undefined);
  return wanted.filter((one, index) => wanted.findIndex((other) => other.what === one.what) === index);
}

const RANK: Readonly<Record<Confidence, number>> = { certain: 3, likely: 2, possible: 1 };

/** Higher is surer; NULL lowest. */
export function rankOf(confidence: Confidence | null): number {
  return confidence === null ? 0 : RANK[confidence];
}

/** The weaker of two. */
export function weaker(a: Confidence, b: Confidence): Confidence {
  return RANK[a] <= RANK[b] ? a : b;
}

/** What a cause hands back when it applies to a case. */
export interface Verdict {
  readonly class: string;
  readonly argument: Argument;
  /** What led to it, argued on its own; NULL when nothing recorded tells. */
  readonly led: Argument | null;
  readonly title: string;
  readonly summary: string;
  readonly missing: readonly Missing[];
  /** Lines of the story beside packets, events and the rule that ended it. */
  readonly proof?: readonly StoryLine[];
  /** What became of the packets, where the cause knows more than their lines. */
  readonly fate?: Fate;
  /** Cases with other outcomes, reasons and fates that are one story share this word and are told once. */
  readonly story?: string;
  /** Every host on a network has it, and nobody waits for anything: told, but nothing to do about. */
  readonly isNoise?: boolean;
  readonly remedies: readonly Remedy[];
}
