// Commands as a person can paste them from anywhere: those of another network namespace say which.

import type { Act } from '../model/change.js';
import { kindOf } from './acts/index.js';

/** Settings of the whole machine are the same from every namespace; modules and callsites too. */
function isOfNetns(act: Act): boolean {
  if (kindOf(act).isLasting === true) return false;
  return act.is !== 'module' && act.is !== 'callsite' && !(act.is === 'sysctl' && act.inFirstNetns);
}

/** @param label name, path or process id of the namespace; NULL: the one the person is in */
function inNetns(label: string | null, command: string): string {
  if (label === null) return command;
  if (/^\d+$/.test(label)) return `nsenter --net=/proc/${label}/ns/net -- ${command}`;
  return label.startsWith('/') ? `nsenter --net=${label} -- ${command}` : `ip netns exec ${label} ${command}`;
}

/** What does the act, to be pasted. */
export function pastedDoing(act: Act, label: string | null): readonly string[] {
  const commands = kindOf(act).doing(act);
  return isOfNetns(act) ? commands.map((command) => inNetns(label, command)) : commands;
}

/** What takes it back, to be pasted. */
export function pastedUndoing(act: Act, label: string | null): readonly string[] {
  const commands = kindOf(act).undoing(act);
  return isOfNetns(act) ? commands.map((command) => inNetns(label, command)) : commands;
}
