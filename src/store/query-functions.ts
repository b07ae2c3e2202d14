// Functions that SQL of people may call besides SQLite's own: times as text, and the text of a line as it was read.

import Database from 'better-sqlite3';
import { rfc3339 } from '../text/time.js';
import type { Db } from './open-store.js';
import { readRawLines } from './raw-blocks.js';

/** name, arguments, sentence: for `ctwhy query --schema`. */
export const QUERY_FUNCTIONS: ReadonlyArray<readonly [name: string, says: string]> = [
  ['utc(us)', "microseconds since the epoch as '2026-11-21T08:29:57.745123Z'; NULL stays NULL"],
  ['raw_line(source_id, line)', 'the line as it was read, without its end; NULL: no such line'],
];

/** Lines unpacked at once: questions walk along a source, and a block costs the same for one line as for many. */
const AHEAD = 256;
/** The last moment that a Date can hold. */
const LAST_DATE_US = 8.64e15 * 1000;

/**
 * Makes the functions known to a connection.
 * @returns what lets go of the second connection that raw_line needs: the first is busy with the query that calls it
 */
export function addQueryFunctions(db: Db): () => void {
  db.function('utc', { deterministic: true }, (us: unknown) => {
    const value = typeof us === 'bigint' ? Number(us) : us;
    return typeof value === 'number' && Math.abs(value) < LAST_DATE_US ? rfc3339(Math.round(value)) : null;
  });
  let held: { readonly sourceId: number; readonly lines: ReadonlyMap<number, string> } | null = null;
  let second: Db | null = null;
  db.function('raw_line', (sourceId: unknown, line: unknown) => {
    if (typeof sourceId !== 'number' || typeof line !== 'number' || line < 1) return null;
    const known = held?.sourceId === sourceId ? held.lines.get(line) : undefined;
    if (known !== undefined) return known;
    second ??= new Database(db.name, { readonly: true, fileMustExist: true });
    const lines = readRawLines(second, sourceId, line, line + AHEAD);
    held = { sourceId, lines };
    return lines.get(line) ?? null;
  });
  return () => {
    second?.close();
    second = null;
  };
}
