// Reads one entry in the words of libnetfilter_conntrack and of /proc: `tcp 6 117 TIME_WAIT src=… dst=… sport=… dport=… src=…`.
// Listings, /proc, events and conntrackd's caches share this line; what stands before and behind it is theirs.

import { protocolNumber } from '../../text/protocols.js';
import {
  ACTIVE_SINCE,
  addStatus,
  addUnknown,
  BYTES,
  clearNumber,
  DELTA_TIME,
  DPORT,
  DST_KEY,
  type EntryDraft,
  ICMP_CODE,
  ICMP_ID,
  ICMP_TYPE,
  ID,
  isMirrored,
  isTold,
  MARK,
  PACKETS,
  PORT_ID,
  SIDE,
  SIDE_ZONE,
  SPORT,
  SRC_KEY,
  STATUS_BITS,
  setNumber,
  TIMEOUT,
  told,
  USE,
  ZONE,
} from './entry-draft.js';
import { readOwnStamp } from './own-stamp.js';
import { endOfWord, isBlank, isDigit, readAddress, readDigits, type Scan, shared, skipBlanks } from './words.js';

export interface Unreadable {
  readonly reason: string;
  /** Column, from 0. */
  readonly at: number;
}

type Reading = 'src' | 'dst' | 'number' | 'hex' | 'text' | 'id';

interface Word {
  readonly name: string;
  readonly reads: Reading;
  readonly slot: number;
  /** Largest value the kernel can mean; more is two lines run together. */
  readonly most: number;
}

const PORT_MOST = 65_535;
const U32_MOST = 4_294_967_295;
const word = (name: string, reads: Reading, slot = -1, most = Number.MAX_SAFE_INTEGER): Word => ({
  name,
  reads,
  slot,
  most,
});

/** libnetfilter_conntrack src/conntrack/snprintf_default.c; kernel net/netfilter/nf_conntrack_standalone.c: ct_seq_show(), v6.18. */
const WORDS: readonly Word[] = [
  word('src', 'src'),
  word('dst', 'dst'),
  word('sport', 'number', SPORT, PORT_MOST),
  word('dport', 'number', DPORT, PORT_MOST),
  // An ICMPv6 entry that user space made can print the type of an answer that does not exist, above 255.
  word('type', 'number', ICMP_TYPE, PORT_MOST),
  word('code', 'number', ICMP_CODE, PORT_MOST),
  word('id', 'id', ID, U32_MOST),
  word('srckey', 'hex', SRC_KEY, U32_MOST),
  word('dstkey', 'hex', DST_KEY, U32_MOST),
  word('packets', 'number', PACKETS),
  word('bytes', 'number', BYTES),
  word('zone-orig', 'number', SIDE_ZONE, PORT_MOST),
  word('zone-reply', 'number', SIDE_ZONE, PORT_MOST),
  word('zone', 'number', ZONE, PORT_MOST),
  word('mark', 'number', MARK, U32_MOST),
  word('use', 'number', USE, U32_MOST),
  word('delta-time', 'number', DELTA_TIME),
  word('portid', 'number', PORT_ID, U32_MOST),
  word('helper', 'text'),
  word('labels', 'text'),
  word('secctx', 'text'),
];

/** Same function as in the loop that scans a key. */
function keyHash(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0;
  return hash;
}

/** Open addressing over an array of a power of two: this look-up happens fifteen times a line. */
const TABLE_MASK = 255;
const TABLE: readonly (Word | undefined)[] = tableOf(WORDS);

function tableOf(words: readonly Word[]): (Word | undefined)[] {
  const table = new Array<Word | undefined>(TABLE_MASK + 1).fill(undefined);
  for (const known of words) {
    let place = keyHash(known.name) & TABLE_MASK;
    while (table[place] !== undefined) place = (place + 1) & TABLE_MASK;
    table[place] = known;
  }
  return table;
}

function wordAt(text: string, from: number, to: number, hash: number): Word | undefined {
  for (let place = hash & TABLE_MASK; ; place = (place + 1) & TABLE_MASK) {
    const known = TABLE[place];
    if (known === undefined) return undefined;
    if (known.name.length === to - from && text.startsWith(known.name, from)) return known;
  }
}

const EQUALS = 61;
const OPEN = 91;
const protocols = new Map<string, number>();
const scan: Scan = { text: '', at: 0 };

/** Number of a protocol's name; -1 for 'unknown' and for names that are none. */
function protocolOf(name: string): number {
  const known = protocols.get(name);
  if (known !== undefined) return known;
  const number = protocolNumber(name) ?? -1;
  if (protocols.size < 256) protocols.set(shared(name), number);
  return number;
}

