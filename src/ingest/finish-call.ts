// What only the whole call can tell, once everything is read: hosts, times, coverage, connections, and what is missing.

import { collectNow } from '../store/collect-now.js';
import { buildFlows, type FlowMarks } from '../store/flows.js';
import { hostName, isKnownHost, noteStatedRelease } from '../store/hosts.js';
import {
  evidenceOfHosts,
  isKernelGuessed,
  kernelOfHost,
  reportedSource,
  sourcesOfCall,
} from '../store/ingest-report.js';
import { noteReleasesOfSource } from '../store/kernel-releases.js';
import type { Db } from '../store/open-store.js';
import { finishPacketLoad } from '../store/packet-writer.js';
import { hostOfSource, touchSource } from '../store/sources.js';
import type { CallHosts } from './call-hosts.js';
import { rankOfMoment } from './file-hints.js';
import { restateBlindLists } from './kernel-limits.js';
import { partOfCommand } from './listing-commands.js';
import type { IngestOptions } from './options.js';
import { placeClocks, readBootTime, readUptimeAt, type StatedBoot, type TimeStatements } from './place-clocks.js';
import { type IngestReport, type MissingEvidence, missingEvidence, type SourceReport } from './report.js';
import type { SnapshotKeeper } from './snapshot-keeper.js';
import type { StatedKernel, StatedKernels } from './stated-kernels.js';
import type { Scope, Statements } from './statements.js';
import { stateCoverage, workOutCoverage } from './work-out-coverage.js';

export interface CallToFinish {
  readonly db: Db;
  readonly ingestId: number;
  readonly options: IngestOptions;
  readonly statements: Statements;
  readonly hosts: CallHosts;
  readonly kernels: StatedKernels;
  readonly keeper: SnapshotKeeper;
  readonly marks: FlowMarks;
  readonly isAnythingNew: boolean;
  /** Connections made while the call went on. */
  readonly flowsSoFar: number;
  readonly killed: readonly { readonly id: number }[];
}

export interface FinishedCall {
  readonly hosts: IngestReport['hosts'];
  readonly snapshots: number;
  readonly flows: number;
  readonly missing: readonly MissingEvidence[];
  describe(reports: readonly SourceReport[]): readonly SourceReport[];
}

export function finishCall(call: CallToFinish): FinishedCall {
  const { db, statements } = call;
  const scopeHosts = statements.scopes().map((scope) => ({ scope, hostId: call.hosts.knownHostOf(scope) }));
  const hostIds = call.hosts.settle();
  if (call.isAnythingNew) collectNow();
  // A large load takes indexes away, and a killed one leaves them away.
  db.transaction(() => finishPacketLoad(db))();
  const killed = call.killed.map(({ id }) => ({ id, hostId: hostOfSource(db, id) }));
  let snapshots = 0;
  let flows = call.flowsSoFar;
  // What people state of time places what was read before, too.
  const isRestated = call.options.bootAtUs !== undefined || call.options.timeZone !== undefined;
  if (call.isAnythingNew || isRestated || killed.length > 0) {
    for (const { scope, hostId } of scopeHosts)
      if (hostId !== null) db.transaction(() => noteAbsentParts(call, scope, hostId))();
    snapshots = db.transaction(() => call.keeper.settle())();
    const touched = [...sourcesOfCall(db, call.ingestId), ...killed];
    const marks: FlowMarks = killed.length > 0 ? { passage: 0, event: 0, version: 0 } : call.marks;
    for (const hostId of new Set([...hostIds, ...touched.map((source) => source.hostId)])) {
      const ids = touched.filter((source) => source.hostId === hostId).map(({ id }) => id);
      const scopes = scopeHosts
        .filter((one) => one.hostId === hostId)
        .map(({ scope }) => ({ scope, namespaceId: namespaceOfScope(call, scope, hostId) }));
      const kernel = call.kernels.ofHost(isOfHost(call, hostId, hostIds));
      flows += finishHost(db, hostId, ids, { options: call.options, scopes, marks, kernel });
    }
    // Done now: the next call need not do it again.
    for (const { id } of killed) touchSource(db, id, call.ingestId);
  }
  return {
    hosts: hostIds.map((id) => ({
      ...hostName(db, id),
      kernel: kernelOfHost(db, id),
      ...(isKernelGuessed(db, id) ? { isKernelGuessed: true as const } : {}),
    })),
    snapshots,
    flows,
    missing: missingEvidence(evidenceOfHosts(db, hostIds)),
    describe: (reports) =>
      reports.map((report) =>
        report.sourceId === null ? report : { ...report, ...reportedSource(db, report.sourceId) },
      ),
  };
}

