// The topics of ctwhy help.

import type { CommandInput } from '../cli/command.js';
import { EXIT, EXIT_CODE_MEANINGS, type ExitCode } from '../cli/exit-codes.js';
import { printDocument } from '../presentation/document.js';
import { UsageError } from '../text/errors.js';
import type { World } from '../world.js';

const TOPICS: Readonly<Record<string, () => readonly string[]>> = {
  'exit-codes': () => [
    'Exit codes',
    '',
    ...EXIT_CODE_MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`),
    '',
    'A closed pipe is no error.',
  ],
};

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const topic = (input.positionals['topic'] ?? []).join('-');
  const lines = topic === '' ? null : TOPICS[topic];
  if (lines === undefined)
    throw new UsageError(
      `there is no topic '${topic}'`,
      `Topics: ${Object.keys(TOPICS).join(', ')}. Help on a command: ${world.programName} COMMAND --help`,
    );
  printDocument(
    world.streams.out,
    lines === null
      ? [`Topics: ${Object.keys(TOPICS).join(', ')}`, `Help on a command: ${world.programName} COMMAND --help`]
      : lines(),
  );
  return EXIT.done;
}
