// Which words can follow which: the same for every shell.

import type { CommandSpec } from '../../cli/command.js';
import { GLOBAL_OPTIONS } from '../../cli/global-options.js';

/** Names that other rooms know. */
export interface CompletionWords {
  /** By the words of a command: what its positional takes. */
  readonly wordsOf: Readonly<Record<string, readonly string[]>>;
  /** By an option: what it takes, where that is no fixed choice. */
  readonly valuesOf: Readonly<Record<string, readonly string[]>>;
}

export interface CompletionTable {
  /** By '' (nothing typed), 'explain', 'reasons' or 'reasons show'. */
  readonly words: ReadonlyMap<string, readonly string[]>;
  /** By spellings of an option: '--output' and '-o'. */
  readonly values: ReadonlyMap<readonly string[], readonly string[]>;
  /** Nouns that have verbs. */
  readonly nouns: readonly string[];
}

/** The table of a program. */
export function completionTable<W>(
  all: readonly CommandSpec<W>[],
  { wordsOf, valuesOf }: CompletionWords,
): CompletionTable {
  const specs = all.filter(({ isHidden }) => isHidden !== true);
  const own = (spec: CommandSpec<W>) => [
    ...(wordsOf[spec.words] ?? []),
    ...[...(spec.options ?? []), ...GLOBAL_OPTIONS].map(({ name }) => `--${name}`),
    '--help',
  ];
  const words = new Map<string, readonly string[]>();
  words.set('', [
    ...new Set(specs.map((spec) => spec.words.split(' ')[0]!)),
    ...GLOBAL_OPTIONS.map(({ name }) => `--${name}`),
    '--help',
    '--version',
  ]);
  const nouns = [...new Set(specs.flatMap((spec) => (spec.words.includes(' ') ? [spec.words.split(' ')[0]!] : [])))];
  for (const noun of nouns) {
    const verbs = specs.filter((spec) => spec.words.startsWith(`${noun} `));
    const silent = verbs.find((spec) => spec.isDefaultVerb === true);
    words.set(noun, [...verbs.map((spec) => spec.words.split(' ')[1]!), ...(silent === undefined ? [] : own(silent))]);
  }
  for (const spec of specs) words.set(spec.words, own(spec));
  const values = new Map<readonly string[], readonly string[]>();
  for (const { name, alias, choices } of [...GLOBAL_OPTIONS, ...specs.flatMap(({ options }) => options ?? [])]) {
    const spellings = [`--${name}`, ...(alias === undefined ? [] : [`-${alias}`])];
    const given = choices ?? valuesOf[`--${name}`];
    if (given !== undefined && ![...values.keys()].some((known) => known[0] === spellings[0]))
      values.set(spellings, given);
  }
  return { words, values, nouns };
}
