// Whose line is this? The host a log line names, found from its bytes where the line before stood in the same place, by the full
// parser otherwise. A central log has a million of them from a handful of hosts.

import type { KernelLine, KernelMessage } from '../model/kernel-line.js';
import { parseSlow } from './kernel-log/parse-slow.js';
import { lineText } from './split-lines.js';

export interface LineHosts {
  /**
   * The host that bytes[start, end) names, as it is printed; NULL for a line that names none (a continuation, another form).
   * The same text gives the same string object, so that callers may compare by identity.
   */
  of(bytes: Uint8Array, start: number, end: number): string | null;
}

const SPACE = 0x20;
/** Names that were met are looked up by their bytes; a log of more hosts than this is read by the parser. */
const MOST_NAMES = 4096;
/** So many lines in a row that begin alike and name nobody, and such lines are not asked any longer (dmesg's). */
const PATIENCE = 64;
const LONGEST_NAME = 255;

export function openLineHosts(): LineHosts {
  const names = new Map<string, string>();
  /** Lines that named no host, by first byte, since one with this byte named one. */
  const silent = new Uint32Array(256);
  let at = -1;
  let last: Uint8Array = new Uint8Array(0);
  let lastName: string | null = null;

  const remember = (name: string, nameAt: number): string => {
    const known = names.get(name) ?? name;
    if (names.size < MOST_NAMES) names.set(known, known);
    at = nameAt;
    last = Buffer.from(` ${known} `, 'latin1');
    lastName = known;
    return known;
  };

  return {
    of(bytes, start, end) {
      const from = start + at - 1;
      if (lastName !== null && at > 0 && from + last.length <= end && bytes[from] === SPACE) {
        let same = 1;
        while (same < last.length && bytes[from + same] === last[same]) same++;
        if (same === last.length) return lastName;
        let to = from + 1;
        while (to < end && to - from <= LONGEST_NAME && bytes[to] !== SPACE) to++;
        const known = names.get(
          Buffer.from(bytes.buffer, bytes.byteOffset + from + 1, to - from - 1).toString('latin1'),
        );
        if (known !== undefined && bytes[to] === SPACE) return remember(known, at);
      }
      const first = bytes[start] ?? 0;
      if (silent[first]! >= PATIENCE) return null;
      const text = lineText(bytes, start, end);
      const { envelope } = parseSlow(text);
      if (envelope.host === null) {
        silent[first]!++;
        return null;
      }
      silent[first] = 0;
      const nameAt = text.indexOf(` ${envelope.host} `);
      // A name that another stamp or a port surrounds is not found by its place.
      return nameAt < 0 ? envelope.host : remember(envelope.host, nameAt + 1);
    },
  };
}

/** Whether a line is evidence of a kernel: a host none of whose lines is has no place in the store. */
export function isKernelEvidence({
  envelope,
  message,
}: {
  readonly envelope: KernelLine;
  readonly message: KernelMessage;
}): boolean {
  return !envelope.isOtherProgram && message.kind !== 'other';
}
