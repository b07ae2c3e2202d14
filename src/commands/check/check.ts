// ctwhy check: five seconds of looking, without switching anything on.

import type { CommandSpec } from '../../cli/command.js';
import { ALL_NETNS_OPTION, DOCUMENT_OUTPUT_OPTIONS, NETNS_OPTION } from '../../cli/global-options.js';
import type { World } from '../../world.js';

export const checkCommand: CommandSpec<World> = {
  words: 'check',
  summary: 'five seconds: stuck sockets, INVALID drops, a full table',
  description:
    'Reads this host twice, five seconds apart, and changes nothing: sockets that stay in FIN-WAIT-1, LAST-ACK, SYN-SENT or CLOSE-WAIT, each with its entry looked up; rules that drop INVALID and whose counters move; the counters of the tracker; the table and its maximum; what ctwhy or others left switched on. Works on a host where nothing was ever prepared. Without root it says what it could not see.',
  effect: 'none',
  options: [
    { name: 'for', argument: 'TIME', describe: 'look for so long instead of 5s', group: 'What' },
    NETNS_OPTION,
    ALL_NETNS_OPTION,
    { name: 'exit-code', describe: 'exit with 10 when something is wrong', group: 'Output' },
    ...DOCUMENT_OUTPUT_OPTIONS,
  ],
  examples: [
    { command: 'sudo ctwhy check', says: 'is something stuck, here and now' },
    { command: 'sudo ctwhy check --exit-code --json', says: 'for monitoring' },
    { command: 'sudo ctwhy check --netns blue', says: 'in another network namespace' },
  ],
  load: () => import('./check-run.js'),
};
