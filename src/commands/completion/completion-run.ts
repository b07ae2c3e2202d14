// The work of ctwhy completion: every name of every command as one script for the shell.

import { type CommandInput, type CommandSpec, positionalOf } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';
import { type CompletionWords, completionTable } from './completion-table.js';
import { bashScript, fishScript, zshScript } from './shell-scripts.js';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** @throws UsageError for a shell it does not know */
export async function printCompletion(
  input: CommandInput,
  world: World,
  specs: readonly CommandSpec<World>[],
): Promise<ExitCode> {
  const shell = positionalOf(input, 'shell') ?? 'bash';
  if (shell !== 'bash' && shell !== 'zsh' && shell !== 'fish')
    throw new UsageError(`completion knows bash, zsh and fish, not '${shell}'`);
  const [{ NAMED_QUERIES }, { TOPICS }, { REASONS }] = await Promise.all([
    import('../../store/named-queries.js'),
    import('../help/topics.js'),
    import('../../catalogue/all-reasons.js'),
  ]);
  const queries = NAMED_QUERIES.map(({ name }) => name);
  const reasons = REASONS.map(({ id }) => id);
  const words: CompletionWords = {
    wordsOf: {
      query: queries,
      help: TOPICS.map(({ name }) => name),
      'reasons show': reasons,
      completion: Object.keys(SCRIPTS),
    },
    valuesOf: { '--show': queries, '--reason': reasons },
  };
  world.streams.out.write(SCRIPTS[shell](completionTable(specs, words)));
  return EXIT.done;
}
