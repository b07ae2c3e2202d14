// What does the packet dump in a kernel log line say, and how much of it is sound? Reads LOG, nft log, log_invalid, TRACE, LOGEMU and
// ebtables dumps, cut and garbled ones as far as they can be trusted.

import type { Packet } from '../../model/packet.js';
import { bareWordAt, CUT_INSIDE, readBareWord } from './bare-words.js';
import { isComplete, isUnedited } from './completeness.js';
import { type DumpState, emptyState, FLAG_WORDS, flagText } from './dump-state.js';
import { isEbtablesDump, parseEbtablesDump } from './ebtables.js';
import { type FieldReader, fieldReader, isField, keyHash } from './fields.js';

export interface PacketDump {
  readonly packet: Packet;
  /** Offset behind the dump; what follows it on the line belongs to something else (and is kept in packet.unknown). */
  readonly end: number;
  /** Offset from which the line could not be trusted, when packet.isCut; the raw rest is kept in packet.unknown. */
  readonly cutAt: number | null;
}

/** A dump while its words are read one after another. */
interface Reading {
  readonly text: string;
  readonly to: number;
  readonly state: DumpState;
  at: number;
  /** Where the word that was read last begins. */
  lastWordAt: number;
  /** Behind the last word that belongs to the dump. */
  soundEnd: number;
  /** Where a word that no dump has stands directly in front of `at`; -1 when the last word was a dump's. */
  strayAt: number;
  /** Where foreign text runs into the dump, or the field that the line's end cut; -1 when neither. */
  brokenAt: number;
  /** Only for a quote: its closing bracket was there. */
  isClosed: boolean;
  /** The word behind `to` that the line's end may have cut; '' when there is none. */
  readonly cutWord: string;
}

/** More characters than this without a blank are no two words of a dump. */
const LONGEST_GLUED = 512;

/** Splits 'LEN=84TOS=0x00' and 'RES=0x00ACK': the offset in `text` where the next word of a dump begins inside [from, to), or -1. */
function gluedWordAt(state: DumpState, read: FieldReader, text: string, from: number, to: number): number {
  if (to - from > LONGEST_GLUED) return -1;
  for (let here = from; here < to; here++) {
    const code = text.charCodeAt(here);
    if (code < 65 || code > 90) continue;
    const equals = text.slice(here, to).indexOf('=') + here;
    const opensField = equals > here && isField(text.slice(here, equals));
    if (!opensField && bareWordAt(text, here) === null) continue;
    // A device may be called anything; only a field ends its name.
    if (!opensField && state.phase === 'head') continue;
    if (read(state, text, from, here) === 'read') return here;
  }
  return -1;
}

/** Whether the next word is a field that only the middle of a dump has. */
function isFieldBehind(text: string, at: number, to: number): boolean {
  const match = /^\s+([A-Z]+)=/.exec(text.slice(at, Math.min(to, at + 16)));
  return match !== null && isField(match[1] ?? '') && !/^(?:IN|OUT|PHYSIN|PHYSOUT)$/.test(match[1] ?? '');
}

function isEllipsis(text: string, from: number, to: number): boolean {
  for (let here = from; here < to; here++) {
    const code = text.charCodeAt(here);
    if (code !== 46 && code !== 0x2026) return false;
  }
  return to - from > 1 || text.charCodeAt(from) === 0x2026;
}

/** A word of the dump was read up to `end`. */
function advance(reading: Reading, end: number): true {
  reading.at = end;
  reading.soundEnd = end;
  reading.strayAt = -1;
  return true;
}

/** The word at `at`, and a stray word in front of it, belong to other text: a dump that was whole stays whole, any other is broken. */
function endAtForeignText(reading: Reading): false {
  const { state, text, to, strayAt } = reading;
  const begin = strayAt < 0 ? reading.at : strayAt;
  if (strayAt >= 0) state.unknown.pop();
  state.unknown.push(text.slice(begin, to));
  reading.lastWordAt = begin;
  if (isComplete(state)) return false;
  reading.brokenAt = begin;
  reading.soundEnd = begin;
  return false;
}

/** The text ends inside the word at `at`. */
function endInsideWord(reading: Reading, wordEnd: number): false {
  reading.state.unknown.push(reading.text.slice(reading.at, wordEnd));
  reading.brokenAt = reading.at;
  reading.soundEnd = reading.to;
  return false;
}

/** The packet that an ICMP error quotes, from its '['. */
function readQuote(reading: Reading): boolean {
  const { state, text, to, at } = reading;
  if (state.packet.icmpType === null || state.isQuote || state.packet.quoted !== null) return endAtForeignText(reading);
  const quote = scan(text, at + 1, to, true, reading.cutWord);
  if (!quote.isClosed && isUnedited(quote.state.packet)) dropDoubtfulFlags(quote.state, reading.cutWord);
  state.packet.quoted = finish(quote.state, quote.isClosed && quote.brokenAt < 0 && isComplete(quote.state));
  if (quote.brokenAt >= 0) {
    reading.brokenAt = quote.brokenAt;
    reading.soundEnd = quote.soundEnd;
    return false;
  }
  if (!quote.isClosed) {
    state.isOpen = true;
    reading.lastWordAt = quote.lastWordAt;
  }
  return advance(reading, quote.at);
}

