// The work of ctwhy demo: explain, on the bundle that comes with the program.

import { relative } from 'node:path';
import { type CommandInput, hasSwitch } from '../../cli/command.js';
import type { ExitCode } from '../../cli/exit-codes.js';
import type { World } from '../../world.js';
import { run as explain } from '../explain/explain-run.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const folder = `${world.packageRoot}fixtures/hosts/finwait-deleted`;
  const near = relative(world.workingFolder, folder);
  const path = near.startsWith('..') ? folder : near;
  if (!hasSwitch(input, 'json')) world.streams.out.write(`$ ${world.programName} explain -r ${path}\n\n`);
  return await explain({ ...input, words: 'explain', values: { ...input.values, read: [path] } }, world);
}
