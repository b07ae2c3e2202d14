// Tuples that a filter means: in either direction, by exact value through an index, by prefix or range through a scan of the tuples.

import { asksForTuples, type FlowFilter, type PortRange } from '../model/flow-filter.js';
import { isInPrefix } from '../text/address.js';
import { readEntryPairs, readFlowPairs } from './flow-reader.js';
import type { Db } from './open-store.js';

interface Candidate {
  readonly id: number;
  readonly proto: number;
  readonly src: string;
  readonly dst: string;
  readonly sport: number | null;
  readonly dport: number | null;
  readonly extra: string | null;
}

function isAmong(address: string, wanted: readonly string[] | null): boolean {
  return wanted === null || wanted.some((one) => (one.includes('/') ? isInPrefix(address, one) : one === address));
}

function isInRanges(port: number | null, wanted: readonly PortRange[] | null): boolean {
  return wanted === null || (port !== null && wanted.some(({ from, to }) => port >= from && port <= to));
}

/** Whether a tuple is what the filter means, as it stands or turned round. */
export function matchesTuple(tuple: Omit<Candidate, 'id'>, filter: FlowFilter): boolean {
  if (filter.protos !== null && !filter.protos.includes(tuple.proto)) return false;
  if (filter.family !== null && tuple.src.includes(':') !== (filter.family === 6)) return false;
  if (filter.icmpType !== null && !new RegExp(`\\btype=${filter.icmpType}\\b`).test(tuple.extra ?? '')) return false;
  const isAs = (src: string, sport: number | null, dst: string, dport: number | null) =>
    isAmong(src, filter.src) &&
    isInRanges(sport, filter.sport) &&
    isAmong(dst, filter.dst) &&
    isInRanges(dport, filter.dport);
  return isAs(tuple.src, tuple.sport, tuple.dst, tuple.dport) || isAs(tuple.dst, tuple.dport, tuple.src, tuple.sport);
}

/** Rows an index can find for the filter; all tuples when it names nothing exact. */
function candidates(db: Db, filter: FlowFilter): Iterable<Candidate> {
  const columns = 'id, proto, src, dst, sport, dport, extra';
  const exact = [...(filter.src ?? []), ...(filter.dst ?? [])].filter((address) => !address.includes('/'));
  if (exact.length > 0 && (filter.src ?? exact).every((one) => !one.includes('/'))) {
    const list = JSON.stringify((filter.src ?? filter.dst) as readonly string[]);
    return db
      .prepare(
        `SELECT ${columns} FROM tuples WHERE src IN (SELECT value FROM json_each(@list)) UNION SELECT ${columns} FROM tuples WHERE dst IN (SELECT value FROM json_each(@list))`,
      )
      .iterate({ list }) as IterableIterator<Candidate>;
  }
  const port = [filter.dport, filter.sport].find(
    (ranges) => ranges?.length === 1 && ranges[0]!.from === ranges[0]!.to,
  )?.[0]?.from;
  if (port !== undefined) {
    return db
      .prepare(
        `SELECT ${columns} FROM tuples WHERE dport = @port UNION SELECT ${columns} FROM tuples WHERE sport = @port`,
      )
      .iterate({ port }) as IterableIterator<Candidate>;
  }
  return db.prepare(`SELECT ${columns} FROM tuples`).iterate() as IterableIterator<Candidate>;
}

/** Ids of the tuples a filter means, with the other side of address translation; NULL when the filter does not ask for tuples. */
export function findFilteredTuples(db: Db, filter: FlowFilter): readonly number[] | null {
  if (!asksForTuples(filter)) return null;
  const found: number[] = [];
  for (const tuple of candidates(db, filter)) if (matchesTuple(tuple, filter)) found.push(tuple.id);
  const related = [...readFlowPairs(db, found, null), ...readEntryPairs(db, found, null)].flat();
  return [...new Set([...found, ...related])];
}
