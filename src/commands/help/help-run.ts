// The work of ctwhy help.

import type { CommandInput, CommandSpec } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { commandHelp, nounHelp } from '../../cli/help-page.js';
import { nearest } from '../../cli/usage-words.js';
import { printDocument } from '../../presentation/document.js';
import { UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';
import { TOPICS } from './topics.js';

/** @throws UsageError for what is neither a topic nor a command */
export async function printTopic(
  input: CommandInput,
  world: World,
  specs: readonly CommandSpec<World>[],
): Promise<ExitCode> {
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
    const words = asked.replaceAll('-', ' ');
    const place = { name: world.programName, width: world.streams.out.width };
    const spec = specs.find((one) => one.words === words || one.words === asked);
    const verbs = specs.filter((one) => one.words.startsWith(`${asked} `));
    if (spec !== undefined || verbs.length > 0) {
      world.streams.out.write(spec !== undefined ? commandHelp(spec, place) : nounHelp(asked, verbs, place));
      return EXIT.done;
    }
    const names = [...TOPICS.map(({ name }) => name), ...input.knownCommands.map((one) => one.split(' ')[0]!)];
    const meant = nearest(asked, names);
    throw new UsageError(
      `there is no topic '${asked}'${meant === null ? '' : `; did you mean ${meant}?`}`,
      `Topics: ${TOPICS.map(({ name }) => name).join(', ')}. ${command}`,
    );
  }
  printDocument(world.streams.out, await topic.lines(world, input.knownCommands));
  return EXIT.done;
}
