// Which callsites the words of a dyndbg command mean.

import type { CallsiteWish } from '../../changes/plan-dyndbg.js';
import { type CommandInput, optionValue } from '../../cli/command.js';

export function callsiteWish(input: CommandInput): CallsiteWish {
  return {
    reason: optionValue(input, 'reason'),
    function: optionValue(input, 'function'),
    message: optionValue(input, 'message'),
    module: optionValue(input, 'module'),
  };
}
