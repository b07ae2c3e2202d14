// Is this line of a listing the same as last time, but for what runs on? One pass over its bytes, no text: of a million lines most are.

import type { LinePrint } from '../../model/line-print.js';

export interface LinePrinter {
  /**
   * Reads the line bytes[start, end), given without its end. Never throws.
   * @returns an object that the next call reuses; NULL where the line does not begin as an entry does, or a number in it is too large
   */
  print(bytes: Uint8Array, start: number, end: number): LinePrint | null;
}

const SPACE = 32;
const ZERO = 48;
const EQUALS = 61;
const FOUR_EQUALS = 0x3d3d_3d3d;
/** More may not be exact as a number. */
const MOST_DIGITS = 15;

/** Words whose value runs on while an entry stays what it is (libnetfilter_conntrack src/conntrack/snprintf_default.c). */
type Running = 'packets' | 'bytes' | 'use' | 'delta-time';
const RUNNING: ReadonlyArray<readonly [Running, Uint8Array]> = (['packets', 'bytes', 'use', 'delta-time'] as const).map(
  (word) => [word, Buffer.from(` ${word}=`, 'latin1')],
);

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= ZERO && code <= ZERO + 9;
}

/** The word whose '=' stands at a place; NULL: one whose value stands still. */
function runningWord(bytes: Uint8Array, start: number, equals: number): Running | null {
  for (const [word, text] of RUNNING) {
    const from = equals + 1 - text.length;
    if (from < start || bytes[equals - 1] !== text[text.length - 2]) continue;
    let at = 0;
    while (at < text.length && bytes[from + at] === text[at]) at++;
    if (at === text.length) return word;
  }
  return null;
}

/** Where the seconds left begin: behind protocol and number, before which 'ipv4 2' may stand. -1: the line does not begin so. */
function secondsAt(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  // 'ipv4     2 tcp      6 117' or 'tcp      6 117'
  const isExtended = bytes[at] === 0x69 && bytes[at + 1] === 0x70 && bytes[at + 2] === 0x76;
  for (let pair = isExtended ? 2 : 1; pair > 0; pair--) {
    while (at < end && bytes[at] !== SPACE) at++;
    while (at < end && bytes[at] === SPACE) at++;
    if (!isDigit(bytes[at])) return -1;
    while (at < end && isDigit(bytes[at])) at++;
    if (bytes[at] !== SPACE) return -1;
    while (at < end && bytes[at] === SPACE) at++;
  }
  return at;
}

/** Opens a printer. @param command what printed the lines: the same line of another list is another print */
export function openLinePrinter(command: string): LinePrinter {
  const seed = Buffer.from(command, 'utf8');
  const found: { -readonly [Field in keyof LinePrint]: LinePrint[Field] } = {
    hash: 0,
    timeoutS: null,
    packets: null,
    bytes: null,
    replyPackets: null,
    replyBytes: null,
  };
  let view: DataView = new DataView(seed.buffer, seed.byteOffset, seed.length);
  let viewed: Uint8Array = seed;
  let hashA = 0x1234_5678;
  let hashB = 0x2545_f491;
  let digitsEnd = 0;

  /** Takes bytes into the hash up to the next '=', that included, or to the end. Returns where it stopped. */
  const feed = (from: number, end: number): number => {
    let a = hashA;
    let b = hashB;
    let at = from;
    for (; at + 4 <= end; at += 4) {
      const four = view.getInt32(at, true);
      const differs = four ^ FOUR_EQUALS;
      // A byte of them is zero: Alan Mycroft's test.
      if (((differs - 0x0101_0101) & ~differs & 0x8080_8080) !== 0) break;
      a = Math.imul(a ^ four, 2_654_435_761);
      b = Math.imul(b ^ four, 1_597_334_677);
      a ^= a >>> 15;
      b ^= b >>> 13;
    }
    for (let code = 0; at < end && code !== EQUALS; at++) {
      code = view.getUint8(at);
      a = Math.imul(a ^ code, 2_654_435_761);
      b = Math.imul(b ^ code, 1_597_334_677);
    }
    hashA = a;
    hashB = b;
    return at;
  };
  /** The number at a place, its end in digitsEnd; -1: too many digits. */
  const digits = (bytes: Uint8Array, from: number, end: number): number => {
    let at = from;
    let value = 0;
    for (; at < end && isDigit(bytes[at]); at++) value = value * 10 + bytes[at]! - ZERO;
    digitsEnd = at;
    return at - from > MOST_DIGITS ? -1 : value;
  };

  for (let at = 0; at < seed.length; ) at = feed(at, seed.length);
  const [seedA, seedB] = [hashA, hashB];
  return {
    print(bytes, start, end) {
      const seconds = secondsAt(bytes, start, end);
      if (seconds < 0) return null;
      if (bytes !== viewed) {
        viewed = bytes;
        view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      }
      found.timeoutS = found.packets = found.bytes = found.replyPackets = found.replyBytes = null;
      hashA = seedA;
      hashB = seedB;
      let at = start;
      while (at < seconds) at = feed(at, seconds);
      if (at < end && isDigit(bytes[at])) {
        found.timeoutS = digits(bytes, at, end);
        if (found.timeoutS < 0) return null;
        at = digitsEnd;
      }
      while (at < end) {
        at = feed(at, end);
        if (at >= end || !isDigit(bytes[at]) || bytes[at - 1] !== EQUALS) continue;
        const word = runningWord(bytes, start, at - 1);
        if (word === null) continue;
        const value = digits(bytes, at, end);
        if (value < 0) return null;
        at = digitsEnd;
        if (word === 'packets') {
          if (found.packets === null) found.packets = value;
          else found.replyPackets = value;
        } else if (word === 'bytes') {
          if (found.bytes === null) found.bytes = value;
          else found.replyBytes = value;
        }
      }
      let low = Math.imul(hashA ^ (hashA >>> 16), 2_246_822_507);
      low ^= Math.imul(hashB ^ (hashB >>> 13), 3_266_489_909);
      let high = Math.imul(hashB ^ (hashB >>> 16), 2_246_822_507);
      high ^= Math.imul(hashA ^ (hashA >>> 13), 3_266_489_909);
      found.hash = 4_294_967_296 * (high & 0x1f_ffff) + (low >>> 0);
      return found;
    },
  };
}