/** Protocol, seconds and state: everything before the addresses. */
function readHead(draft: EntryDraft): Unreadable | null {
  const { text } = scan;
  skipBlanks(scan);
  let nameAt = scan.at;
  let nameEnd = endOfWord(text, nameAt);
  if (text.startsWith('ipv4', nameAt) || text.startsWith('ipv6', nameAt)) {
    draft.family = text.charCodeAt(nameAt + 3) === 54 ? 'ip6' : 'ip';
    scan.at = nameEnd;
    skipBlanks(scan);
    readDigits(scan);
    skipBlanks(scan);
    nameAt = scan.at;
    nameEnd = endOfWord(text, nameAt);
  }
  const named = protocolOf(text.slice(nameAt, nameEnd));
  scan.at = nameEnd;
  skipBlanks(scan);
  const numberAt = scan.at;
  const number = readDigits(scan);
  if (Number.isNaN(number)) {
    if (named < 0) return { reason: 'no protocol number', at: numberAt };
    draft.proto = named;
  } else if (named >= 0 && number !== named) {
    // The blank between protocol and seconds is lost: 'tcp 6431973'.
    const digits = String(named);
    if (!text.startsWith(digits, numberAt)) return { reason: 'protocol name and number differ', at: numberAt };
    draft.proto = named;
    setNumber(draft, TIMEOUT, Number(text.slice(numberAt + digits.length, scan.at)));
  } else if (number > 255) return { reason: 'no protocol number', at: numberAt };
  else draft.proto = number;

  skipBlanks(scan);
  if (isDigit(text.charCodeAt(scan.at))) {
    const timeoutAt = scan.at;
    const timeout = readDigits(scan);
    if (scan.at < text.length && !isBlank(text.charCodeAt(scan.at)))
      return { reason: 'seconds left are no number', at: timeoutAt };
    setNumber(draft, TIMEOUT, timeout);
    skipBlanks(scan);
  }
  const first = text.charCodeAt(scan.at);
  if (first >= 65 && first <= 90) {
    const end = endOfWord(text, scan.at);
    draft.state = shared(text.slice(scan.at, end));
    scan.at = end;
  }
  return null;
}

const ACTIVE = /^active since (\d+)s$/;

/** A piece in brackets: a status, a time, or what conntrackd adds. */
function readBracket(draft: EntryDraft): void {
  const { text, at } = scan;
  const close = text.indexOf(']', at);
  const inside = text.slice(at + 1, close < 0 ? text.length : close);
  scan.at = close < 0 ? text.length : close + 1;
  if (close < 0) addUnknown(draft, shared(text.slice(at)));
  else if (STATUS_BITS.has(inside)) addStatus(draft, inside);
  else if (inside === 'USERSPACE') draft.isUserSpace = true;
  else if (inside.startsWith('start=')) draft.startedLocal = readOwnStamp(inside);
  else if (inside.startsWith('stop=')) draft.stoppedLocal = readOwnStamp(inside);
  else {
    const active = ACTIVE.exec(inside);
    if (active !== null) setNumber(draft, ACTIVE_SINCE, Number(active[1]));
    else if (/^[A-Z][A-Z0-9_]*$/.test(inside)) addStatus(draft, shared(inside));
    else addUnknown(draft, shared(text.slice(at, close + 1)));
  }
}

/** Reads 0x-prefixed hexadecimal, as both GRE keys are printed; NaN for anything else. */
function readHex(): number {
  const end = endOfWord(scan.text, scan.at);
  const digits = scan.text.slice(scan.at, end);
  scan.at = end;
  return /^0x[0-9a-fA-F]{1,8}$/.test(digits) ? Number(digits) : Number.NaN;
}

/** Slot that the value of an `id=` belongs to: ICMP's stands directly behind its type and code, the entry's near the end. */
function idSlot(draft: EntryDraft, side: number): number {
  const isIcmps = isTold(draft, side + ICMP_CODE) && !isTold(draft, side + ICMP_ID);
  return isIcmps ? side + ICMP_ID : ID;
}

/**
 * Reads an entry into a cleared draft.
 * @param from where the entry begins (protocol, or 'ipv4 2' before it)
 * @param isListing every whole line of this form ends in use=: one without is cut, and its last value may be a part of one
 * @returns NULL, or why the line cannot be read. Never throws.
 */
