// A connection that only events and entries tell of: the same case as one with packets, without them, for its timeline.

import { readCaptured } from '../../store/capture-reader.js';
import { readTuples, type Scope, withReversed } from '../../store/case-reader.js';
import { readBoots, readEntries, readEvents, readHosts, readSockets } from '../../store/evidence-reader.js';
import { readEntryPairs, readFlowPairs, readLatestFlow } from '../../store/flow-reader.js';
import type { Db } from '../../store/open-store.js';
import { WIRE_PACKETS } from './build-cases.js';
import type { Case } from './case.js';
import type { Cite } from './cite.js';
import { NO_CROWD } from './crowd.js';
import { readHostContext } from './host-context.js';

/** The latest connection of a scope that events or entries show; NULL when they show none. */
export function flowCase(db: Db, scope: Scope, cite: Cite): Case | null {
  const found = readLatestFlow(db, scope);
  const host = readHosts(db).find((one) => one.id === found?.hostId);
  if (found === null || host === undefined) return null;
  const own = [found.tupleId];
  const tupleIds = [
    ...new Set([...own, ...readFlowPairs(db, own, host.id).flat(), ...readEntryPairs(db, own, host.id).flat()]),
  ];
  const wireIds = withReversed(db, readTuples(db, tupleIds));
  const tuples = readTuples(db, wireIds);
  const flow = tuples.get(found.tupleId);
  if (flow === undefined) return null;
  const boots = readBoots(db).filter((boot) => boot.hostId === host.id);
  const boot = boots.find((one) => one.kernelRelease !== null) ?? boots[0] ?? null;
  const seen = new Set<string>();
  return {
    host: readHostContext(db, host, boot, cite),
    cite,
    flow,
    flowKnownBy: found.knownBy === 'event' ? 'event' : 'entry',
    tupleIds,
    tuples,
    outcome: 'DROP',
    reason: null,
    packets: [],
    count: 0,
    all: [],
    wire: readCaptured(db, host.id, wireIds, scope.fromUs, scope.toUs, WIRE_PACKETS),
    events: readEvents(db, host.id, tupleIds),
    entries: readEntries(db, host.id, tupleIds),
    sockets: tupleIds
      .flatMap((id) => tuples.get(id) ?? [])
      .filter((tuple) => tuple.sport !== null)
      .flatMap((tuple) =>
        readSockets(db, host.id, { address: tuple.src, port: tuple.sport }, { address: tuple.dst, port: tuple.dport }),
      )
      .filter((socket) => {
        const key = `${socket.id} ${socket.snapshotId}`;
        return !seen.has(key) && seen.add(key) !== undefined;
      }),
    siblings: [],
    companionEntries: [],
    siblingEvidence: () => null,
    crowd: NO_CROWD,
    companions: [],
    fate: { fate: 'unknown', is: 'open', rule: null, isPolicy: false, evidence: [] },
  };
}
