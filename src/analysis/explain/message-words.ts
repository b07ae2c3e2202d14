// How do people read a message that is stored with its numbers apart? With the numbers of one line, or without them where several lines are meant.

import type { SeenPacket } from './case.js';

const PLACE = /%[a-z]/g;

/** The message of a line as the kernel printed it: 'SEQ is over upper bound 3601 (over the window of the receiver)'. */
export function messageAsPrinted(packet: SeenPacket, step: number): string | null {
  const message = packet.steps[step]?.message?.trim();
  if (message === undefined) return null;
  const all = packet.row.extra['numbers'] as Readonly<Record<string, readonly (number | string)[]>> | undefined;
  const numbers = all?.[String(step)] ?? [];
  let at = 0;
  return messageWithout(message.replace(PLACE, (place) => String(numbers[at++] ?? place)));
}

/** The message for many lines: what differs from line to line is left out. */
export function messageWithout(message: string): string {
  return message
    .replace(/ ?\([^()]*%[a-z][^()]*\)/g, '')
    .replace(/ ?%[a-z]/g, '')
    .trim();
}
