// Undoing and listing for one kind of changes: `trace remove` is `undo`, `tag list` is `changes list`, with nothing of their own but words.

import type { CommandSpec, Example } from '../../cli/command.js';
import { ROW_OUTPUT_OPTIONS } from '../../cli/global-options.js';
import type { ChangeKind } from '../../model/change.js';
import type { World } from '../../world.js';

interface Words {
  readonly words: string;
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly Example[];
}

/** A command that takes back changes of a kind: those that are named, or all of them. */
export function undoOfKind(kind: ChangeKind, words: Words): CommandSpec<World> {
  return {
    ...words,
    effect: 'system',
    positionals: [
      {
        name: 'id',
        describe: 'changes to take back; all of this kind when none is named',
        isOptional: true,
        takesMany: true,
      },
    ],
    options: [
      { name: 'dry-run', describe: 'print the commands that would be run, change nothing', group: 'Safety' },
      { name: 'json', alias: 'j', describe: 'as JSON, stable for scripts', group: 'Output' },
    ],
    load: async () => {
      const { undo } = await import('./undo-run.js');
      return { run: (input, world) => undo(input, world, kind) };
    },
  };
}

/** A command that lists changes of a kind, each read back; what its noun means alone. */
export function listOfKind(kind: ChangeKind, words: Words): CommandSpec<World> {
  return {
    ...words,
    effect: 'none',
    options: [{ name: 'ended', describe: 'also those that were put back', group: 'What' }, ...ROW_OUTPUT_OPTIONS],
    isDefaultVerb: true,
    load: async () => {
      const { listChanges } = await import('./list-run.js');
      return { run: (input, world) => listChanges(input, world, kind) };
    },
  };
}
