// Reads a listing line by line, whoever printed it: conntrack, /proc or conntrackd. Forms say what they own and which list it is.

import type { CtList } from '../../model/conntrack.js';
import { protocolNumber } from '../../text/protocols.js';
import { type Emit, type FormContext, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import { hintOf, hintOfPrompt, type TrackerSubject } from './command.js';
import { clearDraft, draftedEntry, newDraft } from './entry-draft.js';
import { readEntryLine } from './entry-line.js';
import { findExpectation, readExpectationLine } from './expectation-line.js';
import { messageRecord, readToolMessage } from './tool-message.js';
import { endOfWord, isBlank, isDigit } from './words.js';

/** An entry behind something that people or programs put before it: a diff's mark, a file's name, a stamp. */
const BEHIND_PREFIX =
  /(?:^|[\s:|>\]])(?=(?:ipv[46] +\d+ +)?(?:tcp|udp|udplite|icmp|icmpv6|sctp|dccp|gre|unknown) +\d+ (?:.{0,60}? )?src=\S+ +dst=)/;
const EVENT_TAG = /\[(?:NEW|UPDATE|DESTROY)\]/;
/** The beginning of an entry, however early it was cut. */
const CUT_ENTRY =
  /^\s*(?:ipv[46] +(?:2|10) +)?(tcp|udp|udplite|icmp|icmpv6|sctp|dccp|gre|unknown) +\d+(?: +\d+)?(?: +[A-Z_0-9]+)?(?: +src=\S*)?\s*$/;
const CACHED = /\[active since \d+s\]\s*$/;

export interface EntryPlace {
  readonly at: number;
  /** Whether the protocol's name is one we know: an unknown one is taken only where a listing has begun. */
  readonly isKnownProtocol: boolean;
}

const AT_START: EntryPlace = { at: 0, isKnownProtocol: true };

/** Where an entry begins in a line; NULL for lines without one and for events. */
export function findEntry(text: string): EntryPlace | null {
  let at = 0;
  while (at < text.length && isBlank(text.charCodeAt(at))) at++;
  const first = text.charCodeAt(at);
  if (first >= 97 && first <= 122) {
    const nameEnd = endOfWord(text, at);
    let next = nameEnd;
    while (next < text.length && isBlank(text.charCodeAt(next))) next++;
    if (isDigit(text.charCodeAt(next)) && text.indexOf('src=', next) > 0 && text.indexOf('dst=', next) > 0) {
      const name = text.slice(at, nameEnd);
      if (name === 'tcp' || name === 'udp' || name === 'ipv4' || name === 'ipv6' || name === 'unknown') return AT_START;
      if (protocolNumber(name) !== null) return AT_START;
      if (!BEHIND_PREFIX.test(text)) return { at: 0, isKnownProtocol: false };
    }
  }
  if (!text.includes('src=')) return null;
  const found = BEHIND_PREFIX.exec(text);
  if (found === null || EVENT_TAG.test(text.slice(0, found.index + 1))) return null;
  return { at: found.index + found[0].length, isKnownProtocol: true };
}

/** Whether conntrackd printed the line from one of its caches. */
export function isCached(text: string): boolean {
  return text.includes('[active since ') && CACHED.test(text);
}

export interface ListingOptions {
  readonly subject: TrackerSubject;
  /** Where neither a command, a name nor a prompt tells. */
  readonly list: CtList;
  /** Every whole line ends in use=. */
  readonly endsInUse: boolean;
}

/** Opens a reader for a listing. Emits ct-entry, ct-count and, for a cache, expectation records. */
export function openListing(emit: Emit, context: FormContext, options: ListingOptions): FormReader {
  const draft = newDraft();
  const given = hintOf(context);
  const isCache = options.subject === 'cache';
  let list = given !== null && given.subject === options.subject ? given.list : options.list;

  const expectation = (text: string, line: number): LineOutcome => {
    const reading = readExpectationLine(text, 0);
    if ('reason' in reading) return { is: 'unread', ...reading };
    emit({ kind: 'expectation', line, expectation: reading.expectation });
    return TAKEN;
  };

  return {
    line(text, line) {
      const place = findEntry(text);
      if (place !== null) {
        if (isCached(text) !== isCache) return OTHER;
        clearDraft(draft);
        const wrong = readEntryLine(draft, text, place.at, options.endsInUse);
        if (wrong !== null) return { is: 'unread', reason: wrong.reason, at: wrong.at };
        emit({ kind: 'ct-entry', line, list, entry: draftedEntry(draft)! });
        return TAKEN;
      }
      if (isCache && isCached(text) && findExpectation(text) !== null) return expectation(text, line);
      if (text.trim() === '') return TAKEN;
      const typed = hintOfPrompt(text);
      if (typed !== null) {
        if (typed.subject !== options.subject) return OTHER;
        list = typed.list;
        return TAKEN;
      }
      const message = readToolMessage(text);
      if (message !== null) {
        if (message.is === 'shown' && message.what !== 'entries') return OTHER;
        if (message.is === 'failed') return { is: 'unread', reason: `conntrack failed: ${message.text}`, at: 0 };
        const record = messageRecord(message, line);
        if (record !== null) emit(record);
        return TAKEN;
      }
      if (CUT_ENTRY.test(text))
        return { is: 'unread', reason: 'cut before both addresses were named', at: text.length };
      return OTHER;
    },
    end() {},
  };
}
