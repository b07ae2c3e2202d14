// The time in front of a line of tcpdump, and the number that people put before it.

import type { Stamp } from '../../model/kernel-line.js';

export interface LineStamp {
  /** Where the rest begins. */
  readonly at: number;
  readonly atUs: number | null;
  readonly stamp: Stamp | null;
  readonly usOfDay: number | null;
  /** false: neither a time nor a number stood there. */
  readonly hasTime: boolean;
}

const DATE = /(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s+/y;
const TIME = /(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s+/y;
const EPOCH = /(\d{9,11})\.(\d{1,9})\s+/y;
/** -ttt and -ttttt print a length of time with a blank or a minus before it (util-print.c: ts_print(), tcpdump 4.99). */
const SPAN = /[ -]\d\d:\d\d:\d\d\.\d{6,9}\s+/y;
const NUMBER = /\s*#?\d{1,7}[.:)]?\s+/y;
const BLANKS = /\s*/y;

function micros(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.padEnd(6, '0').slice(0, 6));
}

function matchAt(pattern: RegExp, line: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(line);
}

function ofDay(
  hour: string | undefined,
  minute: string | undefined,
  second: string | undefined,
  fraction: string | undefined,
): number {
  return (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1e6 + micros(fraction);
}

function timeAt(line: string, at: number): LineStamp | null {
  const date = matchAt(DATE, line, at);
  if (date !== null) {
    const [all, year, month, day, hour, minute, second, fraction] = date;
    const usOfDay = ofDay(hour, minute, second, fraction);
    const stamp: Stamp = { kind: 'wall', year: Number(year), month: Number(month), day: Number(day), usOfDay };
    return { at: at + all.length, atUs: null, stamp, usOfDay: null, hasTime: true };
  }
  const time = matchAt(TIME, line, at);
  if (time !== null) {
    const [all, hour, minute, second, fraction] = time;
    return {
      at: at + all.length,
      atUs: null,
      stamp: null,
      usOfDay: ofDay(hour, minute, second, fraction),
      hasTime: true,
    };
  }
  const epoch = matchAt(EPOCH, line, at);
  if (epoch !== null) {
    const atUs = Number(epoch[1]) * 1e6 + micros(epoch[2]);
    return { at: at + epoch[0].length, atUs, stamp: null, usOfDay: null, hasTime: true };
  }
  return null;
}

/** @param hasSpans the lines carry lengths of time, which name no moment */
export function readStamp(line: string, hasSpans: boolean): LineStamp {
  const span = hasSpans ? matchAt(SPAN, line, 0) : null;
  if (span !== null) return { at: span[0].length, atUs: null, stamp: null, usOfDay: null, hasTime: true };
  const first = matchAt(BLANKS, line, 0)?.[0].length ?? 0;
  const time = timeAt(line, first);
  if (time !== null) return time;
  const number = matchAt(NUMBER, line, 0);
  const behind = number === null ? first : number[0].length;
  return (
    (number === null ? null : timeAt(line, behind)) ?? {
      at: behind,
      atUs: null,
      stamp: null,
      usOfDay: null,
      hasTime: number !== null,
    }
  );
}

/** Whether a first line shows that the times are lengths (the first packet comes 0 s after itself), or the command says so. */
export function showsSpans(line: string, command: string | null): boolean {
  if (/^ 00:00:00\.0{6,9} /.test(line)) return true;
  return command !== null && /(^|\s)-[a-zA-Z]*(?<!t)t{3}(t{2})?(?!t)/.test(command) && matchAt(SPAN, line, 0) !== null;
}
