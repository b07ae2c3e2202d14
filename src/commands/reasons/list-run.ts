// The work of ctwhy reasons list.

import { createMessageCatalogue } from '../../catalogue/match-message.js';
import { type CommandInput, optionValue } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { printRows } from '../../presentation/rows.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { limited, rowFormat, rowLimit } from '../row-output.js';
import { kernelOption } from './kernel-option.js';
import { reasonRows, selectReasons } from './rows.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const kernel = kernelOption(input);
  const filter = {
    kernel,
    proto: optionValue(input, 'proto'),
    outcome: optionValue(input, 'outcome'),
    message: optionValue(input, 'message'),
  };
  const rows = reasonRows(selectReasons(filter, createMessageCatalogue()), kernel).map((row) => [
    row.id,
    row.proto,
    row.outcome,
    row.shown,
    row.message,
  ]);
  printRows(
    world.streams.out,
    { columns: ['id', 'proto', 'outcome', 'shown by', 'message'], rows: limited(rows, rowLimit(input)) },
    { format: rowFormat(input, world), generatedAt: rfc3339(world.clock.nowUs()) },
  );
  return EXIT.done;
}
