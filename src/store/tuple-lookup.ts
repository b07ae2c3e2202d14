// Which stored tuples can a packet's tuple stand for? Itself, and the same flow seen from the other end.

import type { Tuple } from '../model/tuple.js';
import type { Db } from './open-store.js';

const ICMP = new Set([1, 58]);

interface TupleRow {
  readonly id: number;
  readonly sport: number | null;
  readonly dport: number | null;
  readonly extra: string | null;
}

/** The ICMP id, which both directions share; the type does not survive turning. */
function icmpId(extra: string | null): string | null {
  return extra === null ? null : (/(?:^| )id=(\d+)/.exec(extra)?.[1] ?? null);
}

/** GRE keys turned round. */
function turnedKeys(extra: string | null): string | null {
  const keys = extra === null ? null : /^srckey=(\S+) dstkey=(\S+)$/.exec(extra);
  return keys === null ? extra : `srckey=${keys[2]} dstkey=${keys[1]}`;
}

/**
 * Ids of the stored tuples that are this one, or this one seen from the other end. ICMP is matched by addresses and id, whatever the
 * type; where this tuple has no port or id (a cut line, XML's ICMP), every one fits.
 */
export function tupleIds(db: Db, tuple: Tuple): readonly number[] {
  const find = db.prepare('SELECT id, sport, dport, extra FROM tuples WHERE src = ? AND dst = ? AND proto = ?');
  const fits = (row: TupleRow, sport: number | null, dport: number | null, extra: string | null): boolean => {
    const isPortFit = (sport === null || row.sport === sport) && (dport === null || row.dport === dport);
    if (!ICMP.has(tuple.proto)) return isPortFit && (extra === null || row.extra === extra);
    const [wanted, given] = [icmpId(extra), icmpId(row.extra)];
    return wanted === null || given === null || wanted === given;
  };
  const { src, dst, sport, dport, proto, extra } = tuple;
  const ids = new Set<number>();
  for (const row of find.all(src, dst, proto) as TupleRow[]) if (fits(row, sport, dport, extra)) ids.add(row.id);
  for (const row of find.all(dst, src, proto) as TupleRow[])
    if (fits(row, dport, sport, turnedKeys(extra))) ids.add(row.id);
  return [...ids];
}

/** A list of ids as a bound value: `IN (SELECT value FROM json_each(?))`. */
export function idList(ids: readonly number[]): string {
  return JSON.stringify(ids);
}