export function readEntryLine(draft: EntryDraft, text: string, from: number, isListing: boolean): Unreadable | null {
  scan.text = text;
  scan.at = from;
  const wrongHead = readHead(draft);
  if (wrongHead !== null) return wrongHead;

  let side = 0;
  let lastSlot = -1;
  let lastEnd = -1;
  for (;;) {
    skipBlanks(scan);
    const keyAt = scan.at;
    if (keyAt >= text.length) break;
    if (text.charCodeAt(keyAt) === OPEN) {
      readBracket(draft);
      continue;
    }
    let hash = 0;
    let at = keyAt;
    let code = 0;
    for (; at < text.length; at++) {
      code = text.charCodeAt(at);
      if (code === EQUALS || isBlank(code)) break;
      hash = (Math.imul(hash, 31) + code) | 0;
    }
    const known = code === EQUALS && at < text.length ? wordAt(text, keyAt, at, hash) : undefined;
    if (known === undefined) {
      scan.at = endOfWord(text, at);
      addUnknown(draft, shared(text.slice(keyAt, scan.at)));
      continue;
    }
    scan.at = at + 1;
    if (known.reads === 'src') {
      if (draft.src === null) draft.src = readAddress(scan);
      else if (draft.replySrc === null && draft.dst !== null) {
        draft.replySrc = readAddress(scan);
        side = SIDE;
      } else return { reason: 'a further src=: two lines run together', at: keyAt };
      continue;
    }
    if (known.reads === 'dst') {
      const isReply = side === SIDE;
      if ((isReply ? draft.replyDst : draft.dst) !== null)
        return { reason: 'a further dst=: two lines run together', at: keyAt };
      if (isReply) draft.replyDst = readAddress(scan);
      else draft.dst = readAddress(scan);
      lastSlot = -1;
      lastEnd = scan.at;
      continue;
    }
    if (known.reads === 'text') {
      const end = endOfWord(text, scan.at);
      draft[known.name as 'helper' | 'labels' | 'secctx'] = shared(text.slice(scan.at, end));
      scan.at = end;
      continue;
    }
    const value = known.reads === 'hex' ? readHex() : readDigits(scan);
    const isWhole = scan.at >= text.length || isBlank(text.charCodeAt(scan.at)) || text.charCodeAt(scan.at) === OPEN;
    if (!isWhole || Number.isNaN(value) || value > known.most) {
      // At the very end it is a cut line, which has told enough before.
      if (endOfWord(text, scan.at) < text.length) return { reason: `${known.name}= has no readable value`, at: keyAt };
      addUnknown(draft, shared(text.slice(keyAt)));
      break;
    }
    const slot =
      known.reads === 'id' ? idSlot(draft, side) : known.slot < SIDE ? known.slot + sideOf(known, side) : known.slot;
    if (slot < SIDE * 2 && isTold(draft, slot))
      return { reason: `a further ${known.name}=: two lines run together`, at: keyAt };
    setNumber(draft, slot, value);
    lastSlot = slot;
    lastEnd = scan.at;
  }
  return judgeEnd(draft, lastEnd === text.length, lastSlot, isListing, from);
}

/** Zones name their side themselves; everything else belongs to the tuple it stands in. */
function sideOf(known: Word, side: number): number {
  if (known.slot !== SIDE_ZONE) return side;
  return known.name === 'zone-reply' ? SIDE : 0;
}

/** Whether a value that ends the line may be the beginning of a longer one, given what it should mirror. */
function mayBeCut(value: number | string, mirror: number | string, isListing: boolean): boolean {
  if (value === mirror) return false;
  return isListing || String(mirror).startsWith(String(value));
}

/** Takes back what a cut line may have told wrongly: an entry with half a port would be another flow's. */
function judgeEnd(
  draft: EntryDraft,
  endsInValue: boolean,
  lastSlot: number,
  isListing: boolean,
  from: number,
): Unreadable | null {
  if (draft.src === null || draft.dst === null) return { reason: 'cut before both addresses were named', at: from };
  if (draft.replySrc === null) {
    if (!endsInValue) return null;
    if (lastSlot < 0) return { reason: 'cut in the middle of the addresses', at: from };
    if (lastSlot < SIDE) clearNumber(draft, lastSlot);
    return null;
  }
  const isListingCut = isListing && !isTold(draft, USE);
  const isDoubtfulAddress =
    endsInValue && lastSlot < 0 && draft.replyDst !== null && mayBeCut(draft.replyDst, draft.src, isListingCut);
  if (draft.replyDst === null || isDoubtfulAddress || !isMirrored(draft, NAMES_A_FLOW)) {
    draft.replySrc = draft.replyDst = null;
    return null;
  }
  if (!endsInValue || lastSlot < SIDE || lastSlot >= SIDE * 2) return null;
  const mirrorSlot = MIRROR.get(lastSlot - SIDE);
  const mirror = mirrorSlot === undefined ? null : told(draft, mirrorSlot);
  if (mirror !== null && mayBeCut(draft.numbers[lastSlot]!, mirror, isListingCut)) clearNumber(draft, lastSlot);
  return null;
}

const NAMES_A_FLOW: readonly number[] = [SPORT, DPORT, ICMP_ID, DST_KEY];

/** Without translation, what the reply's last words show of the original direction. */
const MIRROR: ReadonlyMap<number, number> = new Map([
  [DPORT, SPORT],
  [ICMP_ID, ICMP_ID],
  [DST_KEY, SRC_KEY],
]);
