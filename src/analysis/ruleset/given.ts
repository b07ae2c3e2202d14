// What is known of a packet beyond single values: "from 192.0.2.0/24", "not port 22". Tells whether that decides a condition of a rule.

import type { Condition } from '../../model/ruleset.js';
import { addressBytes, maskBytes } from '../../text/address-bytes.js';
import { protocolNumber } from '../../text/protocols.js';
import { portNumber } from '../../text/service-ports.js';
import { not, type Truth } from './compare.js';
import { FIELD_READERS, type FieldKind } from './packet-fields.js';

/** Both ends included. */
interface Span {
  readonly from: bigint;
  readonly to: bigint;
}

/** IPv4 addresses stand above all IPv6 ones, so that no prefix of one family holds any of the other. */
const V4_BASE = 1n << 128n;
const EVERYTHING: Span = { from: 0n, to: V4_BASE << 1n };

function numberOf(bytes: readonly number[]): bigint {
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return bytes.length === 4 ? V4_BASE + value : value;
}

/** NULL for a host name and for a mask with holes. */
function addressSpan(value: string): Span | null {
  const dash = value.indexOf('-');
  const [first, last] = dash > 0 ? [value.slice(0, dash), value.slice(dash + 1)] : [value, value];
  if (dash > 0) {
    const [from, to] = [addressBytes(first), addressBytes(last)];
    return from === null || to === null ? null : { from: numberOf(from), to: numberOf(to) };
  }
  const [base = '', bits] = value.split('/');
  const bytes = addressBytes(base);
  if (bytes === null || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return null;
  const mask = maskBytes(bits === undefined ? bytes.length * 8 : Number(bits), bytes.length);
  const low = bytes.map((byte, at) => byte & (mask[at] ?? 0));
  const high = low.map((byte, at) => byte | (~(mask[at] ?? 0) & 255));
  return { from: numberOf(low), to: numberOf(high) };
}

function numberSpan(value: string): Span | null {
  const range = /^(\d+)[:-](\d+)$/.exec(value);
  if (range) return { from: BigInt(range[1]!), to: BigInt(range[2]!) };
  const number = /^\d+$/.test(value) ? Number(value) : portNumber(value);
  return number === null ? null : { from: BigInt(number), to: BigInt(number) };
}

function protoSpan(value: string): Span | null {
  const number = protocolNumber(value);
  return number === null ? null : { from: BigInt(number), to: BigInt(number) };
}

/** ICMP types with their codes in line: type * 256 + code; a type alone is all of its codes. */
function icmpSpan(value: string): Span | null {
  const found = /^(\d+)(?::(\d+))?(?:\/(\d+)(?:[:-](\d+))?)?$/.exec(value);
  if (found === null) return value === 'any' ? EVERYTHING : null;
  const type = BigInt(found[1]!) << 8n;
  if (found[2] !== undefined) return { from: type, to: (BigInt(found[2]) << 8n) + 255n };
  if (found[3] === undefined) return { from: type, to: type + 255n };
  return { from: type + BigInt(found[3]), to: type + BigInt(found[4] ?? found[3]) };
}

const SPANS: Readonly<Partial<Record<FieldKind, (value: string) => Span | null>>> = {
  address: addressSpan,
  number: numberSpan,
  proto: protoSpan,
  icmp: icmpSpan,
};

/** Sorted, touching ones made one. */
function merged(spans: readonly Span[]): readonly Span[] {
  const result: Span[] = [];
  for (const span of [...spans].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))) {
    const last = result.at(-1);
    if (last === undefined || span.from > last.to + 1n) result.push(span);
    else if (span.to > last.to) result[result.length - 1] = { from: last.from, to: span.to };
  }
  return result;
}

/** What is left of some spans without others. Both merged. */
function without(spans: readonly Span[], taken: readonly Span[]): readonly Span[] {
  return spans.flatMap((span) => {
    let rest: Span[] = [span];
    for (const cut of taken)
      rest = rest.flatMap(({ from, to }) => {
        if (cut.to < from || to < cut.from) return [{ from, to }];
        const below = from < cut.from ? [{ from, to: cut.from - 1n }] : [];
        const above = cut.to < to ? [{ from: cut.to + 1n, to }] : [];
        return [...below, ...above];
      });
    return rest;
  });
}

/** All that is known of the field at once: where its value can be, held against where it is asked to be. */
function spanTruth(read: (value: string) => Span | null, given: readonly Condition[], condition: Condition): Truth {
  let possible: readonly Span[] = [EVERYTHING];
  for (const one of given) {
    const spans = one.values.map(read).filter((span) => span !== null);
    if (spans.length < one.values.length) continue;
    const outside = one.isNegated ? merged(spans) : without([EVERYTHING], merged(spans));
    possible = without(possible, outside);
  }
  const asked = condition.values.map(read).filter((span) => span !== null);
  if (asked.length < condition.values.length) return 'unknown';
  const outside = without(possible, merged(asked));
  if (outside.length === 0) return 'yes';
  return without(possible, outside).length === 0 ? 'no' : 'unknown';
}

