// The work of ctwhy reasons list.

import { createMessageCatalogue } from '../../catalogue/match-message.js';
import { type CommandInput, hasSwitch, optionValue } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { printRows } from '../../presentation/rows.js';
import { rfc3339 } from '../../text/time.js';
import { fitSentences } from '../../text/wrap.js';
import type { World } from '../../world.js';
import { limited, rowFormat, rowLimit } from '../row-output.js';
import { kernelOption } from './kernel-option.js';
import { type ReasonFilter, reasonRows, selectReasons } from './rows.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const kernel = kernelOption(input);
  const filter = {
    kernel,
    proto: optionValue(input, 'proto'),
    outcome: optionValue(input, 'outcome'),
    message: optionValue(input, 'message'),
  };
  const found = reasonRows(selectReasons(filter, createMessageCatalogue()), kernel);
  if (found.length === 0) sayNothingFits(filter, world);
  const format = rowFormat(input, world);
  // An id begins with its protocol: on a terminal that leaves the room to the message.
  const isShort = format === 'table' && !hasSwitch(input, 'verbose');
  const rows = found.map((row) => [row.id, ...(isShort ? [] : [row.proto]), row.outcome, row.shown, row.message]);
  if (found.length > 0 || format !== 'table')
    printRows(
      world.streams.out,
      {
        columns: ['id', ...(isShort ? [] : ['proto']), 'outcome', 'shown by', 'message'],
        rows: limited(rows, rowLimit(input)),
      },
      { format, generatedAt: rfc3339(world.clock.nowUs()) },
    );
  return EXIT.done;
}

/** What to try instead, on standard error: a script still gets its empty list. */
function sayNothingFits(filter: ReasonFilter, world: World): void {
  const { message } = filter;
  const name = world.programName;
  const lines =
    message === null
      ? ['ctwhy: no reason fits these filters', `All of them: ${name} reasons list`]
      : [
          `ctwhy: no message of the kernel says '${message}'`,
          `Give a word or two of the line, without its numbers: ${name} reasons list --message "invalid new"`,
          `All of them: ${name} reasons list`,
        ];
  world.streams.err.write(fitSentences(lines.join('\n'), world.streams.err));
}
