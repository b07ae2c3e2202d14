// From a filter to the part of the store that an answer looks at, and to what it keeps of the packets there.

import type { FlowFilter } from '../../model/flow-filter.js';
import type { PathStep, Scope } from '../../store/case-reader.js';
import { readHosts } from '../../store/evidence-reader.js';
import { hostsOfIngest, ingestWithPackets } from '../../store/ingest-totals.js';
import type { Db } from '../../store/open-store.js';
import { captureBeganUs } from '../../store/sources.js';
import { findFilteredTuples } from '../../store/tuple-search.js';
import { FailedError } from '../../text/errors.js';
import type { PathReading } from './read-path.js';

/**
 * The scope of a filter. Without one the packets of the last ingest are explained, with all that is known of its hosts; where that one
 * brought no packet of them (a listing beside yesterday's log), those of the last that did. Of a capture only what was seen since it began:
 * the kernel log it read may have been read before.
 * @param ingestId the ingest to look at when the filter names no time and no flow; NULL for the whole store
 * @throws FailedError when the host named is not in the store
 */
export function scopeOf(db: Db, filter: FlowFilter, ingestId: number | null): Scope {
  const tupleIds = findFilteredTuples(db, filter);
  const hosts = readHosts(db);
  const chosen = filter.hostName === null ? null : hosts.filter((host) => host.name === filter.hostName);
  if (chosen !== null && chosen.length === 0)
    throw new FailedError(
      `no evidence of a host '${filter.hostName}'; there is: ${hosts.map((host) => host.name).join(', ') || 'none'}`,
    );
  const isLimited = tupleIds !== null || filter.fromUs !== null || filter.toUs !== null || chosen !== null;
  const ofIngest = isLimited || ingestId === null ? null : hostsOfIngest(db, ingestId);
  const lookedAt = ofIngest === null || ingestId === null ? null : ingestWithPackets(db, ingestId, ofIngest);
  return {
    ingestId: lookedAt,
    hostIds: chosen?.map((host) => host.id) ?? ofIngest,
    fromUs: filter.fromUs ?? (lookedAt === null ? null : captureBeganUs(db, lookedAt)),
    toUs: filter.toUs,
    tupleIds,
    mark: filter.mark,
  };
}

/** Whether packets of a path are what the filter asks for, beyond their tuples. */
export function pathFilter(filter: FlowFilter): (steps: readonly PathStep[], reading: PathReading) => boolean {
  return (steps, reading) => {
    if (filter.inIf !== null && !steps.some((step) => step.inIf === filter.inIf || step.physIn === filter.inIf))
      return false;
    if (filter.outIf !== null && !steps.some((step) => step.outIf === filter.outIf || step.physOut === filter.outIf))
      return false;
    if (filter.ctstate !== null && reading.state !== filter.ctstate) return false;
    if (filter.reasonId !== null && reading.reasonId !== filter.reasonId) return false;
    const flags = (reading.flags ?? '').split(' ');
    return filter.flags === null || filter.flags.every((flag) => flags.includes(flag));
  };
}

/**
 * The last ingest, capture or snapshot; NULL for an empty store. What was read within network namespaces that are left out only
 * is not meant, though the kernel log beside it names none.
 */
export function lastIngestId(db: Db): number | null {
  const row = db
    .prepare(
      `SELECT max(s.last_ingest_id) AS id FROM sources s WHERE s.namespace_id IS NOT NULL
         OR NOT EXISTS (SELECT 1 FROM main.sources o WHERE o.last_ingest_id = s.last_ingest_id AND o.namespace_id IS NOT NULL)`,
    )
    .get() as { id: number | null };
  return row.id;
}
