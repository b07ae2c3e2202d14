// ctwhy changes: what was done to this host, and whether it still stands.

import type { CommandSpec } from '../../cli/command.js';
import { ROW_OUTPUT_OPTIONS } from '../../cli/global-options.js';
import type { World } from '../../world.js';

export const changesListCommand: CommandSpec<World> = {
  words: 'changes list',
  summary: 'what ctwhy changed on this host, and whether it stands',
  description:
    'Lists the journal of changes. Each that is on is read back: CHANGED says that somebody else set it since, GONE that it is not there any more, LATE that its time is over.',
  effect: 'none',
  options: [{ name: 'ended', describe: 'also those that were put back', group: 'What' }, ...ROW_OUTPUT_OPTIONS],
  examples: [
    { command: 'ctwhy changes', says: 'what is on' },
    { command: 'ctwhy changes --ended', says: 'and what was' },
  ],
  isDefaultVerb: true,
  load: () => import('./list-run.js'),
};

export const changesShowCommand: CommandSpec<World> = {
  words: 'changes show',
  summary: 'one change: before, after, what undoes it, how it stands',
  description:
    'Prints the acts of a change with what was there before, the exact command that takes each back, and what reading it back says now.',
  effect: 'none',
  positionals: [
    { name: 'id', describe: 'the change, as ctwhy changes names it: C7', isOptional: false, takesMany: false },
  ],
  options: [{ name: 'json', alias: 'j', describe: 'as JSON, stable for scripts', group: 'Output' }],
  examples: [
    { command: 'ctwhy changes show C7', says: 'all about one' },
    { command: 'ctwhy changes show 7 --json', says: 'for a script' },
  ],
  load: () => import('./show-run.js'),
};

export const changesKeepCommand: CommandSpec<World> = {
  words: 'changes keep',
  summary: 'watch one change and end it in time',
  description:
    'Runs in the background beside a change: ends it when its time is over and switches it off when it floods the log.',
  effect: 'system',
  isHidden: true,
  positionals: [
    { name: 'id', describe: 'the change, as ctwhy changes names it: C7', isOptional: false, takesMany: false },
  ],
  examples: [
    { command: 'ctwhy changes keep C7', says: 'started by ctwhy itself' },
    { command: 'ctwhy changes keep 7', says: 'the same' },
  ],
  load: () => import('./keep-run.js'),
};
