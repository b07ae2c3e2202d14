// One rule as `iptables -L` prints it, with any of -n -v -x --line-numbers, turned into the words iptables-save has for it.

import { protocolNumber } from '../../text/protocols.js';
import { MATCH_PHRASES, type Phrase, TARGET_PHRASES } from './listing-phrases.js';
import { isNumber } from './values.js';
import { quoteWord, splitSaveWords, type Word } from './words.js';

/** Which columns the head of the chain announced. */
export interface ListingColumns {
  readonly hasNumbers: boolean;
  readonly hasCounters: boolean;
  readonly hasInterfaces: boolean;
}

export interface ListingRule {
  readonly number: number | null;
  readonly packets: number | null;
  readonly bytes: number | null;
  /** A counter was printed as 127M. */
  readonly isRounded: boolean;
  readonly isV6: boolean;
  readonly words: readonly Word[];
}

export function readColumns(line: string): ListingColumns | null {
  const match = /^\s*(num\s+)?(pkts\s+bytes\s+)?target\s+prot\s+opt\s+(in\s+out\s+)?source\s+destination\s*$/.exec(
    line,
  );
  if (!match) return null;
  return {
    hasNumbers: match[1] !== undefined,
    hasCounters: match[2] !== undefined,
    hasInterfaces: match[3] !== undefined,
  };
}

/** NULL when the line is not a rule in these columns. */
export function readListingRule(line: string, columns: ListingColumns): ListingRule | null {
  const tokens = [...line.matchAll(/\S+/g)].map((match) => ({ text: match[0], end: match.index + match[0].length }));
  let at = 0;
  const number = columns.hasNumbers ? readCount(tokens[at++]?.text) : null;
  const packets = columns.hasCounters ? readCount(tokens[at++]?.text) : null;
  const bytes = columns.hasCounters ? readCount(tokens[at++]?.text) : null;
  if (columns.hasNumbers && number === null) return null;
  if (columns.hasCounters && (packets === null || bytes === null)) return null;
  const places = columns.hasInterfaces ? 2 : 0;
  const layout = findLayout(
    tokens.map((token) => token.text),
    at,
    places,
  );
  if (!layout) return null;
  const { target, prot, opt, next } = layout;
  const inIf = columns.hasInterfaces ? (tokens[next]?.text ?? '*') : '*';
  const outIf = columns.hasInterfaces ? (tokens[next + 1]?.text ?? '*') : '*';
  const src = tokens[next + places];
  const dst = tokens[next + places + 1];
  if (!src || !dst) return null;
  const head = [
    address('-s', src.text),
    address('-d', dst.text),
    named('-i', inIf),
    named('-o', outIf),
    prot === 'all' || prot === '0' ? '' : named('-p', prot),
    opt === '-f' ? '-f' : opt === '!f' ? '! -f' : '',
  ].filter(Boolean);
  const rest = line.slice(dst.end);
  const isGoto = /^\s*\[goto\]/.test(rest);
  const spoken = readPhrases(rest.replace(/^\s*\[goto\]/, ''), target);
  const tail = target === '' ? '' : `${isGoto ? '-g' : '-j'} ${quoteWord(target)} ${spoken.options}`;
  const split = splitSaveWords(`${head.join(' ')} ${spoken.matches} ${tail}`);
  if (!split.ok) return null;
  return {
    number: number?.value ?? null,
    packets: packets?.value ?? null,
    bytes: bytes?.value ?? null,
    isRounded: (packets?.isRounded ?? false) || (bytes?.isRounded ?? false),
    isV6: src.text.includes(':') || dst.text.includes(':'),
    words: split.words,
  };
}

/** Powers of 1000: libxtables/xtables.c: xtables_print_num() rounds 100000 and more to K, M, G, T. */
const FACTORS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** A counter, also as policy counters are printed. */
export function readCount(text: string | undefined): { value: number; isRounded: boolean } | null {
  const match = /^(\d+)([KMGT]?)$/.exec(text ?? '');
  if (!match) return null;
  const factor = FACTORS[match[2] ?? ''] ?? 1;
  return { value: Number(match[1]) * factor, isRounded: factor > 1 };
}

interface Layout {
  readonly target: string;
  readonly prot: string;
  readonly opt: string;
  /** Index of the word behind the opt column. */
  readonly next: number;
}

/**
 * The target column is empty for a rule without target, and ip6tables before 1.8.9 left the opt column empty. A word in the opt column
 * decides; without one, the addresses have to stand in their places.
 */
