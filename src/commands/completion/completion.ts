// ctwhy completion: a script for the shell.

import type { CommandSpec } from '../../cli/command.js';
import type { World } from '../../world.js';

/** @param specs every command, asked for when the script is made (this one is among them) */
export const completionCommand = (specs: () => readonly CommandSpec<World>[]): CommandSpec<World> => ({
  words: 'completion',
  summary: 'a script that completes commands and options in the shell',
  description:
    'Prints a script for bash, or for zsh (which reads the same through bashcompinit). All names are in it: completing starts no program and touches nothing.',
  effect: 'none',
  positionals: [{ name: 'shell', describe: 'bash | zsh', isOptional: true, takesMany: false }],
  examples: [
    { command: 'ctwhy completion > /etc/bash_completion.d/ctwhy', says: 'for every user of bash' },
    { command: 'ctwhy completion zsh >> ~/.zshrc', says: 'for zsh' },
  ],
  async load() {
    const { printCompletion } = await import('./completion-run.js');
    return { run: (input, world) => printCompletion(input, world, specs()) };
  },
});
