// The one connection to replay: of a finding, of the filter, or the one that most packets were seen of.

import type { HostContext } from '../../analysis/explain/case.js';
import { citer } from '../../analysis/explain/cite.js';
import { readHostContext } from '../../analysis/explain/host-context.js';
import { lastIngestId, scopeOf } from '../../analysis/explain/scope-of.js';
import { connectionsOf, MODELLED } from '../../analysis/replay/connections.js';
import { type FlowRecords, readFlow } from '../../analysis/replay/read-flow.js';
import { type CommandInput, hasSwitch } from '../../cli/command.js';
import { readBoots, readHosts } from '../../store/evidence-reader.js';
import type { Db } from '../../store/open-store.js';
import { openTextSource } from '../../store/text-source.js';
import { FailedError } from '../../text/errors.js';
import type { World } from '../../world.js';
import { chooseCase, findingNumber } from '../explain/choose-case.js';
import { explainFor, filterOf } from '../explain/explain-run.js';

export interface ChosenFlow {
  readonly records: FlowRecords;
  readonly host: HostContext;
  /** Number of the finding that it is of; NULL: of none. */
  readonly finding: number | null;
  /** Connections that would have fitted as well. */
  readonly others: number;
}

/** @throws UsageError for a number that is no finding, FailedError when no packet fits */
export function chooseFlow(input: CommandInput, world: World, db: Db): ChosenFlow {
  const filter = filterOf(input, world);
  const given = findingNumber(input);
  const isNumbered = filter.finding !== null || given !== null;
  const cite = citer(openTextSource(db));
  const scope = scopeOf(db, filter, lastIngestId(db));
  const isWhole = hasSwitch(input, 'complete');
  if (isNumbered) {
    const { subject, finding, flows } = chooseCase(filter, given, db);
    const records = readFlow(
      db,
      {
        host: subject.host,
        scope: { ...scope, tupleIds: null },
        tupleIds: subject.tupleIds,
        flow: subject.flow,
        isWhole,
      },
      cite,
    );
    if (records === null) throw new FailedError(`no packet of finding ${finding?.id} can be replayed`);
    return { records, host: subject.host, finding: finding?.id ?? null, others: flows - 1 };
  }
  const wrong = explainFor(filter, db).explanation.explained.find(
    ({ finding, subject }) => finding.outcome === 'INVALID' && MODELLED.includes(subject.flow.proto),
  );
  const all = connectionsOf(db, scope);
  const wanted = wrong?.subject.tupleIds[0];
  const chosen = all.find(({ tupleIds }) => wanted !== undefined && tupleIds.includes(wanted)) ?? all[0] ?? null;
  if (chosen === null)
    throw new FailedError(
      'no packet of this filter was recorded; replay takes log lines with SEQ (LOG --log-tcp-sequence --log-tcp-options, log_invalid, TRACE) and captures',
    );
  const hosts = readHosts(db);
  const boots = readBoots(db);
  const boot =
    boots.find((one) => one.hostId === chosen.hostId && one.kernelRelease !== null) ??
    boots.find((one) => one.hostId === chosen.hostId) ??
    null;
  const host = readHostContext(db, hosts.find((one) => one.id === chosen.hostId)!, boot, cite);
  const question = { host, scope: { ...scope, tupleIds: null }, tupleIds: chosen.tupleIds, flow: null, isWhole };
  const records = readFlow(db, question, cite);
  if (records === null) throw new FailedError('no packet of this connection can be replayed');
  return { records, host, finding: wrong?.finding.id ?? null, others: all.length - 1 };
}
