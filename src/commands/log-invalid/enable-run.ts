// The work of ctwhy log-invalid enable.

import type { PlanContext } from '../../changes/plan.js';
import { planLogInvalid } from '../../changes/plan-log-invalid.js';
import { type CommandInput, hasSwitch, optionValues } from '../../cli/command.js';
import type { ExitCode } from '../../cli/exit-codes.js';
import { sampleInvalidRate } from '../../survey/invalid-rate.js';
import { loggerModule } from '../../survey/logger-module.js';
import { readLogging } from '../../survey/logging.js';
import { UsageError } from '../../text/errors.js';
import { protocolNumber } from '../../text/protocols.js';
import type { World } from '../../world.js';
import { type ChangeRequest, forMs, makeChange } from '../make-change.js';
import { logInvalidRefusals } from './refusals.js';

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
    return { plan: { ...plan, warnings: [...plan.warnings, ...said] }, refusals: logInvalidRefusals(world, rate) };
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
