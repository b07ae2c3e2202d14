// What is wrong with a command line, in the words of a person: which command, which option, what it takes, what was perhaps meant.

import type { CommandSpec, OptionSpec } from './command.js';
import { GLOBAL_OPTIONS } from './global-options.js';

/** Optimal string alignment distance: a letter more, less, another, or two exchanged count one each. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** The known word that was perhaps meant; NULL when none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  const ranked = known
    .map((one) => ({ one, far: one.startsWith(word) && word.length > 1 ? 1 : distance(word, one) }))
    .sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= Math.max(1, Math.floor(word.length / 3)) ? best.one : null;
}

/** First words that are no options of every command: `reasons list` of `--db x reasons list`; at most two. */
export function commandWordsOf(words: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (let at = 0; at < words.length && found.length < 2; at++) {
    const word = words[at]!;
    if (word === '--') break;
    if (!word.startsWith('-')) {
      found.push(word);
      continue;
    }
    const option = GLOBAL_OPTIONS.find(({ name, alias }) => word === `--${name}` || word === `-${alias}`);
    if (option?.argument !== undefined) at++;
    // The argument of an option of one command is not known before the command is.
    else if (option === undefined && found.length === 0 && !word.includes('=') && word !== '--help' && word !== '-h')
      break;
  }
  return found;
}

export interface UsageContext<W> {
  /** The command that was recognised; NULL: none. */
  readonly spec: CommandSpec<W> | null;
  /** Verbs of its noun; empty for a command of one word. */
  readonly verbs: readonly string[];
  /** The command line. */
  readonly words: readonly string[];
}

function takes(option: OptionSpec): string {
  return option.choices === undefined ? `a ${option.argument ?? ''}` : `one of ${option.choices.join(', ')}`;
}

/** What yargs said, in our words; its own where it is none of the sentences known here. */
export function usageSentence<W>(said: string, { spec, verbs, words }: UsageContext<W>): string {
  const options = [...GLOBAL_OPTIONS, ...(spec?.options ?? [])];
  const optionOf = (name: string) => options.find((option) => option.name === name || option.alias === name);
  const command = spec?.words ?? 'ctwhy';

  const unknown = /^Unknown (?:arguments?|commands?): (.+)$/.exec(said)?.[1]?.split(', ')[0];
  if (unknown !== undefined) {
    const end = words.indexOf('--');
    const typed = (end < 0 ? words : words.slice(0, end)).find(
      (word) =>
        word === `--${unknown}` || word.startsWith(`--${unknown}=`) || (/^-[^-]/.test(word) && word.includes(unknown)),
    );
    if (typed === undefined) {
      const noun = command.split(' ')[0]!;
      if (verbs.length > 0 && (spec?.positionals ?? []).length === 0) {
        const meant = nearest(unknown, verbs);
        return `${noun} has no verb '${unknown}'${meant === null ? `; it has ${verbs.join(', ')}` : `; did you mean ${meant}?`}`;
      }
      return `${command} takes no further word: '${unknown}'${command === 'query' ? ' (SQL is one word: put it in quotes)' : ''}`;
    }
    const meant = typed.startsWith('--')
      ? nearest(
          unknown,
          options.map(({ name }) => name),
        )
      : null;
    const shown = typed.startsWith('--') ? `--${unknown}` : `-${unknown}`;
    return `${command} has no option ${shown}${meant === null ? '' : `; did you mean --${meant}?`}`;
  }

  const lacking = /^Not enough arguments following: (.+)$/.exec(said)?.[1];
  if (lacking !== undefined) {
    const option = optionOf(lacking);
    return `--${option?.name ?? lacking} needs ${option === undefined ? 'a value' : takes(option)}`;
  }

  if (said.startsWith('Not enough non-option arguments') && spec !== null) {
    const wanted = (spec.positionals ?? []).filter(({ isOptional }) => !isOptional);
    return `${command} needs ${wanted.map(({ name, describe }) => `${name.toUpperCase()} (${describe})`).join(' and ')}`;
  }

  const invalid = /Argument: ([^,]+), Given: (.+?), Choices: /.exec(said);
  const option = invalid === null ? undefined : optionOf(invalid[1]!);
  if (invalid !== null && option !== undefined) {
    const given = invalid[2]!.replace(/^"|"$/g, '');
    const meant = nearest(given, option.choices ?? []);
    return `--${option.name} takes ${takes(option)}, not '${given}'${meant === null ? '' : `; did you mean ${meant}?`}`;
  }
  return said.trim().replace(/\s*\n\s*/g, '; ');
}
