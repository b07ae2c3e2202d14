// The words of a dump that are no KEY=value: flags, fragment marks, IPv6 extension headers, TRUNCATED, INCOMPLETE, options.

import { type DumpState, FLAG_WORDS } from './dump-state.js';

/** What a bare word at the reader's position was: the offset behind it, or one of these. */
export const NOT_A_WORD = -1;
/** The word is here but its end is not: the line was cut inside. */
export const CUT_INSIDE = -2;

type WordReader = (state: DumpState, text: string, behind: number, end: number) => number;

const flagBits = new Map<string, number>(FLAG_WORDS.map((word, index) => [word, 1 << index]));

function flag(bit: number): WordReader {
  return (state, _text, behind) => {
    state.flagBits |= bit;
    state.hasFlagWord = true;
    return behind;
  };
}

function skipBlanks(text: string, at: number, end: number): number {
  let here = at;
  while (here < end && text.charCodeAt(here) <= 32) here++;
  return here;
}

/** 'OPT (020405B4)' of IPv4 or TCP, 'OPT ( … )' around an IPv6 extension header. */
const options: WordReader = (state, text, behind, end) => {
  const open = skipBlanks(text, behind, end);
  if (open >= end) return CUT_INSIDE;
  if (text.charAt(open) !== '(') return NOT_A_WORD;
  const close = text.indexOf(')', open);
  if (close < 0 || close >= end) {
    // ESP ends the line inside its parentheses in no kernel; what is open here was cut.
    return CUT_INSIDE;
  }
  const inside = text.slice(open + 1, close);
  const packet = state.packet;
  if (state.phase === 'transport' && packet.proto !== 50) {
    if (inside === 'TRUNCATED') {
      packet.isTruncated = true;
      state.isEnded = true;
    } else if (/^[0-9A-Fa-f]*$/.test(inside) && packet.tcpOptions === null) packet.tcpOptions = inside;
    else return NOT_A_WORD;
    return close + 1;
  }
  if (/^[0-9A-Fa-f]+$/.test(inside)) {
    packet.ipOptions = inside;
    return close + 1;
  }
  if (inside === 'TRUNCATED') {
    packet.isTruncated = true;
    return close + 1;
  }
  packet.ipOptions = packet.ipOptions === null ? `(${inside})` : `${packet.ipOptions} (${inside})`;
  return readExtensionHeader(state, text, open + 1, close) ? close + 1 : NOT_A_WORD;
};

/** The words inside 'OPT ( … )': fragment header, AH, ESP, or nothing. */
function readExtensionHeader(state: DumpState, text: string, from: number, to: number): boolean {
  let here = skipBlanks(text, from, to);
  while (here < to) {
    let end = here;
    while (end < to && text.charCodeAt(end) > 32) end++;
    const word = text.slice(here, end);
    const spi = /^SPI=(0x[0-9a-fA-F]{1,8})$/.exec(word)?.[1];
    if (spi !== undefined) {
      if (state.packet.proto === 50) state.packet.spi = Number.parseInt(spi, 16);
      else state.packet.ahSpi = Number.parseInt(spi, 16);
      if (state.packet.proto === 50) state.isEnded = true;
      here = end;
    } else {
      const behind = readBareWord(state, text, here, to);
      if (behind < 0) return false;
      here = behind;
    }
    here = skipBlanks(text, here, to);
  }
  return true;
}

/** 'FRAG:100': units of eight bytes in IPv4, bytes in IPv6 (offset masked with 0xfff8). */
function readFragmentOffset(state: DumpState, text: string, at: number, end: number): number {
  const from = skipBlanks(text, at, end);
  let here = from;
  while (here < end && text.charCodeAt(here) >= 48 && text.charCodeAt(here) <= 57) here++;
  if (here === from) return here >= end ? CUT_INSIDE : NOT_A_WORD;
  const number = Number(text.slice(from, here));
  state.packet.fragmentOffsetBytes =
    state.packet.family === 'ip6' || state.packet.flowLabel !== null ? number : number * 8;
  return here;
}

