// What was seen of the kernel's own answer to a packet, and what follows from it: a branch that says otherwise is struck out, and the
// number in a message pins what was a range.

import type { Verdict } from '../outcome.js';
import { plus } from '../serial.js';
import type { Branch } from './judge-world.js';
import { atLeast, exactly, intersect, onlyNumber, type SeqRange, seqFrom } from './range.js';
import { endOf, type Segment } from './segment.js';
import { type End, type World, withSide } from './world.js';

export interface Observed {
  /** What a rule on the state saw; NULL: not seen. */
  readonly verdict: Verdict | null;
  /** Reason of a log_invalid line, and the number in it. */
  readonly reasonId: string | null;
  readonly number: number | null;
  /** A log_invalid line would have been seen, and there is none. */
  readonly isSilent: boolean;
}

export const NOTHING_OBSERVED: Observed = { verdict: null, reasonId: null, number: null, isSilent: false };

export function isObserved(observed: Observed): boolean {
  return observed.verdict !== null || observed.reasonId !== null;
}

/** RELATED is NEW by grace of a helper, which is not modelled. */
export function isVerdict(observed: Verdict, modelled: Verdict): boolean {
  return observed === modelled || (observed === 'RELATED' && modelled === 'NEW');
}

/** The branch with what the observation adds to it; NULL when they contradict each other. */
export function withObservation(branch: Branch, segment: Segment, observed: Observed): Branch | null {
  if (observed.verdict !== null && !isVerdict(observed.verdict, branch.verdict)) return null;
  if (observed.reasonId === null) return observed.isSilent && branch.message !== null ? null : branch;
  if (observed.reasonId !== branch.reasonId) return null;
  return observed.number === null ? branch : pinned(branch, segment, observed.number);
}

const LEAST_ACK_WINDOW = 66_000;

/** The bound that a message prints is the first number that is not allowed. */
function pinned(branch: Branch, segment: Segment, number: number): Branch | null {
  const from = segment.from;
  const to = from === 0 ? 1 : 0;
  const put = (end: End, name: 'end' | 'maxEnd', range: SeqRange | null): Branch | null => {
    const change = (world: World): World | null => {
      const kept = intersect(world.sides[end][name], range);
      return kept === 'empty' ? null : withSide(world, end, { ...world.sides[end], [name]: kept });
    };
    const before = change(branch.before);
    const next = change(branch.next);
    return before === null || next === null ? null : { ...branch, before, next };
  };
  const { sides } = branch.before;
  switch (branch.reasonId) {
    case 'tcp-seq-over-upper-bound':
      return put(from, 'maxEnd', exactly(plus(number, -1)));
    case 'tcp-ack-over-upper-bound':
      return put(to, 'end', exactly(plus(number, -1)));
    case 'tcp-seq-under-lower-bound': {
      const { maxWin } = sides[to];
      return put(from, 'end', seqFrom(number, maxWin.lo + 1, maxWin.hi + 1));
    }
    case 'tcp-ack-under-lower-bound': {
      const { maxWin } = sides[from];
      const back = (window: number) => Math.max(LEAST_ACK_WINDOW, window) + 1;
      return put(to, 'end', seqFrom(number, back(maxWin.lo), back(maxWin.hi)));
    }
    case 'tcp-bytes-more-than-expected': {
      const end = onlyNumber(endOf(segment));
      return end === null ? branch : put(from, 'maxEnd', exactly(plus(end, 1 - number)));
    }
    case 'tcp-invalid-rst':
      return segment.seq === null ? branch : refusedReset(branch, to, segment.seq);
    default:
      return branch;
  }
}

function refusedReset(branch: Branch, to: End, seq: number): Branch | null {
  const side = branch.before.sides[to];
  const kept = intersect(side.maxAck, atLeast(plus(seq, 1)));
  if (kept === 'empty') return null;
  const known = { ...side, hasMaxAck: true, maxAck: kept };
  return { ...branch, before: withSide(branch.before, to, known), next: withSide(branch.next, to, known) };
}
