// Commands as a person can paste them from anywhere: those of another network namespace say which.

import type { Act } from '../model/change.js';
import { netnsPrefix } from '../text/in-netns.js';
import { kindOf } from './acts/index.js';

/** Settings of the whole machine are the same from every namespace; modules and callsites too. */
function isOfNetns(act: Act): boolean {
  if (kindOf(act).isLasting === true) return false;
  return act.is !== 'module' && act.is !== 'callsite' && !(act.is === 'sysctl' && act.inFirstNetns);
}

/** Every command of an act is of the namespace, whatever program does it. */
function entered(label: string | null, command: string): string {
  return label === null ? command : `${netnsPrefix(label)} ${command}`;
}

/** What does the act, to be pasted. */
export function pastedDoing(act: Act, label: string | null): readonly string[] {
  const commands = kindOf(act).doing(act);
  return isOfNetns(act) ? commands.map((command) => entered(label, command)) : commands;
}

/** What takes it back, to be pasted. */
export function pastedUndoing(act: Act, label: string | null): readonly string[] {
  const commands = kindOf(act).undoing(act);
  return isOfNetns(act) ? commands.map((command) => entered(label, command)) : commands;
}