/** The word [at, wordEnd) is of the form KEY=value, and `read` knows the key. */
function readField(reading: Reading, read: FieldReader, equals: number, wordEnd: number, isSingle: boolean): boolean {
  const { state, text, to, at } = reading;
  let verdict = isSingle ? read(state, text, equals + 1, wordEnd) : 'broken';
  if (verdict === 'read') return advance(reading, wordEnd);
  if (verdict === 'hidden') {
    if (wordEnd === text.length || isFieldBehind(text, wordEnd, to)) return advance(reading, wordEnd);
    state.packet[text.startsWith('SRC', at) ? 'src' : 'dst'] = null;
    return endAtForeignText(reading);
  }
  if (verdict === 'broken') {
    const split = gluedWordAt(state, read, text, equals + 1, wordEnd);
    if (split >= 0) return advance(reading, split);
    const bareEnd = equals + 1 + text.slice(equals + 1, wordEnd).replace(/[,;"']+$/, '').length;
    if (bareEnd < wordEnd) verdict = read(state, text, equals + 1, bareEnd);
    if (verdict === 'read') return advance(reading, wordEnd);
    // Sound fields behind it: the value was edited or lost some digits, and the dump goes on.
    if (verdict === 'broken' && isFieldBehind(text, wordEnd, to)) verdict = 'masked';
  }
  if (verdict === 'masked') {
    const word = text.slice(at, wordEnd);
    state.unknown.push(word);
    if (/=(?:\.\.+|…)$/.test(word)) state.isElided = true;
    return advance(reading, wordEnd);
  }
  return verdict === 'broken' && wordEnd === text.length ? endInsideWord(reading, wordEnd) : endAtForeignText(reading);
}

/** A word without '=', or with a key that no dump has. */
function readOtherWord(reading: Reading, equals: number, wordEnd: number): boolean {
  const { state, text, to, at } = reading;
  if (equals > at) {
    const first = bareWordAt(text, at);
    if (first !== null && isField(text.slice(at + first.length, equals))) {
      const behind = readBareWord(state, text, at, to);
      if (behind >= 0) return advance(reading, behind);
    }
    if (!/^[A-Za-z][\w.-]*$/.test(text.slice(at, equals))) return endAtForeignText(reading);
    state.unknown.push(text.slice(at, wordEnd));
    return advance(reading, wordEnd);
  }
  if (isEllipsis(text, at, wordEnd)) {
    state.isElided = true;
    return advance(reading, wordEnd);
  }
  const behind = readBareWord(state, text, at, to);
  if (behind >= 0) return advance(reading, behind);
  if (behind === CUT_INSIDE) {
    state.isOpen = true;
    return endInsideWord(reading, to);
  }
  // One word that nobody knows is kept; two in a row are another text.
  if (reading.strayAt >= 0) return endAtForeignText(reading);
  state.unknown.push(text.slice(at, wordEnd));
  reading.strayAt = at;
  reading.at = wordEnd;
  return true;
}

/** Reads the word at `at`. @returns whether to go on. */
function readWord(reading: Reading): boolean {
  const { text, to, state, at } = reading;
  const code = text.charCodeAt(at);
  if (state.isQuote && code === 93 /* ] */) {
    reading.isClosed = true;
    reading.at = at + 1;
    return false;
  }
  reading.lastWordAt = at;
  if (code === 91 /* [ */) return readQuote(reading);
  let wordEnd = at;
  let equals = -1;
  let isSingle = true;
  let hash = 0;
  for (; wordEnd < to; wordEnd++) {
    const here = text.charCodeAt(wordEnd);
    if (here <= 32 || (here === 93 && state.isQuote)) break;
    if (here === 61 /* = */) {
      if (equals < 0) equals = wordEnd;
      else isSingle = false;
    } else if (equals < 0) hash = keyHash(hash, here);
  }
  const read = equals > at ? fieldReader(text, at, equals, hash) : null;
  return read === null ? readOtherWord(reading, equals, wordEnd) : readField(reading, read, equals, wordEnd, isSingle);
}

/** Reads words from `from` until the dump ends, the text ends at `to`, or something foreign begins. */
function scan(text: string, from: number, to: number, isQuote: boolean, cutWord = ''): Reading {
  const reading: Reading = {
    text,
    to,
    state: emptyState(isQuote),
    at: from,
    lastWordAt: from,
    soundEnd: from,
    strayAt: -1,
    brokenAt: -1,
    isClosed: false,
    cutWord,
  };
  while (reading.at < to) {
    if (text.charCodeAt(reading.at) <= 32) reading.at++;
    else if (!readWord(reading)) break;
  }
  return reading;
}

function familyOf(state: DumpState): Packet['family'] {
  const packet = state.packet;
  if (packet.family !== null) return packet.family;
  if (packet.flowLabel !== null || packet.trafficClass !== null || packet.proto === 58) return 'ip6';
  if (packet.tos !== null || packet.ipId !== null) return 'ip';
  const type = packet.macProto?.toLowerCase() ?? null;
  if (type === null || packet.src !== null || packet.proto !== null) return null;
  const families: Readonly<Record<string, Packet['family']>> = { '0800': 'ip', '86dd': 'ip6', '0806': 'arp' };
  return families[type] ?? 'other';
}

function finish(state: DumpState, isWhole: boolean): Packet {
  const packet = state.packet;
  packet.family = familyOf(state);
  packet.arp = state.arp;
  packet.unknown = state.unknown;
  packet.isCut = !isWhole;
  if (packet.proto === 6 || (packet.proto === null && state.hasFlagWord)) {
    const isTold = state.hasFlagWord || packet.urgp !== null || packet.res !== null;
    packet.flags = isTold && !state.areFlagsOpen ? flagText(state.flagBits) : null;
  }
  return packet;
}

const URGP = 'URGP=';
const URG_BIT = 1 << FLAG_WORDS.indexOf('URG');
/** The flags that the kernel prints behind URG. */
const BEHIND_URG = URG_BIT - 1;

/** 'ACK URG' at the end of a line is ACK and a cut 'URGP=…': the kernel prints the flag URG in front of ACK. */
function takeBackUrg(state: DumpState, lastWord: string): void {
  if (lastWord !== 'URG' || state.packet.urgp !== null || (state.flagBits & BEHIND_URG) === 0) return;
  state.flagBits &= ~URG_BIT;
  state.unknown.push(lastWord);
}

/** Flag words of a dump that was cut among them tell only some of the flags: better none than a SYN read as a bare ACK. */
function dropDoubtfulFlags(state: DumpState, lastWord: string): void {
  const packet = state.packet;
  if (packet.proto !== 6 || packet.urgp !== null || packet.window === null) return;
  // 'U' and 'UR' are URGP only behind a flag that comes after URG; 'URGP' always is.
  const isUrgp = lastWord.startsWith('URGP') || (state.flagBits & BEHIND_URG) !== 0;
  if (lastWord !== '' && URGP.startsWith(lastWord) && isUrgp) return;
  for (let bit = FLAG_WORDS.length - 1; bit >= 0; bit--) {
    const word = FLAG_WORDS[bit];
    if (word !== undefined && (state.flagBits >> bit) & 1) state.unknown.push(word);
  }
  state.areFlagsOpen = true;
}

/**
 * Reads the packet dump that begins at `from` (at its IN=, OUT=, SRC= or first field; findDump() finds it).
 *
 * @param text the message (or the whole line).
 * @returns the packet with canonical addresses; what cannot be read stays null and its text is kept in `unknown`. A dump that the kernel
 *   did not finish has isCut; then its last word, which may have lost its end, is not believed (unless fields missing in the middle
 *   show that a person shortened the line). Never throws.
 */
export function parsePacketDump(text: string, from: number): PacketDump {
  if (isEbtablesDump(text, from)) return parseEbtablesDump(text, from);
  const first = scan(text, from, text.length, false);
  if (first.brokenAt < 0 && isComplete(first.state)) {
    return { packet: finish(first.state, true), end: first.soundEnd, cutAt: null };
  }
  const touchesEnd = text.length > from && text.charCodeAt(text.length - 1) > 32;
  const isDoubtful = !first.state.isElided && isUnedited(first.state.packet);
  if (first.brokenAt < 0 && touchesEnd && isDoubtful) {
    const lastWord = text.slice(first.lastWordAt);
    const sound = scan(text, from, first.lastWordAt, false, lastWord);
    dropDoubtfulFlags(sound.state, lastWord);
    const kept = sound.state.packet.quoted;
    if (kept === null || !first.state.isOpen) sound.state.unknown.push(lastWord);
    else sound.state.packet.quoted = { ...kept, unknown: [...kept.unknown, lastWord] };
    return { packet: finish(sound.state, false), end: text.length, cutAt: first.lastWordAt };
  }
  if (touchesEnd) takeBackUrg(first.state, text.slice(first.lastWordAt));
  if (isDoubtful && (!touchesEnd || first.brokenAt >= 0)) dropDoubtfulFlags(first.state, '');
  return {
    packet: finish(first.state, false),
    end: first.soundEnd,
    cutAt: first.brokenAt >= 0 ? first.brokenAt : Math.max(first.soundEnd, from),
  };
}
