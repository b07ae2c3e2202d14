// What of a connection's evidence ctwhy brought about itself, in sentences: explain leaves it out or argues from it, and whoever shows the
// packets says it.

import { timeOfDay } from '../../text/time.js';
import type { Case } from './case.js';
import { startOfTracking, unasked } from './own-changes.js';

/** Empty where nothing is of our own making. */
export function ownDoing({ host, flow, all }: Pick<Case, 'host' | 'flow' | 'all'>): readonly string[] {
  // A connection that is seen to open was not under way.
  const isOpened = flow.proto === 6 && all.some(({ flags }) => /\bSYN\b/.test(flags ?? ''));
  const sentences = all.flatMap(({ row, steps, state }) => {
    const told: string[] = [];
    const started = startOfTracking(host.ownChanges, steps, row.atUs);
    if (started !== null && !isOpened && (state === 'NEW' || state === 'INVALID'))
      told.push(
        `Connection tracking began with ${started.id} of ctwhy at ${timeOfDay(started.madeAtUs, 0)} UTC: what was under way by then is NEW or INVALID by that alone.`,
      );
    const wider = unasked(host.ownChanges, steps, flow.proto, { fromUs: row.atUs, toUs: row.atUs });
    if (wider !== null)
      told.push(
        `Nobody asked for its log_invalid lines: ${wider.id} of ctwhy asked for another protocol, and log_invalid takes one or all.`,
      );
    return told;
  });
  return [...new Set(sentences)];
}