function nameTruth(known: readonly string[], isNegated: boolean, wanted: readonly string[]): Truth {
  if (isNegated) return wanted.every((name) => known.includes(name)) ? 'no' : 'unknown';
  if (known.every((name) => wanted.includes(name))) return 'yes';
  return known.some((name) => wanted.includes(name)) ? 'unknown' : 'no';
}

/** 'eth*' holds all that begins with eth. */
function interfaceTruth(known: readonly string[], isNegated: boolean, wanted: readonly string[]): Truth {
  const stem = (pattern: string) => pattern.slice(0, -1);
  const isWithin = (inner: string, outer: string) =>
    outer.endsWith('*') ? inner.replace(/\*$/, '').startsWith(stem(outer)) : inner === outer;
  if (isNegated) return wanted.every((one) => known.some((outer) => isWithin(one, outer))) ? 'no' : 'unknown';
  if (known.every((one) => wanted.some((outer) => isWithin(one, outer)))) return 'yes';
  const mayMeet = known.some((one) => wanted.some((other) => isWithin(one, other) || isWithin(other, one)));
  return mayMeet ? 'unknown' : 'no';
}

interface Bits {
  readonly mask: bigint;
  readonly value: bigint;
}

const FLAG_BITS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];

function flagBits(value: string): Bits {
  const bits = (words: string) =>
    words
      .split(',')
      .map((word) => FLAG_BITS.indexOf(word))
      .filter((bit) => bit >= 0)
      .reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
  const slash = value.indexOf('/');
  return { mask: bits(value.slice(0, slash)), value: bits(value.slice(slash + 1)) };
}

/** NULL for a range of marks. */
function markBits(value: string): Bits | null {
  const [wanted = '', mask = '0xffffffff'] = value.split('/');
  const isNumber = (text: string) => /^(0x[0-9a-f]+|\d+)$/i.test(text);
  return isNumber(wanted) && isNumber(mask) ? { mask: BigInt(mask), value: BigInt(wanted) } : null;
}

/** Some bits of the value are known, some are asked for. */
function bitsTruth(known: Bits, isNegated: boolean, wanted: Bits): Truth {
  const isSame = known.mask === wanted.mask && known.value === wanted.value;
  if (isNegated) return isSame ? 'no' : 'unknown';
  const common = known.mask & wanted.mask;
  if ((known.value & common) !== (wanted.value & common)) return 'no';
  return common === wanted.mask ? 'yes' : 'unknown';
}

/** What one thing that is known says to one condition of the same field. */
function oneTruth(kind: FieldKind, given: Condition, condition: Condition): Truth {
  if (kind === 'name' || kind === 'names') return nameTruth(given.values, given.isNegated, condition.values);
  if (kind === 'interface') return interfaceTruth(given.values, given.isNegated, condition.values);
  if (given.values.length !== 1 || condition.values.length !== 1) return 'unknown';
  const read = kind === 'flags' ? flagBits : kind === 'mark' ? markBits : null;
  const [known, wanted] = [read?.(given.values[0]!) ?? null, read?.(condition.values[0]!) ?? null];
  return known === null || wanted === null ? 'unknown' : bitsTruth(known, given.isNegated, wanted);
}

/**
 * Whether a condition holds for a packet of which only this is known; 'unknown' where it leaves both open.
 * @param given conditions that the packet meets, whatever its values are
 */
export function impliedBy(given: readonly Condition[], condition: Condition): Truth {
  const kind = FIELD_READERS[condition.field]?.kind;
  const told = given.filter((one) => one.field === condition.field);
  if (kind === undefined || told.length === 0) return 'unknown';
  const read = SPANS[kind];
  const bare =
    read === undefined
      ? told.map((one) => oneTruth(kind, one, condition)).find((truth) => truth !== 'unknown')
      : spanTruth(read, told, condition);
  if (bare === undefined) return 'unknown';
  return condition.isNegated ? not(bare) : bare;
}

/** The same with the other answer, to be known from there on. */
export function denied(condition: Condition): Condition {
  return { ...condition, isNegated: !condition.isNegated };
}

/** Fields whose value is the packet's own: two tests of one packet give one answer. A rate or a set that rules fill does not. */
export function isOfPacket(condition: Condition): boolean {
  return (
    FIELD_READERS[condition.field] !== undefined &&
    condition.field !== 'ctstate' &&
    !condition.values.some((value) => value.startsWith('@'))
  );
}
