// Lives of entries as their events tell them: from NEW, or from where the listening began, to DESTROY.

import { readTuples, type TupleRow } from '../../store/case-reader.js';
import { type EventRow, readEvents } from '../../store/evidence-reader.js';
import type { Db } from '../../store/open-store.js';
import type { HostPicture } from './host-picture.js';

export interface EventLife {
  readonly flow: TupleRow;
  /** In the order of their stream; DESTROY is not among them. */
  readonly course: readonly EventRow[];
  readonly destroy: EventRow | null;
}

/** Splits the events of one connection in one stream. */
function livesOf(flow: TupleRow, events: readonly EventRow[]): readonly EventLife[] {
  const lives: EventLife[] = [];
  let course: EventRow[] = [];
  const close = (destroy: EventRow | null) => {
    if (course.length > 0 || destroy !== null) lives.push({ flow, course, destroy });
    course = [];
  };
  for (const event of events) {
    if (event.kind === 'DESTROY') close(event);
    else {
      if (event.kind === 'NEW') close(null);
      course.push(event);
    }
  }
  close(null);
  return lives;
}

/** The lives of the connections that a query of the store names. */
export function eventLives(
  picture: HostPicture,
  flows: (db: Db, hostId: number) => readonly number[],
): readonly EventLife[] {
  const ids = picture.read(flows);
  if (ids.length === 0) return [];
  const { events, tuples } = picture.read((db, hostId) => ({
    events: readEvents(db, hostId, ids),
    tuples: readTuples(db, ids),
  }));
  return ids.flatMap((id) => {
    const flow = tuples.get(id);
    const own = events.filter((event) => event.tupleId === id);
    const sources = [...new Set(own.map((event) => event.sourceId))];
    return flow === undefined
      ? []
      : sources.flatMap((source) =>
          livesOf(
            flow,
            own.filter((event) => event.sourceId === source),
          ),
        );
  });
}

export function isOffloaded(event: EventRow): boolean {
  return /\b(?:HW_)?OFFLOAD\b/.test(event.status ?? '');
}

/**
 * What was left of the last timeout when an entry went, in seconds: above 0, it did not run out; NULL: not told. Where events have no time
 * the whole life of the entry (delta-time) is an upper bound for how long the last state lasted.
 */
export function leftAtEnd({ course, destroy }: EventLife): number | null {
  const last = course.at(-1);
  if (last?.timeoutS == null || destroy === null) return null;
  if (last.atUs !== null && destroy.atUs !== null) return last.timeoutS - (destroy.atUs - last.atUs) / 1e6;
  if (destroy.deltaTimeS === null) return null;
  // delta-time counts whole seconds, so the entry may have lived nearly a second more.
  const left = last.timeoutS - (destroy.deltaTimeS + 1);
  return left > 0 ? left : null;
}
