// --kernel of the reasons commands.

import { type KernelVersion, parseKernelVersion } from '../../catalogue/kernel-version.js';
import { type CommandInput, optionValue } from '../../cli/command.js';
import { UsageError } from '../../text/errors.js';

/** NULL when not given. @throws UsageError for what is no release */
export function kernelOption(input: CommandInput): KernelVersion | null {
  const text = optionValue(input, 'kernel');
  if (text === null) return null;
  const version = parseKernelVersion(text);
  if (version === null) throw new UsageError(`--kernel takes a release such as 5.15 or 6.1.0-18-amd64, not '${text}'`);
  return version;
}
