// Whether a value that a packet has is one of the values a condition accepts; 'unknown' where either side does not tell enough.

import type { NamedSet } from '../../model/ruleset.js';
import { isInPrefix } from '../../text/address.js';
import { addressBytes, compareBytes } from '../../text/address-bytes.js';
import { protocolNumber } from '../../text/protocols.js';
import { portNumber } from '../../text/service-ports.js';
import type { FieldKind } from './packet-fields.js';

export type Truth = 'yes' | 'no' | 'unknown';

/** Any of several: one 'yes' is enough, 'no' needs all. */
export function anyOf(truths: Iterable<Truth>): Truth {
  let result: Truth = 'no';
  for (const truth of truths) {
    if (truth === 'yes') return 'yes';
    if (truth === 'unknown') result = 'unknown';
  }
  return result;
}

/** All of several: one 'no' is enough, 'yes' needs all. */
export function allOf(truths: Iterable<Truth>): Truth {
  let result: Truth = 'yes';
  for (const truth of truths) {
    if (truth === 'no') return 'no';
    if (truth === 'unknown') result = 'unknown';
  }
  return result;
}

export function not(truth: Truth): Truth {
  return truth === 'yes' ? 'no' : truth === 'no' ? 'yes' : 'unknown';
}

function truth(holds: boolean): Truth {
  return holds ? 'yes' : 'no';
}

/** One value of a condition against what the packet has. */
export function compareValue(kind: FieldKind, value: string, actual: string | number | readonly string[]): Truth {
  switch (kind) {
    case 'address':
      return compareAddress(value, String(actual));
    case 'number':
      return compareNumber(value, Number(actual));
    case 'proto':
      return compareProto(value, Number(actual));
    case 'name':
      return truth(value === actual);
    case 'names':
      return compareNames(value, Array.isArray(actual) ? actual : [String(actual)]);
    case 'interface':
      return truth(
        value.endsWith('*') ? String(actual).startsWith(value.slice(0, -1)) && actual !== '' : value === actual,
      );
    case 'mark':
      return compareMasked(value, Number(actual), 0xffffffff);
    case 'tos':
      return compareTos(value, Number(actual));
    case 'icmp':
      return compareIcmp(value, String(actual));
    case 'flags':
      return compareFlags(value, String(actual));
  }
}

/** An address, a prefix, a range, or an address with a mask that has holes. A host name cannot be compared. */
export function compareAddress(value: string, actual: string): Truth {
  if (value === 'any') return 'yes';
  const address = addressBytes(actual);
  if (!address) return 'unknown';
  const dash = value.indexOf('-');
  if (dash > 0) {
    const from = addressBytes(value.slice(0, dash));
    const to = addressBytes(value.slice(dash + 1));
    if (!from || !to) return 'unknown';
    return truth(from.length === address.length && compareBytes(from, address) <= 0 && compareBytes(address, to) <= 0);
  }
  const slash = value.indexOf('/');
  const base = addressBytes(slash < 0 ? value : value.slice(0, slash));
  if (!base) return 'unknown';
  if (base.length !== address.length) return 'no';
  const mask = slash < 0 ? null : addressBytes(value.slice(slash + 1));
  if (mask) return truth(base.every((byte, at) => (byte & (mask[at] ?? 0)) === ((address[at] ?? 0) & (mask[at] ?? 0))));
  return truth(slash < 0 ? compareBytes(base, address) === 0 : isInPrefix(actual, value));
}

/** 'n' or 'from:to'; 'from-to' as sets have it. */
function compareNumber(value: string, actual: number): Truth {
  const range = /^(\d+)[:-](\d+)$/.exec(value);
  if (range) return truth(actual >= Number(range[1]) && actual <= Number(range[2]));
  const number = /^(\d+|0x[0-9a-f]+)$/i.test(value) ? Number(value) : portNumber(value);
  return number === null ? 'unknown' : truth(number === actual);
}

function compareProto(value: string, actual: number): Truth {
  if (value === 'all') return 'yes';
  const number = protocolNumber(value);
  return number === null ? 'unknown' : truth(number === actual);
}

/** 'NAME?' among the packet's names stands for one that may or may not hold. */
function compareNames(value: string, actual: readonly string[]): Truth {
  if (actual.includes(value)) return 'yes';
  return actual.includes(`${value}?`) ? 'unknown' : 'no';
}

/** 'value/mask' or 'from:to'. */
function compareMasked(value: string, actual: number, width: number): Truth {
  const range = /^(\d+):(\d+)$/.exec(value);
  if (range) return compareNumber(value, actual);
  const [wanted, mask = String(width)] = value.split('/');
  if (!Number.isInteger(Number(wanted)) || !Number.isInteger(Number(mask)) || wanted === '') return 'unknown';
  return truth((actual & Number(mask)) >>> 0 === Number(wanted) >>> 0);
}

/** The lowest bit of the byte is not in the log. */
function compareTos(value: string, actual: number): Truth {
  const [wanted = '', mask = '0xff'] = value.split('/');
  if (wanted === '' || !Number.isInteger(Number(wanted))) return 'unknown';
  const known = Number(mask) & 0xfe;
  if ((actual & known) !== (Number(wanted) & known)) return 'no';
  return Number(mask) & 1 ? 'unknown' : 'yes';
}

/** 'any', 'type', 'type/code' or 'from:to' against 'type/code'. */
function compareIcmp(value: string, actual: string): Truth {
  if (value === 'any') return 'yes';
  const [type = '', code] = actual.split('/');
  const [wantedType = '', wantedCode] = value.split('/');
  const byType = compareNumber(wantedType, Number(type));
  if (byType !== 'yes' || wantedCode === undefined) return byType;
  return code === undefined ? 'unknown' : compareNumber(wantedCode.replace('-', ':'), Number(code));
}

/** 'mask/comp' against the flag words of a dump. */
function compareFlags(value: string, actual: string): Truth {
  const slash = value.indexOf('/');
  const mask = value.slice(0, slash).split(',').filter(Boolean);
  const comp = value
    .slice(slash + 1)
    .split(',')
    .filter((word) => word !== '' && word !== 'NONE');
  const set = new Set(actual.split(/[\s,]+/));
  if (comp.some((word) => !mask.includes(word))) return 'no';
  return truth(mask.every((word) => set.has(word) === comp.includes(word)));
}

/** The set a rule names: of its own table for nft, of any for ipset. */
export function findSet(sets: readonly NamedSet[], name: string, table: string | null): NamedSet | null {
  return (
    sets.find((set) => set.name === name && (table === null ? set.table === null : set.table === table)) ??
    sets.find((set) => set.name === name) ??
    null
  );
}
