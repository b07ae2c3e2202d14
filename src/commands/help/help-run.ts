// The work of ctwhy help.

import type { CommandInput } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { nearest } from '../../cli/usage-words.js';
import { printDocument } from '../../presentation/document.js';
import { UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';
import { TOPICS } from './topics.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const asked = (input.positionals['topic'] ?? []).join('-');
  const command = `Help on a command: ${world.programName} COMMAND --help`;
  if (asked === '') {
    printDocument(world.streams.out, [
      `Topics: ${world.programName} help TOPIC`,
      '',
      ...TOPICS.map(({ name, says }) => `  ${name.padEnd(12)}  ${says}`),
      '',
      command,
    ]);
    return EXIT.done;
  }
  const topic = TOPICS.find(({ name }) => name === asked);
  if (topic === undefined) {
    const names = TOPICS.map(({ name }) => name);
    const meant = nearest(asked, names);
    throw new UsageError(
      `there is no topic '${asked}'${meant === null ? '' : `; did you mean ${meant}?`}`,
      `Topics: ${names.join(', ')}. ${command}`,
    );
  }
  printDocument(world.streams.out, await topic.lines(world, input.knownCommands));
  return EXIT.done;
}