/** 'INCOMPLETE [8 bytes]' ends a dump; behind an IPv6 'FRAG:' the same word alone means that more fragments follow. */
const incomplete: WordReader = (state, text, behind, end) => {
  const open = skipBlanks(text, behind, end);
  if (text.charAt(open) === '[' && open < end) {
    const match = /^\[(\d{1,15}) bytes\]/.exec(text.slice(open, Math.min(end, open + 32)));
    if (match === null) return CUT_INSIDE;
    state.packet.incompleteBytes = Number(match[1]);
    state.isEnded = true;
    return open + match[0].length;
  }
  const isFragment = state.packet.fragmentOffsetBytes !== null && state.phase === 'network';
  if (isFragment) state.packet.moreFragments = true;
  // ulogd prints the word without a number.
  else if (state.phase === 'transport') state.isEnded = true;
  else return NOT_A_WORD;
  return behind;
};

const WORDS: ReadonlyMap<string, WordReader> = new Map<string, WordReader>([
  ...FLAG_WORDS.map((word): readonly [string, WordReader] => [word, flag(flagBits.get(word) ?? 0)]),
  ['OPT', options],
  ['INCOMPLETE', incomplete],
  [
    'TRUNCATED',
    (state, _text, behind) => {
      state.packet.isTruncated = true;
      state.isEnded = true;
      return behind;
    },
  ],
  [
    'DF',
    (state, _text, behind) => {
      state.packet.dontFragment = true;
      return behind;
    },
  ],
  [
    'MF',
    (state, _text, behind) => {
      state.packet.moreFragments = true;
      return behind;
    },
  ],
  [
    'CE',
    (state, _text, behind) => {
      state.packet.reservedBit = true;
      return behind;
    },
  ],
  ['AH', (_state, _text, behind) => behind],
  [
    'ESP',
    (state, _text, behind) => {
      state.packet.proto = 50;
      return behind;
    },
  ],
  [
    'ARP',
    (state, _text, behind) => {
      if (state.phase !== 'head') return NOT_A_WORD;
      state.phase = 'arp';
      state.packet.family = 'arp';
      return behind;
    },
  ],
]);

/** Whether a word of a dump begins at `at`: what may follow a field whose blank was lost. */
export function bareWordAt(text: string, at: number): string | null {
  for (const word of WORDS.keys()) {
    if (text.startsWith(word, at)) return word;
  }
  return null;
}

/** Flags belong behind WINDOW, fragment marks in front of PROTO. */
function isInPlace(state: DumpState, word: string): boolean {
  if (flagBits.has(word)) {
    const { seq, window, ack, udpLenBytes } = state.packet;
    if (state.phase === 'head') return seq !== null || window !== null || ack !== null;
    return state.phase !== 'arp' && udpLenBytes === null;
  }
  if (word === 'DF' || word === 'MF' || word === 'CE') return state.phase === 'network';
  if (word === 'ESP' || word === 'AH') return state.phase === 'network';
  return true;
}

/**
 * Reads the bare word at `at`.
 * @param end where the dump's text ends.
 * @returns the offset behind it, NOT_A_WORD, or CUT_INSIDE.
 */
export function readBareWord(state: DumpState, text: string, at: number, end: number): number {
  let wordEnd = at;
  while (wordEnd < end && text.charCodeAt(wordEnd) > 32 && text.charAt(wordEnd) !== ']') wordEnd++;
  const word = text.slice(at, wordEnd);
  const reader = WORDS.get(word);
  if (reader !== undefined) {
    return isInPlace(state, word) ? reader(state, text, wordEnd, end) : NOT_A_WORD;
  }
  if (word.startsWith('FRAG:')) return readFragmentOffset(state, text, at + 5, end);
  if (word.startsWith('ID:')) {
    if (word === 'ID:' || !/^[0-9a-fA-F]{8}$/.test(word.slice(3))) return wordEnd === end ? CUT_INSIDE : NOT_A_WORD;
    state.packet.fragmentId = word.slice(3);
    return wordEnd;
  }
  const header = /^Unknown Ext Hdr \d+/.exec(text.slice(at, at + 24));
  if (header !== null) {
    state.isEnded = true;
    state.unknown.push(header[0]);
    return at + header[0].length;
  }
  // Two words whose blank was lost: 'ACKPSH', 'DFPROTO=TCP', and flags cut in the middle: 'PSHR'.
  const first = word.startsWith('URGP') ? null : bareWordAt(text, at);
  if (first !== null && first !== 'AH' && first !== 'AE' && first !== 'CE' && isInPlace(state, first)) {
    return WORDS.get(first)?.(state, text, at + first.length, end) ?? NOT_A_WORD;
  }
  return NOT_A_WORD;
}
