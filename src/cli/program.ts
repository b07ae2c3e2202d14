// Builds the yargs program from the list of commands and gives back what the words meant. Nothing here runs a command or ends the process.

import type { Argv } from 'yargs';
import { UsageError } from '../text/errors.js';
import type { CommandInput, CommandSpec, OptionSpec } from './command.js';
import { GLOBAL_OPTIONS } from './global-options.js';
import { commandHelp, nounHelp, programHelp } from './help-page.js';
import { commandWordsOf, nearest, usageSentence } from './usage-words.js';

export type Parsed<W> =
  | { readonly is: 'command'; readonly spec: CommandSpec<W>; readonly input: CommandInput }
  /** Help or version. */
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'nothing' };

export interface ProgramInfo {
  /** Whether a word names a file or folder. */
  readonly isThere: (word: string) => boolean;
  readonly name: string;
  readonly version: string;
  readonly width: number;
}

/**
 * What yargs would get wrong, put right before it sees it:
 * a lone '-' before '--' is standard input (it would be dropped, yargs-parser issue 381);
 * `-r a b 2` reads the files a and b: an option that takes several files takes those that are there, so that what follows keeps its meaning;
 * `--packet '-p tcp'`: the words of that option begin with a dash.
 * @param isThere whether a word names a file or folder
 */
export function repairArguments(
  words: readonly string[],
  isThere: (word: string) => boolean = () => false,
): readonly string[] {
  const end = words.indexOf('--');
  const own = end < 0 ? words : words.slice(0, end);
  const repaired: string[] = [];
  let isTaking = false;
  for (const word of own) {
    if (repaired.at(-1) === '--packet') {
      repaired[repaired.length - 1] = `--packet=${word}`;
      continue;
    }
    const isRead = word === '-r' || word === '--read';
    const isFirst = repaired.at(-1) === '-r' || repaired.at(-1) === '--read';
    if (isTaking && !isFirst && !isRead && !word.startsWith('-') && isThere(word)) repaired.push('-r');
    else if (!isFirst) isTaking = isRead;
    repaired.push(word === '-' ? '/dev/stdin' : word);
  }
  return end < 0 ? repaired : [...repaired, ...words.slice(end)];
}

/** Words after -- that have no use of their own: marked, so that no dash makes an option of them, and put behind the command's words. */
const LITERAL = '\0';

/** SQL may begin with a remark: '-- which reasons …' is no option. */
const isText = (word: string): boolean => /^--?\s/.test(word);

function withLiteralRest<W>(words: readonly string[], spec: CommandSpec<W> | null): readonly string[] {
  const end = words.indexOf('--');
  if (end < 0 || spec === null || spec.takesRest === true) return words;
  const own = words.slice(0, end);
  const depth =
    commandWordsOf(own).length > 1 && spec.words.includes(' ') ? spec.words.split(' ')[1]! : commandWordsOf(own)[0]!;
  const behind = own.indexOf(depth) + 1;
  return [...own.slice(0, behind), ...words.slice(end + 1).map((word) => LITERAL + word), ...own.slice(behind)];
}

function declare(builder: Argv, option: OptionSpec): void {
  const isSwitch = option.argument === undefined;
  builder.option(option.name, {
    ...(option.alias === undefined ? {} : { alias: option.alias }),
    describe: option.argument === undefined ? option.describe : `${option.argument}: ${option.describe}`,
    group: `${option.group}:`,
    ...(isSwitch ? { type: 'boolean' as const } : { type: 'string' as const, requiresArg: true }),
    ...(option.choices === undefined ? {} : { choices: option.choices }),
    coerce: (value: unknown) => {
      if (Array.isArray(value) && option.isRepeatable !== true) {
        // yargs turns a repeated option into an array; a switch said twice is still on.
        if (isSwitch) return value.at(-1) as unknown;
        throw new UsageError(`--${option.name} is given ${value.length} times; once is enough`);
      }
      return value;
    },
  });
}

function usageOf<W>(spec: CommandSpec<W>, words: string): string {
  const positionals = (spec.positionals ?? []).map((one) => {
    const name = one.takesMany ? `${one.name}..` : one.name;
    return one.isOptional ? `[${name}]` : `<${name}>`;
  });
  return [words, ...positionals].join(' ');
}

/**
 * Reads the command line.
 * @param words arguments without node and script
 * @throws UsageError with a hint when they are wrong
 */
