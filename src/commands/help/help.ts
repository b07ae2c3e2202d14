// ctwhy help TOPIC.

import type { CommandSpec } from '../../cli/command.js';
import type { World } from '../../world.js';

/** @param specs every command, asked for when one of them is the topic (this one is among them) */
export const helpCommand = (specs: () => readonly CommandSpec<World>[]): CommandSpec<World> => ({
  words: 'help',
  summary: 'help on a topic or a command',
  description: 'Prints a topic, or the help of a command. Alone it lists the topics.',
  effect: 'none',
  positionals: [
    {
      name: 'topic',
      describe: 'symptoms, formats, time, safety, environment, exit-codes, or a command',
      isOptional: true,
      takesMany: true,
    },
  ],
  examples: [
    { command: 'ctwhy help formats', says: 'what ingest reads' },
    { command: 'ctwhy help exit-codes', says: 'what the exit codes mean' },
    { command: 'ctwhy help reasons list', says: 'the same as ctwhy reasons list --help' },
  ],
  async load() {
    const { printTopic } = await import('./help-run.js');
    return { run: (input, world) => printTopic(input, world, specs()) };
  },
});
