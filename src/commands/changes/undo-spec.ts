// The words of undoing, the same for `undo` and `changes revert`.

import type { CommandSpec } from '../../cli/command.js';
import { NETNS_OPTION } from '../../cli/global-options.js';
import type { World } from '../../world.js';

export function defineUndo(words: string): CommandSpec<World> {
  return {
    words,
    summary: 'put back what ctwhy changed on this host',
    description:
      'Takes changes back by their number, newest first, and checks by reading. What somebody else changed since is left and named. Works without a store, after a crash, and from another terminal.',
    effect: 'system',
    positionals: [
      { name: 'id', describe: 'changes, as ctwhy changes names them: C7', isOptional: true, takesMany: true },
    ],
    options: [
      { name: 'all', describe: 'all temporary changes', group: 'What' },
      { name: 'standing', describe: 'with --all: also what was made to stay (schedules)', group: 'What' },
      { name: 'strays', describe: 'rules of ours that no journal knows: saved and loaded again', group: 'What' },
      { ...NETNS_OPTION, describe: 'with --strays: in this network namespace' },
      { name: 'dry-run', describe: 'print the commands that would be run, change nothing', group: 'Safety' },
      { name: 'yes', describe: 'with --strays: do not ask (the rest is never asked)', group: 'Safety' },
      {
        name: 'allow',
        argument: 'WORD',
        isRepeatable: true,
        choices: ['changed'],
        describe: 'changed: put back also what somebody else changed since',
        group: 'Safety',
      },
      {
        name: 'because',
        argument: 'WHY',
        choices: ['person', 'time'],
        describe: 'what the journal keeps as the reason',
        group: 'Safety',
      },
      { name: 'json', alias: 'j', describe: 'as JSON, stable for scripts', group: 'Output' },
    ],
    examples: [
      { command: `ctwhy ${words} C7`, says: 'one change' },
      { command: `ctwhy ${words} --all`, says: 'everything that was not made to stay' },
    ],
    load: () => import('./undo-run.js'),
  };
}
