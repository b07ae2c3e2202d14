// What a command is: words, sentences, options and examples as data, and a run function that is loaded only when it is wanted.

import type { ExitCode } from './exit-codes.js';

export type OptionGroup = 'What' | 'Time' | 'Filter' | 'Input' | 'Output' | 'Safety' | 'General';

export interface OptionSpec {
  readonly name: string;
  readonly alias?: string;
  /** Its argument in help: FILE, N, ADDR …; none for a switch. */
  readonly argument?: string;
  readonly describe: string;
  readonly group: OptionGroup;
  readonly choices?: readonly string[];
  /** May be given several times; with `takesMany` one mention takes all files that follow. */
  readonly isRepeatable?: boolean;
  readonly takesMany?: boolean;
}

export interface PositionalSpec {
  readonly name: string;
  readonly describe: string;
  readonly isOptional: boolean;
  readonly takesMany: boolean;
}

export interface Example {
  readonly command: string;
  readonly says: string;
}

/** What yargs understood, checked: switches true or absent, values as the text that was typed. */
export interface CommandInput {
  readonly words: string;
  /** Words of every command of this program, for screens that point to others. */
  readonly knownCommands: readonly string[];
  readonly positionals: Readonly<Record<string, readonly string[]>>;
  /** Words after a lone `--`. */
  readonly rest: readonly string[];
  readonly switches: ReadonlySet<string>;
  readonly values: Readonly<Record<string, readonly string[]>>;
}

export interface CommandSpec<W> {
  /** As typed: 'explain', 'reasons list'. */
  readonly words: string;
  /** Imperative, one line, no full stop. */
  readonly summary: string;
  readonly description: string;
  /** 'none' reads only, 'store' writes the store, 'system' changes the host. */
  readonly effect: 'none' | 'store' | 'system';
  readonly positionals?: readonly PositionalSpec[];
  readonly options?: readonly OptionSpec[];
  readonly examples: readonly Example[];
  /** Words after a lone `--` are a command of their own (capture -- COMMAND); otherwise they are words like others. */
  readonly takesRest?: boolean;
  /** Whether --netns means this program is to run there; left out: it does. Where it does not, it chooses among the evidence. */
  readonly entersNetns?: (input: CommandInput) => boolean;
  /** Left out of help and completion: for programs of ours, not for people. */
  readonly isHidden?: boolean;
  /** The noun alone means this verb. */
  readonly isDefaultVerb?: boolean;
  readonly load: () => Promise<{ readonly run: (input: CommandInput, world: W) => Promise<ExitCode> }>;
}

/** The value of an option given at most once; NULL when it was not given. */
export function optionValue(input: CommandInput, name: string): string | null {
  return input.values[name]?.[0] ?? null;
}

/** All values of a repeatable option. */
export function optionValues(input: CommandInput, name: string): readonly string[] {
  return input.values[name] ?? [];
}

export function hasSwitch(input: CommandInput, name: string): boolean {
  return input.switches.has(name);
}

/** The only word of a positional; NULL when it was not given. */
export function positionalOf(input: CommandInput, name: string): string | null {
  return input.positionals[name]?.[0] ?? null;
}
