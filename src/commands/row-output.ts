// How commands that print rows read their output options.

import { type CommandInput, hasSwitch, optionValue } from '../cli/command.js';
import { defaultRowFormat, type RowFormat } from '../presentation/rows.js';
import { UsageError } from '../text/errors.js';
import type { World } from '../world.js';

/** --json, -o, or what the stream wants. */
export function rowFormat(input: CommandInput, world: World): RowFormat {
  if (hasSwitch(input, 'json')) return 'json';
  return (optionValue(input, 'output') as RowFormat | null) ?? defaultRowFormat(world.streams.out);
}

/** -n as a number; NULL when not given. @throws UsageError */
export function rowLimit(input: CommandInput): number | null {
  const text = optionValue(input, 'lines');
  if (text === null) return null;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--lines takes a whole number, not '${text}'`);
  return Number(text);
}

/** The first rows; all of them without a limit. */
export function* limited<T>(rows: Iterable<T>, limit: number | null): Iterable<T> {
  if (limit === 0) return;
  let count = 0;
  for (const row of rows) {
    yield row;
    if (limit !== null && ++count >= limit) return;
  }
}
