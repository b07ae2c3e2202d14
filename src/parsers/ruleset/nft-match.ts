// One match of an nft rule: left side, sign, right side, as a Condition that can be evaluated.

import type { Condition } from '../../model/ruleset.js';
import { flagCondition, flagWords } from './iptables-matches.js';
import { beginsNftField, type NftField, readNftField } from './nft-fields.js';
import { type NftToken, nftText } from './nft-lexer.js';
import { canonicalValue, isNumber, sortedStates } from './values.js';

export interface NftLeft {
  readonly parts: readonly NftField[];
  /** Masks and other arithmetic behind the field: ['&', '0xff']. */
  readonly arithmetic: readonly { readonly sign: string; readonly operand: string }[];
  readonly next: number;
}

export interface NftRight {
  /** Each alternative as the words of its parts (more than one in a concatenation). */
  readonly values: readonly (readonly string[])[];
  readonly isSet: boolean;
  readonly next: number;
}

const ARITHMETIC: Readonly<Record<string, string>> = {
  '&': '&',
  and: '&',
  '|': '|',
  or: '|',
  '^': '^',
  xor: '^',
  '<<': '<<',
  lshift: '<<',
  '>>': '>>',
  rshift: '>>',
};
const SIGNS: Readonly<Record<string, string>> = {
  '==': '==',
  eq: '==',
  '!=': '!=',
  ne: '!=',
  neq: '!=',
  '<': '<',
  lt: '<',
  '>': '>',
  gt: '>',
  '<=': '<=',
  le: '<=',
  '>=': '>=',
  ge: '>=',
  '!': '!',
};

/** The left side that begins at a token; NULL when none does. */
export function readLeft(tokens: readonly NftToken[], from: number): NftLeft | null {
  const parts: NftField[] = [];
  let at = from;
  while (at < tokens.length) {
    if (!beginsNftField(tokens[at]?.text ?? '') || tokens[at]?.isQuoted) return null;
    const side = readNftField(tokens.slice(at, at + 14).map((token) => (token.isQuoted ? '"' : token.text)));
    if (!side) return null;
    parts.push(side.meaning);
    at += side.words;
    if (tokens[at]?.text !== '.' || tokens[at]?.isQuoted) break;
    at++;
  }
  const arithmetic: { sign: string; operand: string }[] = [];
  for (let sign = ARITHMETIC[tokens[at]?.text ?? '']; sign !== undefined; sign = ARITHMETIC[tokens[at]?.text ?? '']) {
    const operand = readOperand(tokens, at + 1);
    arithmetic.push({ sign, operand: operand.words.join(' ') });
    at = operand.next;
  }
  return parts.length === 0 ? null : { parts, arithmetic, next: at };
}

/** The sign at a token, in one spelling; '' when none is written. */
export function readSign(tokens: readonly NftToken[], at: number): { sign: string; next: number } {
  const token = tokens[at];
  const sign = token && !token.isQuoted ? SIGNS[token.text] : undefined;
  return sign === undefined ? { sign: '', next: at } : { sign, next: at + 1 };
}

/** One value: a word, a quoted word, a flag list in parentheses, or flags joined by '|'. */
function readOperand(tokens: readonly NftToken[], from: number): { words: string[]; next: number } {
  const words: string[] = [];
  let at = from;
  if (tokens[at]?.text === '(') {
    at++;
    while (at < tokens.length && tokens[at]?.text !== ')') {
      const word = tokens[at++]?.text ?? '';
      if (word !== '|' && word !== ',' && word !== 'or') words.push(word);
    }
    return { words, next: at + 1 };
  }
  const first = tokens[at];
  if (first) words.push(first.text);
  at++;
  while (tokens[at]?.text === '|' && tokens[at + 1]) {
    words.push(tokens[at + 1]?.text ?? '');
    at += 2;
  }
  return { words, next: at };
}

/** The right side: a value, a list, a range, a set in braces or a named set. */
export function readRight(tokens: readonly NftToken[], from: number): NftRight {
  if (tokens[from]?.text === '{') return readSet(tokens, from);
  const values: string[][] = [];
  let at = from;
  while (at < tokens.length) {
    const value: string[] = [];
    let operand = readOperand(tokens, at);
    value.push(operand.words.join('|'));
    at = operand.next;
    while (tokens[at]?.text === '.' && !tokens[at]?.isQuoted) {
      operand = readOperand(tokens, at + 1);
      value.push(operand.words.join('|'));
      at = operand.next;
    }
    if (tokens[at]?.text === '-' && tokens[at + 1]) {
      value[value.length - 1] = `${value.at(-1)}-${tokens[at + 1]?.text}`;
      at += 2;
    } else if (/^-./.test(tokens[at]?.text ?? '') && tokens[at]?.isSpaced === false) {
      // "08:00"-"17:00" is lexed as three words.
      value[value.length - 1] = `${value.at(-1)}${tokens[at]?.text}`;
      at++;
    }
    values.push(value);
    if (tokens[at]?.text !== ',') break;
    at++;
  }
  return { values, isSet: false, next: at };
}

