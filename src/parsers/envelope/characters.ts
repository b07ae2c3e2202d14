// How are digits, blanks and words found in a line without a regular expression? Every position is an offset in the line; -1 says
// "not here".

export const TAB = 9;
export const BLANK = 32;
export const OPEN_BRACKET = 91;
export const CLOSE_BRACKET = 93;
export const COLON = 58;
export const DOT = 46;
export const COMMA = 44;
export const LESS = 60;

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

export function isBlank(code: number): boolean {
  return code === BLANK || code === TAB;
}

/** The offset behind the blanks at `at`. */
export function skipBlanks(line: string, at: number): number {
  let here = at;
  while (isBlank(line.charCodeAt(here))) here++;
  return here;
}

/** The offset of the next blank, or the end of the line. */
export function wordEnd(line: string, at: number): number {
  let here = at;
  while (here < line.length && !isBlank(line.charCodeAt(here))) here++;
  return here;
}

/** The offset behind the digits at `at` (`at` itself when there are none). */
export function digitsEnd(line: string, at: number): number {
  let here = at;
  while (isDigit(line.charCodeAt(here))) here++;
  return here;
}

/** Two digits as a number, -1 when they are not two digits. */
export function twoDigits(line: string, at: number): number {
  const tens = line.charCodeAt(at) - 48;
  const ones = line.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

/** The digits in [from, to) as a number; to - from must be small enough for a double. */
export function digitsValue(line: string, from: number, to: number): number {
  let value = 0;
  for (let here = from; here < to; here++) value = value * 10 + line.charCodeAt(here) - 48;
  return value;
}

/** A decimal fraction's digits [from, to) in microseconds, further digits cut off: '5' is 500000. */
export function fractionUs(line: string, from: number, to: number): number {
  let value = 0;
  for (let place = 0; place < 6; place++) {
    value = value * 10 + (from + place < to ? line.charCodeAt(from + place) - 48 : 0);
  }
  return value;
}
