// The work of ctwhy reasons show.

import { REASONS, reasonById } from '../../catalogue/all-reasons.js';
import { type CommandInput, hasSwitch, positionalOf } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { documentWidth, printDocument } from '../../presentation/document.js';
import { UsageError } from '../../text/errors.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { reasonDocument } from './document.js';
import { kernelOption } from './kernel-option.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const kernel = kernelOption(input);
  const id = positionalOf(input, 'id') ?? '';
  const reason = reasonById(id);
  if (reason === null) {
    const near = REASONS.filter((one) => one.id.includes(id) || id.includes(one.id)).map((one) => one.id);
    throw new UsageError(
      `there is no reason '${id}'`,
      near.length > 0
        ? `Did you mean ${near.slice(0, 5).join(', ')}?`
        : `All of them: ${world.programName} reasons list`,
    );
  }
  if (hasSwitch(input, 'json'))
    world.streams.out.write(
      `${safeJson(JSON.stringify({ schema: 'ctwhy.reason/1', generatedAt: rfc3339(world.clock.nowUs()), reason }, null, 2))}\n`,
    );
  else printDocument(world.streams.out, reasonDocument(reason, kernel, documentWidth(world.streams.out)));
  return EXIT.done;
}
