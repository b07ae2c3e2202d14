// One source with the records of several hosts: each host has a lane of its own, which is a source of the store that shares text and
// resume point with the source it is part of. A host gets its lane with its first line that is evidence.

import type { KernelLine } from '../model/kernel-line.js';
import { addPartOfSource, partsOfSource } from '../store/sources.js';
import { type CallHosts, isRealHostName, isSameHost } from './call-hosts.js';
import type { SourceRef } from './evidence-writer.js';

export interface HostLanes {
  /** The lane of lines that nobody else's are. */
  readonly own: SourceRef;
  /**
   * The lane of the host a line names.
   * @param name as printed; NULL: the line names none
   * @param isEvidence asked when the host has no lane yet; without evidence it gets none, and NULL is returned
   */
  of(name: string | null, isEvidence: () => boolean): SourceRef | null;
  /** The same for a journal's record, whose machine id knows a renamed host, and two of one name apart. */
  ofRecord(envelope: KernelLine, isEvidence: () => boolean): SourceRef | null;
  /** A lane with the boot that its records name. */
  inBoot(lane: SourceRef, bootUuid: string): SourceRef;
  /** The lane a saved state is of; NULL: the source has no such part. */
  withSource(sourceId: number): SourceRef | null;
}

export interface HostLaneOptions {
  readonly hosts: CallHosts;
  readonly own: SourceRef;
  /** Real host names in the first bytes of the source; the first is the own one's, unless somebody states another. */
  readonly seen: readonly string[];
  /** What options or a manifest say of the whole source; NULL: nothing. */
  readonly stated: string | null;
  readonly machineId: string | null;
  readonly bootUuid: string | null;
}

const SHORT_ID = 8;

export function openHostLanes({ hosts, own, seen, stated, machineId, bootUuid }: HostLaneOptions): HostLanes {
  const { db, sourceId } = own;
  const parts = new Map<number, SourceRef>();
  const laneOfHost = (hostId: number): SourceRef | undefined => (hostId === own.hostId ? own : parts.get(hostId));
  const refOf = (hostId: number, id: number): SourceRef => ({
    ...own,
    hostId,
    sourceId: id,
    bootId: hosts.bootOfPart(hostId, null),
    namespaceId: null,
  });
  for (const part of partsOfSource(db, sourceId)) parts.set(part.hostId, refOf(part.hostId, part.id));

  // A statement about a source whose lines name others is about what the lines leave open, or about the host it names.
  const isAmong = stated !== null && seen.some((name) => isSameHost(name, stated));
  const ownNames = (
    stated === null || isAmong ? [stated ?? seen[0]] : seen.length === 1 ? [stated, seen[0]] : [stated]
  ).filter((name) => name !== undefined && name !== null);
  const others = new Set(
    seen.filter((name) => !ownNames.some((one) => isSameHost(one, name))).map((name) => name.toLowerCase()),
  );
  const lanes = new Map<string, SourceRef>();

  const laneOf = (name: string | null): SourceRef => {
    const hostId = hosts.ofName(name);
    const known = laneOfHost(hostId);
    if (known !== undefined) return known;
    const made = refOf(hostId, addPartOfSource(db, sourceId, hostId));
    parts.set(hostId, made);
    return made;
  };
  const find = (key: string, name: string | null, isEvidence: () => boolean): SourceRef | null => {
    const known = lanes.get(key);
    if (known !== undefined) return known;
    if (!isEvidence()) return null;
    const lane = laneOf(name);
    lanes.set(key, lane);
    if (lane !== own) others.add(key);
    return lane;
  };
  const isOwnName = (name: string): boolean => ownNames.some((one) => isSameHost(one, name));

  const lanesOf: HostLanes = {
    own,
    of(name, isEvidence) {
      if (name === null) return own;
      const known = lanes.get(name);
      if (known !== undefined) return known;
      if (!isRealHostName(name)) {
        // 'localhost' beside one host is that host before it knew its name; beside several it is nobody's.
        return others.size === 0 || stated !== null ? own : find('', null, isEvidence);
      }
      if (isOwnName(name)) return own;
      return find(name, name, isEvidence);
    },
    ofRecord(envelope, isEvidence) {
      const { host, machineId: machine = null } = envelope;
      if (machine === null || machineId === null) return lanesOf.of(host, isEvidence);
      if (machine === machineId) return own;
      const isNamed = isRealHostName(host) && !isOwnName(host);
      const name = isNamed ? host : `${isRealHostName(host) ? host : 'machine'}-${machine.slice(0, SHORT_ID)}`;
      return find(name, name, isEvidence);
    },
    inBoot(lane, uuid) {
      if (lane === own && uuid === bootUuid) return own;
      return { ...lane, bootId: hosts.bootOfPart(lane.hostId, uuid) };
    },
    withSource: (id) => (id === sourceId ? own : ([...parts.values()].find((part) => part.sourceId === id) ?? null)),
  };
  return lanesOf;
}
