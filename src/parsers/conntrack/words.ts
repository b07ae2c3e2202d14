// Numbers, addresses and short texts out of a line, without an intermediate string for each: a listing has a million lines.

import { isIPv6 } from 'node:net';
import { canonicalAddress } from '../../text/address.js';

/** A place in a text; the read functions move it. */
export interface Scan {
  text: string;
  at: number;
}

const SPACE = 32;
const TAB = 9;
const RETURN = 13;
const DOT = 46;
const COLON = 58;
const ZERO = 48;
const NINE = 57;
const MEMO_LIMIT = 65_536;

export function isBlank(code: number): boolean {
  return code === SPACE || code === TAB || code === RETURN;
}

export function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

export function skipBlanks(scan: Scan): void {
  const { text } = scan;
  let at = scan.at;
  while (at < text.length && isBlank(text.charCodeAt(at))) at++;
  scan.at = at;
}

/** End of the word that begins at `from`: the next blank or the end of the text. */
export function endOfWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && !isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** Reads decimal digits at the scan's place and moves behind them; NaN where there are none or the number is too large to be exact. */
export function readDigits(scan: Scan): number {
  const { text } = scan;
  let at = scan.at;
  let value = 0;
  while (at < text.length) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
    at++;
  }
  if (at === scan.at) return Number.NaN;
  scan.at = at;
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Bounded maps from what is printed to one string for all: values repeat by the thousand. */
const otherTexts = new Map<string, string>();

/** One shared copy of a short text that holds on to no line. */
export function shared(text: string): string {
  const known = otherTexts.get(text);
  if (known !== undefined) return known;
  if (otherTexts.size >= MEMO_LIMIT) otherTexts.clear();
  const own = Buffer.from(text, 'utf8').toString('utf8');
  otherTexts.set(own, own);
  return own;
}

/** Canonical text of an address as conntrack or the kernel prints it; anything else comes back as it is. */
export function sharedAddress(text: string): string {
  return ipv6Texts.get(text) ?? (isIPv6(text) ? canonicalIpv6(text) : shared(text));
}

const ipv6Texts = new Map<string, string>();

function canonicalIpv6(text: string): string {
  if (ipv6Texts.size >= MEMO_LIMIT) ipv6Texts.clear();
  const canonical = shared(canonicalAddress(text));
  ipv6Texts.set(Buffer.from(text, 'latin1').toString('latin1'), canonical);
  return canonical;
}

/**
 * Reads an address at the scan's place up to the next blank and moves behind it.
 * @returns canonical text, or the word as printed when it is no address (masked by its sender, cut)
 */
export function readAddress(scan: Scan): string {
  const { text } = scan;
  const from = scan.at;
  let at = from;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isDigit(code)) {
      // A leading zero is no canonical dotted quad: left as printed.
      if (digits > 0 && part === 0) break;
      part = part * 10 + (code - ZERO);
      digits++;
      if (digits > 3 || part > 255) break;
    } else if (code === DOT && digits > 0 && dots < 3) {
      part = 0;
      digits = 0;
      dots++;
    } else break;
  }
  const isWordEnd = at >= text.length || isBlank(text.charCodeAt(at));
  if (isWordEnd && dots === 3 && digits > 0) {
    scan.at = at;
    return text.slice(from, at);
  }
  const end = endOfWord(text, at);
  scan.at = end;
  const word = text.slice(from, end);
  return hasColon(word) ? sharedAddress(word) : shared(word);
}

function hasColon(word: string): boolean {
  for (let at = 0; at < word.length; at++) if (word.charCodeAt(at) === COLON) return true;
  return false;
}

/** 'ip6' for what holds a colon, 'ip' for a dotted quad, NULL for a masked or unreadable address. */
export function familyOf(address: string): 'ip' | 'ip6' | null {
  let dots = 0;
  let others = 0;
  for (let at = 0; at < address.length; at++) {
    const code = address.charCodeAt(at);
    if (code === COLON) return 'ip6';
    if (code === DOT) dots++;
    else if (!isDigit(code)) others++;
  }
  return dots === 3 && others === 0 ? 'ip' : null;
}
