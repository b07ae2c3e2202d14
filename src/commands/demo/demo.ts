// ctwhy demo: the stuck FIN_WAIT_1 incident, recorded on a real host, explained by the same code as everything else.

import type { CommandSpec } from '../../cli/command.js';
import type { World } from '../../world.js';

export const demoCommand: CommandSpec<World> = {
  words: 'demo',
  summary: 'a recorded incident explained, no root, nothing touched',
  description:
    'Reads a bundle that comes with ctwhy (a socket stuck in FIN-WAIT-1, recorded on a real kernel) and explains it, as ctwhy explain -r does with any other.',
  effect: 'none',
  options: [{ name: 'json', alias: 'j', describe: 'as JSON, stable for scripts', group: 'Output' }],
  examples: [
    { command: 'ctwhy demo', says: 'see what an answer looks like' },
    { command: 'ctwhy demo -v', says: 'with the raw lines behind it' },
  ],
  load: () => import('./demo-run.js'),
};
