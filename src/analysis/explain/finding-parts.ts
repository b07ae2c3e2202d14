// Parts of a finding that follow from its arguments alone, whether packets or a host are argued about.

import type { EvidenceItem, Missing, RuledOut } from '../../model/finding.js';
import { type Argument, missingOf, type Verdict } from './argument.js';

/** The arguments behind a verdict: for the class, and for what led to it. */
export function argumentsOf({ argument, led }: Verdict): readonly Argument[] {
  return [argument, ...(led === null ? [] : [led])];
}

/** Every row they rest on, each once: steps first, then what else tells (`between`), then what rules look-alikes out. */
export function evidenceOf(given: readonly Argument[], between: readonly EvidenceItem[] = []): readonly EvidenceItem[] {
  const evidence = [
    ...given.flatMap((argument) => argument.steps.flatMap((step) => step.evidence)),
    ...between,
    ...given.flatMap((argument) => argument.lookAlikes.flatMap((one) => one.ruledOut?.evidence ?? [])),
  ];
  const known = new Set<string>();
  return evidence.filter(({ table, key }) => {
    const row = `${table} ${JSON.stringify(key)}`;
    return !known.has(row) && known.add(row) !== undefined;
  });
}

/** What records rule out, each once: the arguments for a class and for what led to it may name the same. */
export function ruledOutOf(given: readonly Argument[]): readonly RuledOut[] {
  const all = given
    .flatMap((argument) => argument.lookAlikes)
    .filter((one) => one.ruledOut !== null && one.ruledOut.evidence.length > 0)
    .map((one) => ({ cause: one.cause, because: one.ruledOut!.because }));
  const words = all.map((one) => `${one.cause} ${one.because}`);
  return all.filter((_, index) => words.indexOf(words[index]!) === index);
}

/** What a verdict asks for, each gap once. */
export function askedBy(verdict: Verdict): readonly Missing[] {
  const all = [...verdict.missing, ...argumentsOf(verdict).flatMap(missingOf)];
  return all.filter((one, index) => all.findIndex((other) => other.what === one.what) === index);
}

/** What nobody recorded, in words: open steps, then look-alikes that stay open. */
export function openQuestions(verdict: Verdict): {
  readonly steps: readonly string[];
  readonly others: readonly string[];
} {
  const given = argumentsOf(verdict);
  return {
    steps: given.flatMap((argument) => argument.steps.filter((step) => step.is === 'open').map((step) => step.says)),
    others: given.flatMap((argument) =>
      argument.lookAlikes.filter((one) => one.ruledOut === null).map((one) => `whether it is ${one.cause} instead`),
    ),
  };
}

/** Told, but nothing to do about. */
export function isNoise(verdict: Verdict): boolean {
  return verdict.class === 'normal' || verdict.isNoise === true;
}
