// How do people read a message that is stored with its numbers apart? With the numbers of one line, or without them where several lines are meant.

import type { SeenPacket } from './case.js';

const PLACE = /%[a-z]/g;

/** The values that a line's message holds, in their order: what stands for %u, %d and %s. */
export function numbersAt(packet: SeenPacket, step: number): readonly (number | string)[] {
  // Steps of several sightings of one packet keep their own numbers.
  const owner = packet.steps[step]?.owner ?? packet.row;
  const own = packet.steps[step]?.step ?? step;
  const all = owner.extra['numbers'] as Readonly<Record<string, readonly (number | string)[]>> | undefined;
  return all?.[String(own)] ?? [];
}

/** The message of a line as the kernel printed it: 'SEQ is over upper bound 3601 (over the window of the receiver)'. */
export function messageAsPrinted(packet: SeenPacket, step: number): string | null {
  const message = packet.steps[step]?.message?.trim();
  if (message === undefined) return null;
  const numbers = numbersAt(packet, step);
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
