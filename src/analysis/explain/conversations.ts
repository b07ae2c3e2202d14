// What captures of a host saw of single connections: both directions of each, with what their numbers and options say.

import { type CapturedRow, readCaptured } from '../../store/capture-reader.js';
import { readTuples, type TupleRow, withReversed } from '../../store/case-reader.js';
import type { Db } from '../../store/open-store.js';
import { timeOfDay } from '../../text/time.js';
import { optionIn } from './segment-facts.js';

/** Packets of one connection that are looked at. */
const MOST_PACKETS = 3000;

export interface Conversation {
  /** One direction of it, as the query named it. */
  readonly flow: TupleRow;
  readonly tupleIds: readonly number[];
  readonly tuples: ReadonlyMap<number, TupleRow>;
  /** In order of time; of several captures where there are. */
  readonly rows: readonly CapturedRow[];
}

/** @param tupleIds any direction of connections; each connection comes once */
export function readConversations(db: Db, hostId: number, tupleIds: readonly number[]): readonly Conversation[] {
  const done = new Set<number>();
  return tupleIds.flatMap((tupleId): readonly Conversation[] => {
    if (done.has(tupleId)) return [];
    const ids = withReversed(db, readTuples(db, [tupleId]));
    for (const id of ids) done.add(id);
    const tuples = readTuples(db, ids);
    const flow = tuples.get(tupleId);
    if (flow === undefined) return [];
    return [{ flow, tupleIds: ids, tuples, rows: readCaptured(db, hostId, ids, null, null, MOST_PACKETS) }];
  });
}

/** Rows of one capture at one interface: what an `any` capture sees in two places must not be mixed. */
export function places(rows: readonly CapturedRow[]): readonly (readonly CapturedRow[])[] {
  const found = new Map<string, CapturedRow[]>();
  for (const row of rows) {
    const key = `${row.sourceId} ${row.interface ?? ''}`;
    const own = found.get(key);
    if (own === undefined) found.set(key, [row]);
    else own.push(row);
  }
  return [...found.values()];
}

/** The time of a captured packet for a story: of the epoch where it is placed, of its own clock otherwise. */
export function wireLabel({ atUs, clockUs }: CapturedRow): string {
  const us = atUs ?? clockUs;
  return us === null ? '' : timeOfDay(us);
}

/** Its sequence numbers are those of the packet: tcpdump counts them from the first it saw unless it is told not to (-S). */
export function hasOwnNumbers({ extra }: CapturedRow): boolean {
  return extra['hasRelativeNumbers'] !== true;
}

/** RFC 7323's time stamps of a captured segment, in the ticks of whoever sent them; NULL: it holds none. */
export function stampsOf({ extra }: CapturedRow): { readonly value: number; readonly echo: number } | null {
  const { tcpOptions } = extra;
  const bytes = typeof tcpOptions === 'string' ? optionIn(tcpOptions, 8) : null;
  if (bytes === null || bytes.length < 8) return null;
  const [value, echo] = [0, 4].map((at) => bytes.slice(at, at + 4).reduce((sum, byte) => sum * 256 + byte, 0));
  return { value: value!, echo: echo! };
}
