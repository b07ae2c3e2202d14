// What did a capture lose, as its own counters say? Stretches of time, in so few statements that a capture full of holes stays readable.

import type { Emit } from '../form.js';

export interface Losses {
  /** So many packets were dropped in front of this one; called for every packet. */
  before(count: number, atUs: number | null, packetNumber: number): void;
  /** So many were dropped in all. */
  inAll(count: number, packetNumber: number): void;
  end(): void;
}

/** Losses closer together than this are one stretch. */
const TOGETHER_US = 100_000;
/** More stretches than this run together with the last one. */
const MOST_STRETCHES = 200;

interface Stretch {
  readonly fromUs: number | null;
  toUs: number | null;
  count: number;
  readonly line: number;
}

export function openLosses(emit: Emit): Losses {
  let lastUs: number | null = null;
  let open: Stretch | null = null;
  let stretches = 0;
  let counted = 0;
  let total: { count: number; line: number } | null = null;

  const state = (line: number, fromUs: number | null, toUs: number | null, count: number): void => {
    const why = `the capture says that ${count} packet${count === 1 ? ' was' : 's were'} dropped`;
    emit({
      kind: 'bundle',
      line,
      statement: { kind: 'coverage', what: 'capture', fromUs, toUs, state: 'lost', why },
    });
  };
  const close = (): void => {
    if (open !== null) state(open.line, open.fromUs, open.toUs, open.count);
    open = null;
  };

  return {
    before(count, atUs, packetNumber) {
      if (count > 0) {
        counted += count;
        const isNear = open !== null && (open.toUs === null || lastUs === null || lastUs - open.toUs <= TOGETHER_US);
        if (open !== null && (isNear || stretches >= MOST_STRETCHES)) {
          open.toUs = atUs;
          open.count += count;
        } else {
          close();
          stretches += 1;
          open = { fromUs: lastUs, toUs: atUs, count, line: packetNumber };
        }
      }
      lastUs = atUs ?? lastUs;
    },
    inAll(count, packetNumber) {
      total = { count: (total?.count ?? 0) + count, line: Math.max(1, packetNumber) };
    },
    end() {
      close();
      // What was counted in front of single packets is not told twice.
      if (total !== null && total.count > counted) state(total.line, null, null, total.count - counted);
    },
  };
}
