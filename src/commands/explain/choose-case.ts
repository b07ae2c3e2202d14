// The one connection that `path` and `timeline` are about: of a finding's number, or of the filter.

import type { Case } from '../../analysis/explain/case.js';
import { type CommandInput, positionalOf } from '../../cli/command.js';
import type { Finding } from '../../model/finding.js';
import type { Db } from '../../store/open-store.js';
import { FailedError, UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';
import { explainFor } from './explain-run.js';

export interface ChosenCase {
  readonly subject: Case;
  readonly finding: Finding;
  readonly flows: number;
  readonly ingestId: number | null;
}

/** @throws UsageError for a number that is no finding, FailedError when nothing was seen */
export function chooseCase(input: CommandInput, world: World, db: Db): ChosenCase {
  const { explanation, filter, ingestId } = explainFor(input, world, db);
  const given = positionalOf(input, 'finding');
  if (given !== null && !/^\d{1,6}$/.test(given))
    throw new UsageError(
      `findings are numbers, not '${given}'`,
      'A flow is named with --flow, -p, -s, -d, --sport, --dport',
    );
  const number = given === null ? filter.finding : Number(given);
  const count = explanation.explained.length;
  if (count === 0) throw new FailedError('no packet of this filter was seen to be INVALID, NEW or dropped');
  const chosen =
    number === null ? explanation.explained[0] : explanation.explained.find((one) => one.finding.id === number);
  if (chosen === undefined)
    throw new UsageError(`there is no finding ${number}: there ${count === 1 ? 'is 1' : `are ${count}`}`);
  return { subject: chosen.subject, finding: chosen.finding, flows: chosen.flows, ingestId };
}
