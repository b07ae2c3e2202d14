// The kernel's own time in brackets: '[12345.678901] ', with a caller, with dmesg's differences, or as dmesg -T and -e print it.

import {
  CLOSE_BRACKET,
  DOT,
  digitsEnd,
  digitsValue,
  fractionUs,
  isBlank,
  isDigit,
  OPEN_BRACKET,
  skipBlanks,
} from './characters.js';
import { classicTime, isWeekdayAt, minuteTime, weekdayTime } from './clock-times.js';
import type { EnvelopeDraft } from './draft.js';

/** '[ T512]' or '[    C1]' behind the time (CONFIG_PRINTK_CALLER; dmesg of util-linux 2.41 puts a blank between): the offset behind it, or `at`. */
function readCaller(line: string, at: number, draft: EnvelopeDraft): number {
  const open = isBlank(line.charCodeAt(at)) ? at + 1 : at;
  if (line.charCodeAt(open) !== OPEN_BRACKET) return at;
  const from = skipBlanks(line, open + 1);
  const letter = line.charAt(from);
  const end = digitsEnd(line, from + 1);
  if ((letter !== 'T' && letter !== 'C') || end === from + 1 || line.charCodeAt(end) !== CLOSE_BRACKET) return at;
  draft.caller = line.slice(from, end);
  return end + 1;
}

/** 'seconds.micros' behind optional blanks: uptime in microseconds and the offset behind it; us is -1 when it is none. */
function uptimeAt(line: string, at: number): { readonly us: number; readonly end: number } {
  const from = skipBlanks(line, at);
  const dot = digitsEnd(line, from);
  const none = { us: -1, end: at };
  if (dot === from || dot - from > 9 || line.charCodeAt(dot) !== DOT) return none;
  const end = digitsEnd(line, dot + 1);
  if (end === dot + 1 || end - dot > 10) return none;
  return { us: digitsValue(line, from, dot) * 1_000_000 + fractionUs(line, dot + 1, end), end };
}

/** dmesg -d writes '[  12.345678 <    0.000012>]', journalctl -o short-delta '[  12.345678 <    0.000012 >]' or blanks, some vendors '[  12.345678@1]'. The offset of the closing bracket, or -1. */
function behindUptime(line: string, at: number): number {
  const code = line.charCodeAt(at);
  if (code === CLOSE_BRACKET) return at;
  if (code === 64 /* @ */) {
    const end = digitsEnd(line, at + 1);
    return line.charCodeAt(end) === CLOSE_BRACKET ? end : -1;
  }
  const delta = /^ (?:<[ +]*\d+\.\d+ ?>| {4,20})\]/.exec(line.slice(at, at + 28));
  return delta === null ? -1 : at + delta[0].length - 1;
}

/**
 * A bracket that is a time, with the blank behind it.
 * @returns the offset behind it, or -1 when the bracket is something else (a LOG prefix, a tag).
 */
export function readBracketTime(line: string, at: number, draft: EnvelopeDraft): number {
  if (line.charCodeAt(at) !== OPEN_BRACKET) return -1;
  const first = line.charCodeAt(at + 1);
  if (isDigit(first) || isBlank(first)) {
    const uptime = uptimeAt(line, at + 1);
    if (uptime.us >= 0) {
      const close = behindUptime(line, uptime.end);
      if (close < 0) return -1;
      draft.stamps.push({ kind: 'uptime', us: uptime.us });
      return behindTime(line, close + 1, draft);
    }
    // dmesg --reltime: '[  +0.000012] ' tells only the distance from the line before, which this line cannot place.
    const relative = /^\[ *\+\d+\.\d+\]/.exec(line.slice(at, at + 24));
    return relative === null ? -1 : behindTime(line, at + relative[0].length, draft);
  }
  const read = isWeekdayAt(line, at + 1)
    ? weekdayTime(line, at + 1)
    : (minuteTime(line, at + 1) ?? classicTime(line, at + 1));
  if (read === null || line.charCodeAt(read.end) !== CLOSE_BRACKET) return -1;
  draft.stamps.push(read.stamp);
  return behindTime(line, read.end + 1, draft);
}

function behindTime(line: string, at: number, draft: EnvelopeDraft): number {
  const here = readCaller(line, at, draft);
  return isBlank(line.charCodeAt(here)) ? here + 1 : here;
}
