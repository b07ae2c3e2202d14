// --set NAME=VALUE: settings that the model obeys, checked by name and range before anything is read.

import { holds, type KernelVersion } from '../../catalogue/kernel-version.js';
import { sysctlByName } from '../../catalogue/sysctls.js';
import { type CommandInput, optionValues } from '../../cli/command.js';
import { nearest } from '../../cli/usage-words.js';
import { UsageError } from '../../text/errors.js';
import { TRACKER_SYSCTLS, trackerSysctl } from '../../tracker/settings.js';

/** The kernel keeps the number of retransmissions in a byte, and timeouts as ticks in a signed number at up to 1000 a second. */
const MOST_RETRANSMISSIONS = 255;
const LONGEST_S = Math.floor((2 ** 31 - 1) / 1000);

function rangeOf(name: string): { readonly most: number; readonly unit: string } {
  const kind = sysctlByName(name)?.unit;
  if (kind === 'switch') return { most: 1, unit: '0 or 1' };
  if (kind === 'seconds') return { most: LONGEST_S, unit: `seconds, 0 to ${LONGEST_S}` };
  return { most: MOST_RETRANSMISSIONS, unit: `a number from 0 to ${MOST_RETRANSMISSIONS}` };
}

/** Short name to value. @throws UsageError for a name that there is not, one that the model does not obey, and a value out of range */
export function whatIfSettings(input: CommandInput): Readonly<Record<string, number>> {
  const settings: Record<string, number> = {};
  for (const text of optionValues(input, 'set')) {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--set takes NAME=VALUE, not '${text}'`, `such as ${TRACKER_SYSCTLS[0]}=1`);
    const [given, value] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
    const name = trackerSysctl(given);
    if (name === null) throw unknownSetting(given);
    const { most, unit } = rangeOf(name);
    if (!/^\d{1,10}$/.test(value) || Number(value) > most)
      throw new UsageError(`--set ${name} takes ${unit}, not '${value}'`);
    settings[name] = Number(value);
  }
  return settings;
}

function unknownSetting(given: string): UsageError {
  if (sysctlByName(given) !== null)
    return new UsageError(
      `--set: the model does not obey ${given}; it does not change what one packet is answered`,
      `It obeys ${TRACKER_SYSCTLS.join(', ')}`,
    );
  const short = given.replace(/^.*[./](?=nf_)/, '');
  const meant =
    nearest(short, TRACKER_SYSCTLS) ??
    nearest(`nf_conntrack_${short}`, TRACKER_SYSCTLS) ??
    nearest(`nf_conntrack_tcp_${short}`, TRACKER_SYSCTLS);
  return new UsageError(
    `--set: there is no sysctl ${given}${meant === null ? '' : `; did you mean ${meant}?`}`,
    `Settings of the model: ${TRACKER_SYSCTLS.join(', ')}`,
  );
}

/** @throws UsageError for a setting that this kernel does not have */
export function checkSettings(settings: Readonly<Record<string, number>>, kernel: KernelVersion): void {
  for (const name of Object.keys(settings))
    if (holds(sysctlByName(name)!.versions, kernel) === 'no')
      throw new UsageError(`--set: kernel ${kernel.release} has no ${name}`);
}
