// What stands against having conntrack print why it refuses packets: too many of them, or a console that is too slow for the lines.

import { readConsoles, slowConsolesReached } from '../../survey/console.js';
import type { World } from '../../world.js';
import type { Refusal } from '../make-change.js';

/** Above this many lines a second the log becomes a fault of its own. */
const REFUSED_LINES_PER_S = 200;
/** log_invalid prints at priority 5 since 3.2 (kernel-facts 1.3). */
const NOTICE = 5;

/** @param rate refused packets a second; NULL: not known */
export function logInvalidRefusals(world: World, rate: number | null): readonly Refusal[] {
  const refusals: Refusal[] = [];
  if (rate !== null && rate > REFUSED_LINES_PER_S)
    refusals.push({
      word: 'rate',
      what: `conntrack refuses ${Math.round(rate)} packets a second here; each would be a line in the log.`,
      why: 'A log that floods hides what it should show, and can slow the host.',
      cheaper: 'tag add --ctstate INVALID --dport PORT',
    });
  const slow = slowConsolesReached(readConsoles(world.host), NOTICE);
  if (slow.length > 0)
    refusals.push({
      word: 'console',
      what: `these lines would be printed on ${slow.join(', ')} too.`,
      why: 'A serial console takes a millisecond a line and the kernel waits for it. Lower the console log level first: dmesg -n 5',
      cheaper: null,
    });
  return refusals;
}
