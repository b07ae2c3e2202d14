// One port used again is another connection: which life of a tuple does a SYN belong to?

import { isFirstSyn } from '../../model/syn.js';

/**
 * Numbers the lives of one connection's tuples, for packets in order of time. A SYN begins the next when it comes after the quiet time,
 * or with another initial sequence number; what has no time stays in the life at hand.
 */
export function openLives(
  quietUs: number,
): (packet: { readonly flags: string | null; readonly atUs: number | null; readonly seq: number | null }) => number {
  let life = 0;
  let last: { readonly atUs: number; readonly seq: number | null } | null = null;
  return ({ flags, atUs, seq }) => {
    if (!isFirstSyn(flags) || atUs === null) return life;
    const isOther = last !== null && last.seq !== null && seq !== null && last.seq !== seq;
    if (last !== null && (atUs - last.atUs > quietUs || isOther)) life++;
    if (last === null || atUs >= last.atUs) last = { atUs, seq: seq ?? (isOther ? null : (last?.seq ?? null)) };
    return life;
  };
}
