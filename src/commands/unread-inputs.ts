// What to say of inputs that were named and could not be read: a missing file must not pass for an answer without it.

import { FailedError } from '../text/errors.js';

export interface InputOutcome {
  readonly name: string;
  readonly outcome: 'read' | 'continued' | 'known' | 'nothing' | 'skipped';
  readonly why: string | null;
}

/** At most so many files are named one by one. */
const MOST_NAMED = 10;

/** A line for each input that was named on the command line and not read; files that only lie in a folder or tar are none. */
export function unreadInputs(inputs: readonly string[], sources: readonly InputOutcome[]): readonly string[] {
  return sources
    .filter(({ name, outcome }) => outcome === 'skipped' && inputs.includes(name))
    .map(({ name, why }) => `${name} was not read: ${why ?? 'no reason told'}`);
}

/** The error for a call in which no input was of use: it leads with what was wrong with each. */
export function nothingRead(
  inputs: readonly string[],
  sources: readonly InputOutcome[],
  programName: string,
): FailedError {
  const reasons = sources.map(({ name, outcome, why }) =>
    outcome === 'skipped' ? `${name}: ${why ?? 'skipped'}` : `${name}: ${why ?? 'no known form'}`,
  );
  const isOfForm = sources.some(({ outcome, why }) => outcome === 'nothing' || why !== 'no such file or directory');
  const hint = isOfForm && sources.length > 0 ? [`What is read: ${programName} help formats`] : [];
  if (sources.length === 0) return new FailedError(`nothing was read: no file lies in ${inputs.join(', ')}`);
  const [only] = reasons;
  if (reasons.length === 1 && only !== undefined)
    return new FailedError([`nothing was read: ${only}`, ...hint].join('\n'));
  const more = reasons.length - MOST_NAMED;
  return new FailedError(
    [
      'nothing was read',
      ...reasons.slice(0, MOST_NAMED).map((reason) => `  ${reason}`),
      ...(more > 0 ? [`  and ${more} more`] : []),
      ...hint,
    ].join('\n'),
  );
}
