// Functions that SQL of people may call besides SQLite's own: times as text, and the text of a line as it was read.

import { addressBytes, compareBytes, maskBytes } from '../text/address-bytes.js';
import { rfc3339 } from '../text/time.js';
import { openDatabase } from './open-database.js';
import type { Db } from './open-store.js';
import { readRawLines } from './raw-blocks.js';

/** name, arguments, sentence: for `ctwhy query --schema`. */
export const QUERY_FUNCTIONS: ReadonlyArray<readonly [name: string, says: string]> = [
  ['utc(us)', "microseconds since the epoch as '2026-11-21T08:29:57.745123Z'; NULL stays NULL"],
  ['raw_line(source_id, line)', 'the line as it was read, without its end; NULL: no such line'],
  ['in_network(address, network)', "1: the address is '192.0.2.1', in '192.0.2.0/24' or '192.0.2.1-192.0.2.9'; 0: not"],
  ['in_range(number, range)', "1: the number is '25' or in '1000:2000'; 0: not, or it is NULL"],
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
  const isInNetwork = networkTest();
  db.function('in_network', { deterministic: true }, (address: unknown, network: unknown) =>
    typeof address === 'string' && typeof network === 'string' && isInNetwork(address, network) ? 1 : 0,
  );
  db.function('in_range', { deterministic: true }, (number: unknown, range: unknown) =>
    (typeof number === 'number' || typeof number === 'bigint') && isInRange(Number(number), String(range)) ? 1 : 0,
  );
  let held: { readonly sourceId: number; readonly lines: ReadonlyMap<number, string> } | null = null;
  let second: Db | null = null;
  db.function('raw_line', (sourceId: unknown, line: unknown) => {
    if (typeof sourceId !== 'number' || typeof line !== 'number' || line < 1) return null;
    const known = held?.sourceId === sourceId ? held.lines.get(line) : undefined;
    if (known !== undefined) return known;
    second ??= openDatabase(db.name, { readonly: true, fileMustExist: true });
    const lines = readRawLines(second, sourceId, line, line + AHEAD);
    held = { sourceId, lines };
    return lines.get(line) ?? null;
  });
  return () => {
    second?.close();
    second = null;
  };
}

/** Where a network or a range begins and ends; NULL: neither. */
type Ends = { readonly from: readonly number[]; readonly to: readonly number[] } | null;

function endsOf(network: string): Ends {
  const dash = network.indexOf('-');
  const [base = '', bits] = network.split('/');
  if (dash >= 0) {
    const [from, to] = [addressBytes(network.slice(0, dash)), addressBytes(network.slice(dash + 1))];
    return from && to && { from, to };
  }
  const bytes = addressBytes(base);
  if (bytes === null || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return null;
  const mask = maskBytes(bits === undefined ? bytes.length * 8 : Number(bits), bytes.length);
  const from = bytes.map((byte, at) => byte & (mask[at] ?? 0));
  return { from, to: from.map((byte, at) => byte | (~(mask[at] ?? 0) & 255)) };
}

/** Asked of every entry and rule: networks and addresses are taken apart once. */
function networkTest(): (address: string, network: string) => boolean {
  const networks = new Map<string, Ends>();
  const addresses = new Map<string, readonly number[] | null>();
  return (address, network) => {
    const ends = remembered(networks, network, endsOf);
    const bytes = remembered(addresses, address, addressBytes);
    if (!ends || !bytes || bytes.length !== ends.from.length) return false;
    return compareBytes(ends.from, bytes) <= 0 && compareBytes(bytes, ends.to) <= 0;
  };
}

function remembered<T>(known: Map<string, T>, text: string, read: (text: string) => T): T {
  const before = known.get(text);
  if (before !== undefined) return before;
  const made = read(text);
  known.set(text, made);
  return made;
}

function isInRange(number: number, range: string): boolean {
  const [from = '', to = from] = range.split(':');
  return /^\d+$/.test(from) && /^\d+$/.test(to) && Number(from) <= number && number <= Number(to);
}
