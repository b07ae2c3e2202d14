// Is a path asked of the rules of this host as they are now, or of what was recorded?

import { type CommandInput, optionValue } from '../../cli/command.js';

/** true: a packet was described, and neither files nor a store is named to look for rules in. */
export function isOfThisHost(input: CommandInput): boolean {
  return (
    optionValue(input, 'packet') !== null && ['read', 'db', 'host'].every((name) => optionValue(input, name) === null)
  );
}
