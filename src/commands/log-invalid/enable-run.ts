// The work of ctwhy log-invalid enable.

import type { PlanContext } from '../../changes/plan.js';
import { planLogInvalid } from '../../changes/plan-log-invalid.js';
import { type CommandInput, hasSwitch, optionValues } from '../../cli/command.js';
import type { ExitCode } from '../../cli/exit-codes.js';
import { readConsoles, slowConsolesReached } from '../../survey/console.js';
import { sampleInvalidRate } from '../../survey/invalid-rate.js';
import { loggerModule } from '../../survey/logger-module.js';
import { readLogging } from '../../survey/logging.js';
import { UsageError } from '../../text/errors.js';
import { protocolNumber } from '../../text/protocols.js';
import type { World } from '../../world.js';
import { type ChangeRequest, forMs, makeChange, type Refusal } from '../make-change.js';

/** Above this many lines a second the log becomes a fault of its own. */
const REFUSED_LINES_PER_S = 200;
/** log_invalid prints at priority 5 since 3.2 (kernel-facts 1.3). */
const NOTICE = 5;

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const protos = protocolsOf(input);
  const family = hasSwitch(input, 'ipv4') ? 4 : hasSwitch(input, 'ipv6') ? 6 : null;
  if (hasSwitch(input, 'ipv4') && hasSwitch(input, 'ipv6')) throw new UsageError('-4 and -6 together leave nothing');
  const wish = { protos, family, forMs: forMs(input, null) } as const;
  const rate = await sampleInvalidRate(world.host, { sleep: (ms) => new Promise((done) => setTimeout(done, ms)) });
  return await makeChange(input, world, async (context: PlanContext): Promise<ChangeRequest> => {
    const plan = await planLogInvalid(context, await readLogging(world.host), wish, (one) =>
      loggerModule(world.host, one),
    );
    const said =
      rate === null ? [] : [`conntrack refuses about ${Math.round(rate)} packets/s here now: that many lines`];
    return { plan: { ...plan, warnings: [...plan.warnings, ...said] }, refusals: refusalsOf(world, rate) };
  });
}

function protocolsOf(input: CommandInput): readonly number[] | null {
  const words = optionValues(input, 'proto').flatMap((text) => text.split(','));
  if (words.length === 0 || words.some((word) => word.toLowerCase() === 'all')) return null;
  const numbers = words.map((word) => {
    const number = protocolNumber(word);
    if (number === null || number === 0 || number > 254)
      throw new UsageError(
        `--proto: there is no protocol '${word}'; give tcp, udp, icmp, icmpv6, sctp, a number, or all`,
      );
    return number;
  });
  return [...new Set(numbers)];
}

function refusalsOf(world: World, rate: number | null): readonly Refusal[] {
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
