// Every command, in the order of the help.

import type { CommandSpec } from '../cli/command.js';
import type { World } from '../world.js';
import { helpCommand } from './help.js';
import { queryCommand } from './query.js';
import { statusCommand } from './status.js';

export const COMMANDS: readonly CommandSpec<World>[] = [statusCommand, queryCommand, helpCommand];
