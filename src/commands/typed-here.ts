// A command of ours that needs rights, as one types it to act where this one did: with sudo, our own name, and the network namespace.

import { type CommandInput, optionValue } from '../cli/command.js';
import type { World } from '../world.js';

/** Words of the option for the namespace that the command line named; empty: the one the person is in. */
function netnsWords(input: CommandInput): string {
  const netns = optionValue(input, 'netns');
  if (netns === null) return '';
  const label = netns.replace(/^\/(?:var\/)?run\/netns\/(?=[\w.-]+$)/, '');
  return ` --netns ${/^[\w.,:/@%+=-]+$/.test(label) ? label : `'${label.replaceAll("'", "'\\''")}'`}`;
}

/** @param words 'bundle case.tar --for 60s' */
export function typedHere(words: string, input: CommandInput, world: World): string {
  return `sudo ${world.programName} ${words}${netnsWords(input)}`;
}
