// ctwhy help TOPIC.

import type { CommandSpec } from '../../cli/command.js';
import type { World } from '../../world.js';

export const helpCommand: CommandSpec<World> = {
  words: 'help',
  summary: 'help on a topic: formats, time, safety, symptoms and others',
  description: 'Prints a topic. Help on a command: ctwhy COMMAND --help.',
  effect: 'none',
  positionals: [
    {
      name: 'topic',
      describe: 'formats | exit-codes | environment | time | safety | symptoms',
      isOptional: true,
      takesMany: true,
    },
  ],
  examples: [
    { command: 'ctwhy help formats', says: 'what ingest reads' },
    { command: 'ctwhy help exit-codes', says: 'what the exit codes mean' },
  ],
  load: () => import('./help-run.js'),
};
