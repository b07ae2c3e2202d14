// Which connections does a scope of the store hold packets of, from logs, traces and captures?

import { readCapturedTuples } from '../../store/capture-reader.js';
import { readPacketGroups, readTuples, type Scope } from '../../store/case-reader.js';
import { readEntryPairs, readFlowPairs } from '../../store/flow-reader.js';
import type { Db } from '../../store/open-store.js';
import { joinTuples } from '../explain/components.js';

/** IP protocols with a model. */
export const MODELLED: readonly number[] = [1, 6, 17, 58];

export interface Connection {
  readonly hostId: number;
  /** Both directions, and both sides of address translation. */
  readonly tupleIds: readonly number[];
  readonly count: number;
}

/** Connections that can be replayed, those with the most packets first. */
export function connectionsOf(db: Db, scope: Scope): readonly Connection[] {
  const groups = readPacketGroups(db, scope);
  const captured = readCapturedTuples(db, scope.tupleIds).filter(
    ({ hostId }) => scope.hostIds === null || scope.hostIds.includes(hostId),
  );
  const ids = [...new Set([...groups.flatMap((group) => group.tupleIds), ...captured.map(({ tupleId }) => tupleId)])];
  const tuples = readTuples(db, ids);
  const components = joinTuples(tuples, groups, [...readFlowPairs(db, ids, null), ...readEntryPairs(db, ids, null)]);
  const counts = new Map<string, { hostId: number; component: number; count: number }>();
  const add = (tupleId: number, hostId: number, count: number) => {
    if (!MODELLED.includes(tuples.get(tupleId)?.proto ?? -1)) return;
    const component = components.of(tupleId);
    const key = `${hostId} ${component}`;
    counts.set(key, { hostId, component, count: count + (counts.get(key)?.count ?? 0) });
  };
  for (const group of groups) add(group.tupleIds[0]!, group.hostId, group.count);
  for (const { tupleId, hostId, count } of captured) add(tupleId, hostId, count);
  return [...counts.values()]
    .sort((a, b) => b.count - a.count)
    .map(({ hostId, component, count }) => ({ hostId, tupleIds: components.members(component), count }));
}
