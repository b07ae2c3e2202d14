// ctwhy dyndbg disable is undo for one kind.

import type { CommandInput } from '../../cli/command.js';
import type { ExitCode } from '../../cli/exit-codes.js';
import type { World } from '../../world.js';
import { undo } from '../changes/undo-run.js';

export function run(input: CommandInput, world: World): Promise<ExitCode> {
  return undo(input, world, 'dyndbg');
}
