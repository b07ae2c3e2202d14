// A line's bytes as text, and how finely its stamp was printed.

import type { KernelLine } from '../../model/kernel-line.js';

const NEWLINE = 0x0a;

/** Text of a line without its end: UTF-8 where it is UTF-8, latin1 otherwise, so that no byte is lost. */
export function lineText(bytes: Buffer, from: number, next: number): string {
  let end = next;
  if (end > from && bytes[end - 1] === NEWLINE) end--;
  if (end > from && bytes[end - 1] === 0x0d) end--;
  const narrow = bytes.toString('latin1', from, end);
  if (!/[\x80-\xff]/.test(narrow)) return narrow;
  const wide = bytes.toString('utf8', from, end);
  return wide.includes('\ufffd') ? narrow : wide;
}

const FRACTION = /\d\d:\d\d:\d\d[.,](\d+)/;

/** Microseconds that the last digit of the wall or epoch stamp stands for: as the record says, else as the text shows. */
export function stampResolutionUs(text: string, envelope: KernelLine): number {
  if (envelope.stampResolutionUs !== undefined) return envelope.stampResolutionUs;
  const digits = FRACTION.exec(text.slice(0, envelope.messageAt))?.[1]?.length ?? 0;
  return digits >= 6 ? 1 : digits >= 3 ? 1000 : 1_000_000;
}
