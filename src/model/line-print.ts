// A line of a listing as what stands still in it and what runs on: enough to tell that an entry only grew older, without reading it.

import type { CtEntry } from './conntrack.js';

export interface LinePrint {
  /** 53 bits of the line, the command that printed it and all its bytes but the digits of the fields below, of use= and of delta-time=. */
  readonly hash: number;
  readonly timeoutS: number | null;
  readonly packets: number | null;
  readonly bytes: number | null;
  readonly replyPackets: number | null;
  readonly replyBytes: number | null;
}

/** Whether the entry that was read of a line says of what runs on what its print says: lines of the same print then do, too. */
export function isPrintOf(print: LinePrint, { timeoutS, origCounters, replyCounters }: CtEntry): boolean {
  return (
    print.timeoutS === timeoutS &&
    print.packets === origCounters.packets &&
    print.bytes === origCounters.bytes &&
    print.replyPackets === replyCounters.packets &&
    print.replyBytes === replyCounters.bytes
  );
}
