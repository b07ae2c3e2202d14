// Reads one expectation: `300 proto=6 src=… dst=… sport=0 dport=41768 mask-src=… master-src=… class=0 helper=ftp` and /proc's shorter form.

import type { Expectation } from '../../model/conntrack.js';
import type { Tuple } from '../../model/tuple.js';
import type { Unreadable } from './entry-line.js';
import { sharedAddress } from './words.js';

/** Where an expectation begins in a line: seconds left ('-' for none), then its protocol. Group 1: the seconds. */
const START = /(?:^|[\s\]])(?:(\d+|-)\s+)?(?=(?:l3proto\s*=\s*\d+\s+)?proto=\d+\s+src=)/;
const FLAGS = /^(?:(?:PERMANENT|INACTIVE|USERSPACE),?)+/;
const NUMBER = /^\d+$/;

interface TupleDraft {
  src: string | null;
  dst: string | null;
  readonly words: Map<string, string>;
}

const newTuple = (): TupleDraft => ({ src: null, dst: null, words: new Map() });

/** Column where an expectation begins, and where its words do; NULL when the line holds none. */
export function findExpectation(text: string): { readonly at: number; readonly wordsAt: number } | null {
  const found = START.exec(text);
  if (found === null) return null;
  const wordsAt = found.index + found[0].length;
  return { at: found[1] === undefined ? wordsAt : text.lastIndexOf(found[1], wordsAt - 1), wordsAt };
}

function numberOf(words: ReadonlyMap<string, string>, name: string): number | null {
  const value = words.get(name);
  return value !== undefined && NUMBER.test(value) ? Number(value) : null;
}

function tupleOf(draft: TupleDraft, proto: number): Tuple | null {
  if (draft.src === null || draft.dst === null) return null;
  const extra = ['type', 'code', 'id', 'srckey', 'dstkey']
    .filter((name) => draft.words.has(name))
    .map((name) => `${name}=${draft.words.get(name)}`)
    .join(' ');
  return {
    proto,
    src: draft.src,
    dst: draft.dst,
    sport: numberOf(draft.words, 'sport'),
    dport: numberOf(draft.words, 'dport'),
    extra: extra === '' ? null : extra,
  };
}

const TUPLE_WORDS = new Set(['sport', 'dport', 'type', 'code', 'id', 'srckey', 'dstkey']);
const ENTRY_WORDS = new Set(['zone', 'class']);

export interface ExpectationReading {
  readonly expectation: Expectation;
  /** '[USERSPACE]' and 'portid=' behind it, as newer conntrack prints them for events. */
  readonly portId: number | null;
  readonly isUserSpace: boolean;
}

/**
 * Reads the expectation of a line (libnetfilter_conntrack src/expect/snprintf_default.c; kernel nf_conntrack_expect.c: exp_seq_show(), v6.18).
 * A line that ends in the middle of a number keeps what stands before it. Never throws.
 * @param from column at or before its beginning
 */
export function readExpectationLine(text: string, from: number): ExpectationReading | Unreadable {
  const line = text.slice(from);
  const place = findExpectation(line);
  if (place === null) return { reason: 'no expectation', at: from };
  const seconds = line.slice(place.at, place.wordsAt).trim();
  const expected = newTuple();
  const mask = newTuple();
  const master = newTuple();
  let current = expected;
  let proto = -1;
  let flags: string | null = null;
  let helper: string | null = null;
  let portId: number | null = null;
  let isUserSpace = false;
  const entryWords = new Map<string, string>();
  const unknown: string[] = [];

  const words = line
    .slice(place.wordsAt)
    .replace(/^l3proto\s*=\s*\d+\s+/, '')
    .trimEnd()
    .split(/\s+/);
  const isCutAtEnd = line.length === line.trimEnd().length;
  for (const [index, word] of words.entries()) {
    const equals = word.indexOf('=');
    const key = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? '' : word.slice(equals + 1);
    if (word === '[USERSPACE]') isUserSpace = true;
    else if (key === 'portid' && NUMBER.test(value)) portId = Number(value);
    else if (key === 'proto' && NUMBER.test(value) && Number(value) < 256) proto = Number(value);
    else if (/^(?:mask-|master-)?(?:src|dst)$/.test(key) && equals > 0) {
      if (key.startsWith('mask-')) current = mask;
      else if (key.startsWith('master-')) current = master;
      const end = key.endsWith('src') ? 'src' : 'dst';
      if (current[end] !== null) return { reason: `a further ${key}=: two lines run together`, at: from };
      // An address at the very end of the line may be the beginning of a longer one.
      if (index < words.length - 1 || !isCutAtEnd || helper !== null) current[end] = sharedAddress(value);
    } else if (TUPLE_WORDS.has(key) && equals > 0) current.words.set(key, value);
    else if (ENTRY_WORDS.has(key) && NUMBER.test(value)) entryWords.set(key, value);
    else if (key === 'helper' && equals > 0) helper = value;
    else if (FLAGS.test(word)) {
      // Old libraries left no blank behind the flags: 'PERMANENTclass=0'.
      const printed = FLAGS.exec(word)![0];
      flags = printed.replace(/,$/, '');
      const rest = word.slice(printed.length);
      const glued = /^(class|helper|zone)=(.+)$/.exec(rest);
      if (glued?.[1] === 'helper') helper = glued[2]!;
      else if (glued !== null) entryWords.set(glued[1]!, glued[2]!);
      else if (rest !== '') unknown.push(rest);
    } else if (mask.src === null && index === words.length - 1 && /^[A-Za-z0-9_.-]+(?:\/\S+)?$/.test(word)) {
      // /proc ends in the helper's name, behind it the name of its policy: 'sip/signalling'.
      const [name, policy] = word.split('/');
      helper = name!;
      if (policy !== undefined) unknown.push(`/${policy}`);
    } else if (word !== '') unknown.push(word);
  }

  const tuple = tupleOf(expected, proto);
  if (tuple === null) return { reason: 'cut before the expected addresses were named', at: from + place.at };
  return {
    expectation: {
      tuple,
      maskSrc: mask.src,
      maskDst: mask.dst,
      maskSport: numberOf(mask.words, 'sport'),
      maskDport: numberOf(mask.words, 'dport'),
      master: tupleOf(master, proto),
      timeoutS: NUMBER.test(seconds) ? Number(seconds) : null,
      zone: numberOf(entryWords, 'zone'),
      class: numberOf(entryWords, 'class'),
      flags,
      helper,
      unknown: joinBracketed(unknown),
    },
    portId,
    isUserSpace,
  };
}

/** Puts '[active', 'since', '5s]' together again. */
function joinBracketed(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const word of words) {
    const last = joined.at(-1);
    if (last?.startsWith('[') === true && !last.endsWith(']')) joined[joined.length - 1] = `${last} ${word}`;
    else joined.push(word);
  }
  return joined;
}
