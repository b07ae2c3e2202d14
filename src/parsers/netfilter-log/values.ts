// Numbers and bytes inside a dump's words, read in place: a line has two dozen of them.

/** Characters that people put in the place of digits. */
const MASK = /^(?:[xX*?.#_…-]+|<.*>|\[.*\])$/;

/** What a value that is no value of its field is: hidden by the sender, or damaged. */
export function unreadable(value: string): 'masked' | 'broken' {
  return value === '' || MASK.test(value) ? 'masked' : 'broken';
}

/** The decimal number text[from, to), -1 when it is none or larger than a double can hold exactly. */
export function decimalValue(text: string, from: number, to: number): number {
  if (to === from || to - from > 16) return -1;
  let number = 0;
  for (let here = from; here < to; here++) {
    const digit = text.charCodeAt(here) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number <= Number.MAX_SAFE_INTEGER ? number : -1;
}

/** The hexadecimal number text[from, to), with or without 0x; -1 when it is none. */
export function hexValue(text: string, from: number, to: number): number {
  const hasMark = text.charCodeAt(from) === 48 && (text.charCodeAt(from + 1) | 32) === 120;
  const start = hasMark ? from + 2 : from;
  if (to <= start || to - start > 8) return -1;
  let number = 0;
  for (let here = start; here < to; here++) {
    const code = text.charCodeAt(here);
    let digit = code - 48;
    if (digit < 0) return -1;
    if (digit > 9) {
      digit = (code | 32) - 87;
      if (digit < 10 || digit > 15) return -1;
    }
    number = number * 16 + digit;
  }
  return number;
}

/** Whether text[from, to) is bytes in hexadecimal with colons between them. */
export function isColonBytes(text: string, from: number, to: number): boolean {
  if ((to - from) % 3 !== 2) return false;
  for (let here = from; here < to; here += 3) {
    if (hexValue(text, here, here + 2) < 0) return false;
    if (here + 2 < to && text.charCodeAt(here + 2) !== 58) return false;
  }
  return true;
}