function findLayout(words: readonly string[], at: number, places: number): Layout | null {
  const isOpt = (word: string | undefined) => word === '--' || word === '-f' || word === '!f';
  const [first = '', second = '', third = ''] = words.slice(at);
  if (isProtocol(first) && isOpt(second) && !(isProtocol(second) && isOpt(third)))
    return { target: '', prot: first, opt: second, next: at + 2 };
  if (isProtocol(second) && isOpt(third)) return { target: first, prot: second, opt: third, next: at + 3 };
  const withTarget = at + 2 + places;
  if (isProtocol(second) && isPlace(words[withTarget]) && isPlace(words[withTarget + 1]))
    return { target: first, prot: second, opt: '', next: at + 2 };
  const without = at + 1 + places;
  if (isProtocol(first) && isPlace(words[without]) && isPlace(words[without + 1]))
    return { target: '', prot: first, opt: '', next: at + 1 };
  return null;
}

function isProtocol(word: string): boolean {
  const bare = word.replace(/^!/, '');
  return (
    bare === 'all' ||
    protocolNumber(bare) !== null ||
    /^(hopopt|ggp|igrp|idp|rdp|iso-tp4|xtp|ddp|idpr-cmtp|skip|rspf|vmtp|ax\.25|micp|encap|isis|fc|hip|shim6|wesp|rohc)$/.test(
      bare,
    )
  );
}

function isPlace(word: string | undefined): boolean {
  return (
    word !== undefined && /^!?(anywhere|default|[0-9a-fA-F:.]+(\/[\w.:]+)?|[\w-]+(\.[\w-]+)*(\/[\w.:]+)?)$/.test(word)
  );
}

function address(option: string, text: string): string {
  const bare = text.replace(/^!/, '');
  if (!text.startsWith('!') && /^(anywhere|default|0\.0\.0\.0\/0|::\/0)$/.test(bare)) return '';
  return `${text.startsWith('!') ? '! ' : ''}${option} ${bare}`;
}

function named(option: string, text: string): string {
  if (text === '*' || text === 'any') return '';
  return text.startsWith('!') ? `! ${option} ${quoteWord(text.slice(1))}` : `${option} ${quoteWord(text)}`;
}

interface Spoken {
  matches: string;
  options: string;
}

/** Walks through what is printed behind the addresses, phrase by phrase. */
function readPhrases(text: string, target: string): Spoken {
  const own = TARGET_PHRASES[target] ?? [];
  const out: Spoken = { matches: '', options: '' };
  let unknown = '';
  let openMatch = '';
  const keys = new Set<string>();
  const flushUnknown = () => {
    const bare = unknown.trim();
    unknown = '';
    if (bare === '') return;
    // Behind the last match it is more likely the target's, where the target is one that prints something.
    if (target !== '' && own.length > 0 && out.options !== '') out.options += ` ${quoteWord(bare, true)}`;
    else out.matches += ` -m unknown ${quoteWord(bare, true)}`;
    openMatch = '';
  };
  let at = 0;
  while (at < text.length) {
    if (text[at] === ' ' || text[at] === '\t') {
      at++;
      unknown += ' ';
      continue;
    }
    const option = findPhrase(own, text, at);
    if (option) {
      flushUnknown();
      out.options += ` ${option.phrase.words(option.found)}`;
      at += option.found[0].length;
      continue;
    }
    const match = findPhrase(MATCH_PHRASES, text, at);
    if (match) {
      flushUnknown();
      const words = match.phrase.words(match.found);
      const name = match.phrase.match;
      const key = match.found[2] ?? '';
      // A second --ctstate begins another -m conntrack.
      const isNew = name !== null && (name !== openMatch || keys.has(key) || name !== 'conntrack');
      if (isNew) keys.clear();
      keys.add(key);
      out.matches += isNew && !words.startsWith('-m ') ? ` -m ${name} ${words}` : ` ${words}`;
      openMatch = name ?? '';
      at += match.found[0].length;
      continue;
    }
    const end = /\s|$/.exec(text.slice(at))?.index ?? 1;
    unknown += text.slice(at, at + Math.max(1, end));
    at += Math.max(1, end);
  }
  flushUnknown();
  return out;
}

function findPhrase(
  phrases: readonly Phrase[],
  text: string,
  at: number,
): { phrase: Phrase; found: RegExpExecArray } | null {
  for (const phrase of phrases) {
    phrase.begin.lastIndex = at;
    const found = phrase.begin.exec(text);
    if (found && found[0] !== '') return { phrase, found };
  }
  return null;
}

/** Whether a word could be a counter or a rule number: what a rule's line begins with. */
export function beginsLikeRule(line: string): boolean {
  const first = /^\s*(\S+)/.exec(line)?.[1] ?? '';
  return isNumber(first) || / (--|-f|!f) /.test(line);
}