export async function parseCommandLine<W>(
  words: readonly string[],
  specs: readonly CommandSpec<W>[],
  info: ProgramInfo,
): Promise<Parsed<W>> {
  let chosen: { spec: CommandSpec<W>; argv: Record<string, unknown> } | null = null;
  let failure: { message: string; error: Error | undefined } | null = null;
  let at = info.name;
  let entered: CommandSpec<W> | null = null;
  const asked = specOf(words, specs, info.name);
  const end = words.indexOf('--');
  const own = end < 0 ? words : words.slice(0, end);
  if (own.includes('--help') || own.includes('-h')) return { is: 'text', text: helpFor(own, asked, specs, info) };
  if (asked === null && (own.includes('--version') || own.includes('-V')))
    return { is: 'text', text: `${info.version}\n` };
  // Help and completion are answered without the parser: it takes longer to load than they take.
  const { default: yargs } = await import('yargs');

  const add = (builder: Argv, spec: CommandSpec<W>, name: string, isHidden = false) =>
    builder.command({
      command: usageOf(spec, name),
      describe: isHidden ? false : spec.summary,
      builder: (inner: Argv) => {
        at = `${info.name} ${spec.words}`;
        entered = spec;
        for (const one of spec.positionals ?? [])
          inner.positional(one.name, {
            describe: one.describe,
            type: 'string',
            ...(one.takesMany ? { array: true } : {}),
          });
        for (const option of spec.options ?? []) declare(inner, option);
        return inner;
      },
      handler: (argv: Record<string, unknown>) => {
        chosen = { spec, argv };
      },
    });

  const program = yargs()
    .scriptName(info.name)
    .exitProcess(false)
    .showHelpOnFail(false)
    .strict()
    .detectLocale(false)
    .parserConfiguration({
      'populate--': true,
      'boolean-negation': false,
      'camel-case-expansion': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .help(false)
    .version(false)
    .fail((message, error) => {
      failure ??= { message: message ?? '', error };
    });
  for (const option of GLOBAL_OPTIONS) declare(program, option);

  const nouns = new Map<string, CommandSpec<W>[]>();
  for (const spec of specs) {
    const [noun, verb] = spec.words.split(' ');
    if (verb === undefined) add(program, spec, spec.words, spec.isHidden);
    else nouns.set(noun!, [...(nouns.get(noun!) ?? []), spec]);
  }
  for (const [noun, verbs] of nouns) {
    const shown = verbs.filter((spec) => spec.isHidden !== true);
    const verbNames = shown.map((spec) => spec.words.split(' ')[1]).join('|');
    program.command(
      noun,
      `${verbNames}: ${verbs[0]!.summary}`,
      (inner) => {
        at = `${info.name} ${noun}`;
        for (const spec of verbs) {
          const verb = spec.words.split(' ')[1]!;
          add(inner, spec, verb, spec.isHidden);
          if (spec.isDefaultVerb === true) add(inner, spec, '$0', true);
        }
        return verbs.some((spec) => spec.isDefaultVerb === true)
          ? inner
          : inner.demandCommand(1, `${noun} needs a verb: ${verbNames}`);
      },
      () => {},
    );
  }

  await program.parseAsync(
    withLiteralRest(repairArguments(words, info.isThere), asked).map((word) => (isText(word) ? LITERAL + word : word)),
  );
  const problem = failure as { message: string; error: Error | undefined } | null;
  if (problem !== null) {
    if (problem.error instanceof UsageError) throw problem.error;
    if (problem.error !== undefined && problem.error.name !== 'YError' && problem.message === '') throw problem.error;
    const noun = (entered as CommandSpec<W> | null)?.words.split(' ')[0];
    const verbs = specs
      .filter((spec) => spec.words.startsWith(`${noun} `))
      .map((spec) => spec.words.slice(spec.words.indexOf(' ') + 1));
    const said = problem.message || problem.error?.message || 'these words are not understood';
    throw new UsageError(usageSentence(said, { spec: entered, verbs, words }), `Try: ${at} --help`);
  }
  const found = chosen as { spec: CommandSpec<W>; argv: Record<string, unknown> } | null;
  return found === null
    ? { is: 'nothing' }
    : { is: 'command', spec: found.spec, input: inputOf(found.spec, found.argv, specs) };
}

/** Help of the command that is asked for; of its noun, or of the program, where no more is said. */
function helpFor<W>(
  words: readonly string[],
  asked: CommandSpec<W> | null,
  specs: readonly CommandSpec<W>[],
  info: ProgramInfo,
): string {
  if (asked === null) return programHelp(specs, info);
  const [noun, verb] = commandWordsOf(words);
  const verbs = specs.filter((spec) => spec.words.startsWith(`${noun} `));
  return verbs.length > 0 && asked.words !== `${noun} ${verb}`
    ? nounHelp(noun!, verbs, info)
    : commandHelp(asked, info);
}

/** The command that the words begin with; NULL where only options stand. @throws UsageError for a word that begins none */
function specOf<W>(
  words: readonly string[],
  specs: readonly CommandSpec<W>[],
  programName: string,
): CommandSpec<W> | null {
  const [first, second] = commandWordsOf(words);
  if (first === undefined) return null;
  const exact = specs.find((spec) => spec.words === `${first} ${second}`) ?? specs.find((spec) => spec.words === first);
  if (exact !== undefined) return exact;
  const ofNoun = specs.filter((spec) => spec.words.startsWith(`${first} `));
  if (ofNoun.length > 0) return ofNoun.find((spec) => spec.isDefaultVerb === true) ?? ofNoun[0]!;
  const meant = nearest(first, [...new Set(specs.map((spec) => spec.words.split(' ')[0]!))]);
  throw new UsageError(
    `there is no command '${first}'${meant === null ? '' : `; did you mean ${meant}?`}`,
    `Commands: ${programName} --help`,
  );
}

function asTexts(value: unknown): readonly string[] {
  return value === undefined || value === null ? [] : Array.isArray(value) ? value.map(String) : [String(value)];
}

function inputOf<W>(
  spec: CommandSpec<W>,
  argv: Record<string, unknown>,
  specs: readonly CommandSpec<W>[],
): CommandInput {
  const switches = new Set<string>();
  const values: Record<string, readonly string[]> = {};
  for (const option of [...GLOBAL_OPTIONS, ...(spec.options ?? [])]) {
    const given = argv[option.name];
    if (option.argument === undefined) {
      if (given === true) switches.add(option.name);
    } else if (given !== undefined) values[option.name] = asTexts(given);
  }
  const positionals = Object.fromEntries(
    (spec.positionals ?? []).map((one) => [
      one.name,
      asTexts(argv[one.name]).map((word) => (word.startsWith(LITERAL) ? word.slice(LITERAL.length) : word)),
    ]),
  );
  return {
    words: spec.words,
    knownCommands: specs.map((one) => one.words),
    positionals,
    rest: asTexts(argv['--']),
    switches,
    values,
  };
}
