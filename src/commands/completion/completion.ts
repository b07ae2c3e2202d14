// ctwhy completion: a script for the shell.

import type { CommandSpec } from '../../cli/command.js';
import type { World } from '../../world.js';

/** @param specs every command, asked for when the script is made (this one is among them) */
export const completionCommand = (specs: () => readonly CommandSpec<World>[]): CommandSpec<World> => ({
  words: 'completion',
  summary: 'a script that completes commands and options in the shell',
  description:
    'Prints a script for bash, zsh or fish. Commands, options with their choices, named queries, topics and ids of reasons are in it: completing starts no program and touches nothing.',
  effect: 'none',
  positionals: [
    { name: 'shell', describe: 'bash (when none is given), zsh or fish', isOptional: true, takesMany: false },
  ],
  examples: [
    { command: 'ctwhy completion > /etc/bash_completion.d/ctwhy', says: 'for every user of bash' },
    { command: 'ctwhy completion zsh > ~/.zfunc/_ctwhy', says: 'for zsh, in a folder of $fpath' },
    { command: 'ctwhy completion fish > ~/.config/fish/completions/ctwhy.fish', says: 'for fish' },
  ],
  async load() {
    const { printCompletion } = await import('./completion-run.js');
    return { run: (input, world) => printCompletion(input, world, specs()) };
  },
});