export interface HostWork {
  readonly options: IngestOptions;
  /** What manifests state of this host, and the network namespace that they name. */
  readonly scopes: readonly { readonly scope: Scope; readonly namespaceId: number | null }[];
  readonly marks: FlowMarks;
  /** The release that the text of its sources states; NULL: none does. */
  readonly kernel: { readonly release: string; readonly isGuessed: boolean } | null;
}

/**
 * Times, coverage and connections of a host's sources, worked out anew from all their rows. Returns how many connections were made.
 * One transaction a step: each may be done again if the process ends between them.
 */
export function finishHost(
  db: Db,
  hostId: number,
  sourceIds: readonly number[],
  { options, scopes, marks, kernel }: HostWork,
): number {
  const statements = timeStatements(
    options,
    scopes.map(({ scope }) => scope),
  );
  db.transaction(() => placeClocks(db, hostId, statements))();
  db.transaction(() => {
    for (const id of sourceIds) noteReleasesOfSource(db, hostId, id);
    if (kernel !== null) noteStatedRelease(db, hostId, kernel.release, kernel.isGuessed);
    restateBlindLists(db, hostId);
    workOutCoverage(db, hostId, sourceIds, kernelOfHost(db, hostId));
    for (const { scope, namespaceId } of scopes) stateCoverage(db, { hostId, namespaceId }, scope.coverage);
  })();
  return db.transaction(() => buildFlows(db, hostId, marks))();
}

function timeStatements(options: IngestOptions, scopes: readonly Scope[]): TimeStatements {
  const stated = scopes
    .flatMap(({ values }): (StatedBoot | null)[] => {
      const sampled = values.has('uptime') ? readUptimeAt(values.get('uptime') ?? '') : null;
      const boot = values.has('boot-time') ? readBootTime(values.get('boot-time') ?? '') : null;
      // A manifest works its boot time out of the samples it took: it holds from there on.
      return [
        sampled,
        boot === null || sampled?.atUptimeUs === undefined ? boot : { ...boot, atUptimeUs: sampled.atUptimeUs },
      ];
    })
    .filter((one) => one !== null)
    .sort((a, b) => a.errorUs - b.errorUs);
  return {
    boot:
      options.bootAtUs === undefined
        ? (stated[0] ?? null)
        : { offsetUs: options.bootAtUs, errorUs: options.bootErrorUs ?? 1_000_000 },
    timeZone:
      options.timeZone ?? scopes.map(({ values }) => values.get('timezone')).find((zone) => zone !== undefined) ?? null,
  };
}

/** Whether a statement is about a host: by the name it gives, or else as the source it stands in is the host's. */
function isOfHost({ db, hosts }: CallToFinish, hostId: number, hostIds: readonly number[]) {
  return (stated: StatedKernel): boolean => {
    const named = stated.hostName === null ? null : hosts.hostNamed(stated.hostName);
    if (named !== null) return named === hostId;
    // What nobody named became the only named host's.
    return stated.hostId === hostId || (!isKnownHost(db, stated.hostId) && hostIds.length === 1);
  };
}

/** The namespace that a manifest names for what it speaks of, or for all below it. */
function namespaceOfScope(
  { hosts }: Pick<CallToFinish, 'hosts'>,
  scope: Scope,
  hostId: number,
  netns: string | null = null,
): number | null {
  const place = { input: scope.input, path: `${scope.folder}/` };
  return hosts.namespaceOf(hostId, place, netns ?? scope.values.get('netns') ?? null);
}

/** Commands that a manifest says failed, and lists that this kernel does not keep. */
function noteAbsentParts(call: CallToFinish, scope: Scope, hostId: number): void {
  for (const { scope: of, part } of call.statements.parts()) {
    if (of !== scope || part.command === null) continue;
    const named = partOfCommand(part.command);
    const hasFailed = part.error !== null || (part.exitStatus ?? 0) !== 0;
    if (named === null || !hasFailed) continue;
    const why = part.error ?? `${part.command} ended with status ${part.exitStatus}`;
    const isUnsupported = /not supported|unknown|invalid argument|operation not|since \d/i.test(why);
    const end = part.endedAtUs ?? part.startedAtUs;
    const moment =
      part.moment === null
        ? { key: '', rank: 100, name: null, isGuessed: true }
        : { key: `m:${part.moment}`, rank: rankOfMoment(part.moment), name: part.moment, isGuessed: false };
    call.keeper.absent(
      {
        hostId,
        bootId: null,
        namespaceId: namespaceOfScope(call, scope, hostId, part.netns),
        moment,
        atUs: end,
        tookUs: null,
        errorUs: null,
        why,
      },
      named,
      isUnsupported ? 'cannot-show' : 'failed',
      why,
    );
  }
}