function readSet(tokens: readonly NftToken[], from: number): NftRight {
  const body = bracesFrom(tokens, from);
  const values = splitElements(body.inner).map((element) => elementParts(element));
  return { values, isSet: true, next: body.next };
}

/** The tokens between a brace and its partner. */
export function bracesFrom(tokens: readonly NftToken[], open: number): { inner: readonly NftToken[]; next: number } {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    if (tokens[at]?.isQuoted) continue;
    if (tokens[at]?.text === '{') depth++;
    else if (tokens[at]?.text === '}' && --depth === 0) return { inner: tokens.slice(open + 1, at), next: at + 1 };
  }
  return { inner: tokens.slice(open + 1), next: tokens.length };
}

/** Elements of a set: split at the commas outside inner braces. */
export function splitElements(tokens: readonly NftToken[]): NftToken[][] {
  const elements: NftToken[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (!token.isQuoted && token.text === '{') depth++;
    if (!token.isQuoted && token.text === '}') depth--;
    if (depth === 0 && !token.isQuoted && token.text === ',') elements.push([]);
    else elements.at(-1)?.push(token);
  }
  return elements.filter((element) => element.length > 0);
}

const ANNOTATIONS = new Set(['timeout', 'expires', 'counter', 'comment', 'limit', 'quota', 'last', 'ct']);

/** The parts of an element's key, without what nft prints about the element (timeout, counter, comment). */
export function elementParts(element: readonly NftToken[]): string[] {
  const parts: string[] = [''];
  for (const [index, token] of element.entries()) {
    if (!token.isQuoted && index > 0 && ANNOTATIONS.has(token.text)) break;
    if (!token.isQuoted && token.text === ':') break;
    if (token.text === '.' && !token.isQuoted) parts.push('');
    else parts[parts.length - 1] = `${parts.at(-1)}${token.text}`;
  }
  return parts;
}

/** A value in canonical notation; comparison with < and > becomes a range. */
export function fieldValue(meaning: NftField, text: string): string {
  if (text.startsWith('@')) return text;
  return meaning.field === 'tcp-flags' ? flagWords(text) : canonicalValue(meaning.kind, text);
}

const HIGHEST: Readonly<Record<string, string>> = { port: '65535' };

/** Everything a match says. The tests that nft adds itself (a port needs its protocol) come from impliedBy(). */
export function matchCondition(left: NftLeft, sign: string, right: NftRight, text: string): Condition {
  const field = left.parts.map((part) => part.field).join(' . ');
  const base = { group: null, text };
  const only = left.parts[0];
  if (left.parts.some((part) => part.field === 'other') || !only)
    return { ...base, field: 'other', isNegated: sign === '!=', values: [] };
  const named = right.values.length === 1 && right.values[0]?.[0]?.startsWith('@') ? right.values[0].join(' . ') : null;
  if (named !== null && left.arithmetic.length === 0)
    return { ...base, field, isNegated: sign === '!=', values: [named] };
  if (left.parts.length > 1) {
    const values = right.values.map((value) =>
      value.map((part, index) => fieldValue(left.parts[index] ?? only, part)).join(' . '),
    );
    return left.arithmetic.length > 0 ? other(text) : { ...base, field, isNegated: sign === '!=', values };
  }
  if (only.field === 'tcp-flags') return flagsCondition(left, sign, right, text);
  if (left.arithmetic.length > 0) return maskedCondition(only, left, sign, right, text);
  const values = right.values.map((value) => fieldValue(only, value.join(' . ')));
  if (sign === '<' || sign === '<=' || sign === '>' || sign === '>=') {
    const bound = Number(values[0]);
    if (!Number.isInteger(bound)) return other(text);
    const highest = HIGHEST[only.kind] ?? '4294967295';
    const range = {
      '<': `0:${bound - 1}`,
      '<=': `0:${bound}`,
      '>': `${bound + 1}:${highest}`,
      '>=': `${bound}:${highest}`,
    }[sign];
    return { ...base, field, isNegated: false, values: [range] };
  }
  if (only.field === 'ctstate')
    return { ...base, field, isNegated: sign === '!=' || sign === '!', values: sortedStates(values) };
  // Status has many bits at once: without sign any of them, with == and != exactly these (src/netlink_linearize.c: netlink_gen_flagcmp()).
  if (only.field === 'ctstatus') {
    const isExact = sign === '==' || sign === '!=' || right.isSet;
    const exact = right.isSet ? values : [sortedStates(values).join(',')];
    return {
      ...base,
      field: isExact ? 'ctstatus-exact' : field,
      isNegated: sign === '!=' || sign === '!',
      values: isExact ? exact : sortedStates(values),
    };
  }
  return { ...base, field, isNegated: sign === '!=' || sign === '!', values };
}

