// The one connection that `path` and `timeline` are about: of a finding's number, or of the filter.

import type { Case } from '../../analysis/explain/case.js';
import { citer } from '../../analysis/explain/cite.js';
import { flowCase } from '../../analysis/explain/flow-case.js';
import { type CommandInput, positionalOf } from '../../cli/command.js';
import type { Finding } from '../../model/finding.js';
import type { FlowFilter } from '../../model/flow-filter.js';
import type { Scope } from '../../store/case-reader.js';
import type { Db } from '../../store/open-store.js';
import { openTextSource } from '../../store/text-source.js';
import { FailedError, UsageError } from '../../text/errors.js';
import { explainFor } from './explain-run.js';

export interface ChosenCase {
  readonly subject: Case;
  /** NULL: no packet of the connection was read, events and entries alone tell of it. */
  readonly finding: Finding | null;
  readonly flows: number;
  readonly scope: Scope;
}

/** @throws UsageError for a number that is no number */
export function findingNumber(input: CommandInput): number | null {
  const given = positionalOf(input, 'finding');
  if (given !== null && !/^\d{1,6}$/.test(given))
    throw new UsageError(
      `findings are numbers, not '${given}'`,
      'A flow is named with --flow, -p, -s, -d, --sport, --dport',
    );
  return given === null ? null : Number(given);
}

/** @throws UsageError for a number that is no finding, FailedError when nothing was seen */
export function chooseCase(filter: FlowFilter, given: number | null, db: Db): ChosenCase {
  const { explanation, scope } = explainFor(filter, db);
  const number = given ?? filter.finding;
  const count = explanation.explained.length;
  const ofHost = explanation.ofHosts.find((one) => one.finding.id === number);
  if (ofHost !== undefined) {
    const { flow, tupleIds } = ofHost.verdict.about;
    const subject = flow === null ? null : flowCase(db, { ...scope, tupleIds }, citer(openTextSource(db)));
    if (subject === null)
      throw new UsageError(`finding ${number} is of no packet: there is no path and no timeline of it`);
    return { subject, finding: null, flows: 1, scope };
  }
  if (count === 0) {
    const subject = number === null && asksOnlyForFlows(filter) ? flowCase(db, scope, citer(openTextSource(db))) : null;
    if (subject === null) throw new FailedError('no packet of this filter was seen to be INVALID, NEW or dropped');
    return { subject, finding: null, flows: 1, scope };
  }
  const chosen =
    number === null ? explanation.explained[0] : explanation.explained.find((one) => one.finding.id === number);
  if (chosen === undefined)
    throw new UsageError(`there is no finding ${number}: there ${count === 1 ? 'is 1' : `are ${count}`}`);
  return { subject: chosen.subject, finding: chosen.finding, flows: chosen.flows, scope };
}

/** false: the filter asks for what only packets have. */
function asksOnlyForFlows({ inIf, outIf, flags, mark, ctstate, reasonId }: FlowFilter): boolean {
  return [inIf, outIf, flags, mark, ctstate, reasonId].every((one) => one === null);
}
