// The work of ctwhy dyndbg enable.

import { planDyndbg, reasonOf } from '../../changes/plan-dyndbg.js';
import type { CommandInput } from '../../cli/command.js';
import type { ExitCode } from '../../cli/exit-codes.js';
import { readCallsites } from '../../survey/callsites.js';
import { readConsoles, slowConsolesReached } from '../../survey/console.js';
import { UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';
import { needRoot } from '../change-session.js';
import { type ChangeRequest, forMs, makeChange, type Refusal } from '../make-change.js';
import { callsiteWish } from './wish.js';

const DEFAULT_MS = 5 * 60_000;
const DEBUG = 7;
/** More callsites than this at once are not a question. */
const MANY = 12;

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const wish = callsiteWish(input);
  if (Object.values(wish).every((part) => part === null))
    throw new UsageError(
      'dyndbg enable needs to know which: --reason, --function, --message or --module',
      'What there is: ctwhy dyndbg list',
    );
  if (wish.reason !== null) reasonOf(wish.reason);
  needRoot(world, 'dyndbg enable');
  const lastsMs = forMs(input, DEFAULT_MS);
  return await makeChange(input, world, async (context): Promise<ChangeRequest> => {
    const { kernelRelease } = world.host.identity();
    const plan = planDyndbg(context, readCallsites(world.host), wish, { forMs: lastsMs, kernelRelease });
    const refusals: Refusal[] = [];
    const count = plan.acts(1).length;
    if (count > MANY)
      refusals.push({
        word: 'broad',
        what: `these are ${count} callsites, some of which print for every packet.`,
        why: 'They have no limit of their own. Choose by reason or message.',
        cheaper: 'dyndbg list',
      });
    const slow = slowConsolesReached(readConsoles(world.host), DEBUG);
    if (slow.length > 0)
      refusals.push({
        word: 'console',
        what: `debug lines would be printed on ${slow.join(', ')} too.`,
        why: 'A serial console takes a millisecond a line and the kernel waits for it. Lower the console log level first: dmesg -n 7',
        cheaper: null,
      });
    return { plan, refusals };
  });
}