function other(text: string): Condition {
  return { field: 'other', isNegated: false, values: [], text, group: null };
}

/** meta mark & 0xff == 0x10, ip saddr & 255.0.255.0 == 192.0.2.0, ip frag-off & 0x1fff != 0. */
function maskedCondition(meaning: NftField, left: NftLeft, sign: string, right: NftRight, text: string): Condition {
  const mask = left.arithmetic[0];
  const value = right.values.length === 1 ? (right.values[0] ?? []).join(' ') : '';
  if (
    left.arithmetic.length !== 1 ||
    mask?.sign !== '&' ||
    (sign !== '' && sign !== '==' && sign !== '!=') ||
    right.isSet
  )
    return other(text);
  const isNegated = sign === '!=';
  const base = { isNegated, text, group: null };
  if (meaning.field === 'mark' || meaning.field === 'ctmark') {
    return isNumber(mask.operand) && isNumber(value)
      ? { ...base, field: meaning.field, values: [canonicalValue('mark', `${value}/${mask.operand}`)] }
      : other(text);
  }
  if (meaning.kind === 'address')
    return { ...base, field: meaning.field, values: [canonicalValue('address', `${value}/${mask.operand}`)] };
  // The offset has 13 bits; the flags above it are not part of it.
  if (meaning.field === 'frag-off' && Number(mask.operand) === 0x1fff && Number(value) === 0)
    return { ...base, isNegated: !isNegated, field: 'fragment', values: [] };
  return other(text);
}

const EVERY_FLAG = 'FIN,SYN,RST,PSH,ACK,URG,ECE,CWR';

/**
 * tcp flags as 'mask/comp'. Without sign any of the flags is enough, which is "not (none of them)"; == and sets compare all eight bits.
 * 'syn / fin,syn' is the newer writing of '& (fin | syn) == syn'.
 */
function flagsCondition(left: NftLeft, sign: string, right: NftRight, text: string): Condition {
  const base = { field: 'tcp-flags', text, group: null };
  const mask = left.arithmetic[0];
  const flags = right.values.map((value) => flagWords(value.join(',')));
  const all = flagWords(flags.filter(Boolean).join(','));
  if (mask) {
    if (left.arithmetic.length !== 1 || mask.sign !== '&') return other(text);
    if (right.isSet)
      return {
        ...base,
        isNegated: sign === '!=',
        values: flags.map((one) => flagCondition(mask.operand.replaceAll(' ', ','), one)),
      };
    return {
      ...base,
      isNegated: sign === '!=',
      values: [flagCondition(mask.operand.replaceAll(' ', ','), isNone(right) ? '' : all)],
    };
  }
  if (right.isSet)
    return { ...base, isNegated: sign === '!=', values: flags.map((one) => flagCondition(EVERY_FLAG, one)) };
  if (sign === '==' || sign === '!=')
    return { ...base, isNegated: sign === '!=', values: [flagCondition(EVERY_FLAG, isNone(right) ? '' : all)] };
  return { ...base, isNegated: sign !== '!', values: [flagCondition(all, '')] };
}

function isNone(right: NftRight): boolean {
  return right.values.length === 1 && /^(0|0x0+)$/.test(right.values[0]?.join('') ?? '');
}

/** What nft tests besides: the family in tables of several, and the transport protocol. */
export function impliedBy(left: NftLeft, tableFamily: string): Condition[] {
  const conditions: Condition[] = [];
  for (const part of left.parts) {
    if (part.network !== undefined && tableFamily !== (part.network === 'ipv4' ? 'ip' : 'ip6')) {
      conditions.push({
        field: 'nfproto',
        isNegated: false,
        values: [part.network],
        text: `meta nfproto ${part.network}`,
        group: null,
      });
    }
    if (part.transport !== undefined) {
      conditions.push({
        field: 'proto',
        isNegated: false,
        values: [part.transport],
        text: `meta l4proto ${part.transport}`,
        group: null,
      });
    }
  }
  return conditions;
}

/** Text of a stretch of tokens. */
export function stretch(tokens: readonly NftToken[], from: number, to: number): string {
  return nftText(tokens.slice(from, to));
}
