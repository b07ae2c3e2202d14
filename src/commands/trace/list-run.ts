// ctwhy trace list is changes list for one kind.

import type { CommandInput } from '../../cli/command.js';
import type { ExitCode } from '../../cli/exit-codes.js';
import type { World } from '../../world.js';
import { listChanges } from '../changes/list-run.js';

export function run(input: CommandInput, world: World): Promise<ExitCode> {
  return listChanges(input, world, 'trace');
}
