// The help of the program, of a noun and of a command: examples first, then options in their groups, as wide as the terminal at most.

import { displayWidth, padColumns } from '../text/display-width.js';
import { wrapCommand, wrapText } from '../text/wrap.js';
import type { CommandSpec, Example, OptionGroup, OptionSpec } from './command.js';
import { GLOBAL_OPTIONS } from './global-options.js';

export interface HelpPlace {
  /** How the program was started, for lines to paste. */
  readonly name: string;
  readonly width: number;
}

/** Help grows no wider than this: longer lines are hard to read. */
const WIDEST = 100;
const GROUPS: readonly OptionGroup[] = ['What', 'Filter', 'Time', 'Input', 'Output', 'Safety', 'General'];
const OWN_OPTIONS: readonly OptionSpec[] = [
  { name: 'help', alias: 'h', describe: 'this help', group: 'General' },
  { name: 'version', alias: 'V', describe: 'the version', group: 'General' },
];

function optionWords({ name, alias, argument }: OptionSpec): string {
  const short = alias === undefined ? '    ' : `-${alias}, `;
  return `${short}--${name}${argument === undefined ? '' : ` ${argument}`}`;
}

/** Two columns; a word that is longer than the first has its sentence below. */
function twoColumns(rows: ReadonlyArray<readonly [left: string, says: string]>, column: number, width: number) {
  const indent = ' '.repeat(column + 4);
  return rows.flatMap(([left, says]) => {
    if (displayWidth(left) > column) return [`  ${left}`, ...wrapText(says, width, indent)];
    return wrapText(says, width, `  ${padColumns(left, column)}  `, indent);
  });
}

function optionLines(options: readonly OptionSpec[], width: number): readonly string[] {
  const rows = options.map((option) => {
    const choices = option.choices === undefined ? '' : `: ${option.choices.join(', ')}`;
    return [optionWords(option), `${option.describe}${choices}`] as const;
  });
  const column = Math.min(26, Math.max(...rows.map(([left]) => displayWidth(left))));
  return GROUPS.flatMap((group) => {
    const own = rows.filter((_, at) => options[at]!.group === group);
    return own.length === 0 ? [] : [group, ...twoColumns(own, column, width), ''];
  });
}

function exampleLines(examples: readonly Example[], { name, width }: HelpPlace): readonly string[] {
  if (examples.length === 0) return [];
  const rows = examples.map(({ command, says }) => ({
    command: command.replace(/(^|[|] )ctwhy\b/g, `$1${name}`),
    says,
  }));
  const column = Math.max(...rows.map(({ command }) => displayWidth(command)));
  const longest = Math.max(...rows.map(({ says }) => displayWidth(says)));
  if (column + longest + 4 <= width)
    return ['Examples', ...rows.map(({ command, says }) => `  ${padColumns(command, column)}  ${says}`), ''];
  return [
    'Examples',
    ...rows.flatMap(({ command, says }) => [
      ...wrapText(`# ${says}`, width, '  '),
      ...wrapCommand(command, width, '  '),
    ]),
    '',
  ];
}

function usageWords<W>({ words, positionals = [], options = [] }: CommandSpec<W>): string {
  const names = positionals.map((one) => {
    const name = `${one.name.toUpperCase()}${one.takesMany ? '…' : ''}`;
    return one.isOptional ? `[${name}]` : name;
  });
  return [words, ...names, ...(options.length > 0 ? ['[OPTIONS]'] : [])].join(' ');
}

function finished(lines: readonly string[]): string {
  return `${lines
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd()}\n`;
}

/** `ctwhy explain --help`. */
export function commandHelp<W>(spec: CommandSpec<W>, place: HelpPlace): string {
  const width = Math.min(WIDEST, place.width);
  const positionals = (spec.positionals ?? []).map((one) => [one.name.toUpperCase(), one.describe] as const);
  const column = Math.max(0, ...positionals.map(([name]) => name.length));
  return finished([
    ...wrapCommand(`${place.name} ${usageWords(spec)}`, width),
    '',
    ...wrapText(spec.description, width),
    '',
    ...exampleLines(spec.examples, { ...place, width }),
    ...(positionals.length > 0 ? [...twoColumns(positionals, column, width), ''] : []),
    ...optionLines([...(spec.options ?? []), ...GLOBAL_OPTIONS, OWN_OPTIONS[0]!], width),
  ]);
}

function commandRows<W>(all: readonly CommandSpec<W>[], width: number): readonly string[] {
  const specs = all.filter(({ isHidden }) => isHidden !== true);
  const column = Math.max(...specs.map(({ words }) => words.length));
  return twoColumns(
    specs.map(({ words, summary }) => [words, summary] as const),
    column,
    width,
  );
}

/** `ctwhy reasons --help`: the verbs of a noun. */
export function nounHelp<W>(noun: string, specs: readonly CommandSpec<W>[], place: HelpPlace): string {
  const width = Math.min(WIDEST, place.width);
  const silent = specs.find((spec) => spec.isDefaultVerb === true);
  return finished([
    `${place.name} ${noun} VERB [OPTIONS]`,
    '',
    ...exampleLines(
      specs.filter(({ isHidden }) => isHidden !== true).flatMap((spec) => spec.examples),
      { ...place, width },
    ),
    'Verbs',
    ...commandRows(specs, width),
    '',
    ...(silent === undefined ? [] : wrapText(`${noun} alone means ${silent.words}.`, width)),
    ...wrapText(`Options of one: ${place.name} ${specs[0]!.words} --help`, width),
  ]);
}

/** `ctwhy --help`. @param examples those of the program as a whole */
export function programHelp<W>(specs: readonly CommandSpec<W>[], place: HelpPlace): string {
  const width = Math.min(WIDEST, place.width);
  const first = (words: string) => specs.find((spec) => spec.words === words)?.examples.slice(0, 1) ?? [];
  return finished([
    `${place.name} COMMAND [OPTIONS]`,
    '',
    ...wrapText('Why did conntrack call that packet INVALID, or NEW?', width),
    '',
    ...exampleLines([...first('demo'), ...first('explain'), ...first('query')], { ...place, width }),
    'Commands',
    ...commandRows(specs, width),
    '',
    ...optionLines([...GLOBAL_OPTIONS, ...OWN_OPTIONS], width),
    ...wrapText(`Options of a command: ${place.name} COMMAND --help`, width),
    ...wrapText(`Topics: ${place.name} help`, width),
  ]);
}
