// The work of ctwhy completion: every name of every command as one shell function.

import { type CommandInput, type CommandSpec, positionalOf } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { GLOBAL_OPTIONS } from '../../cli/global-options.js';
import { UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';

/** Names that another room knows: queries and topics are completed as words of their commands. */
export interface CompletionWords {
  readonly specs: readonly CommandSpec<World>[];
  readonly wordsOf: Readonly<Record<string, readonly string[]>>;
}

function optionsOf(spec: CommandSpec<World>): readonly string[] {
  return [...(spec.options ?? []), ...GLOBAL_OPTIONS].map(({ name }) => `--${name}`);
}

/** Bash source; the first two words choose the list, an option with a choice offers its values. */
export function completionScript({ specs, wordsOf }: CompletionWords): string {
  const nouns = [...new Set(specs.map(({ words }) => words.split(' ')[0]!))];
  const cases = nouns.map((noun) => {
    const own = specs.filter(({ words }) => words === noun || words.startsWith(`${noun} `));
    const verbs = own.flatMap(({ words }) => words.split(' ').slice(1));
    const words = [...new Set([...verbs, ...(wordsOf[noun] ?? []), ...own.flatMap(optionsOf)])];
    return `    ${noun}) words='${words.join(' ')}' ;;`;
  });
  const choices = new Map(
    [...specs.flatMap(({ options }) => options ?? []), ...GLOBAL_OPTIONS].flatMap(({ name, alias, choices: given }) =>
      given === undefined ? [] : [[`--${name}${alias === undefined ? '' : `|-${alias}`}`, given] as const],
    ),
  );
  const known = [...nouns, ...GLOBAL_OPTIONS.map(({ name }) => `--${name}`), '--help', '--version'];
  return `_ctwhy() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" noun='' word words=''
  case "$previous" in
${[...choices].map(([names, values]) => `    ${names}) COMPREPLY=($(compgen -W '${values.join(' ')}' -- "$current")); return ;;`).join('\n')}
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) noun="$word"; break ;; esac
  done
  case "$noun" in
${cases.join('\n')}
    *) words='${known.join(' ')}' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _ctwhy ctwhy
`;
}

/** @throws UsageError for a shell it does not know */
export async function printCompletion(
  input: CommandInput,
  world: World,
  specs: readonly CommandSpec<World>[],
): Promise<ExitCode> {
  const shell = positionalOf(input, 'shell') ?? 'bash';
  if (shell !== 'bash' && shell !== 'zsh') throw new UsageError(`completion knows bash and zsh, not '${shell}'`);
  const [{ NAMED_QUERIES }, { TOPICS }] = await Promise.all([
    import('../../store/named-queries.js'),
    import('../help/topics.js'),
  ]);
  const script = completionScript({
    specs,
    wordsOf: { query: NAMED_QUERIES.map(({ name }) => name), help: TOPICS.map(({ name }) => name) },
  });
  world.streams.out.write(shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script);
  return EXIT.done;
}
