// What an envelope has told so far: the readers of its parts write here, parseEnvelope() makes a KernelLine of it.

import type { Stamp } from '../../model/kernel-line.js';

/** A KernelLine under construction. `chain` and `program` decide how the rest of the line is read. */
export interface EnvelopeDraft {
  stamps: Stamp[];
  host: string | null;
  sequence: number | null;
  facility: number | null;
  severity: number | null;
  caller: string | null;
  chain: string | null;
  isOtherProgram: boolean;
}

export function emptyEnvelope(): EnvelopeDraft {
  return {
    stamps: [],
    host: null,
    sequence: null,
    facility: null,
    severity: null,
    caller: null,
    chain: null,
    isOtherProgram: false,
  };
}

/** Notes a syslog priority value: facility * 8 + severity. */
export function notePriority(draft: EnvelopeDraft, priority: number): void {
  draft.facility = priority >> 3;
  draft.severity = priority & 7;
}
