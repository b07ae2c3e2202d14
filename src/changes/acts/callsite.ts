// The flags of a dynamic-debug callsite. The line number is looked up anew each time: it belongs to the kernel and the module loaded now.

import { HostError } from '../../host/host.js';
import type { WriteHost } from '../../host/write-host.js';
import type { CallsiteAct } from '../../model/change.js';
import { unescapeFormat } from '../../parsers/forms/dyndbg-control.js';
import { type LiveCallsite, parseCallsites } from '../../survey/callsites.js';
import type { ActKind } from './act-kind.js';

/** The order in which the kernel prints flags (lib/dynamic_debug.c: opt_array[], v6.6); it takes them in any. */
const ORDER = 'pmfslt';

/** These flags and those, as the control file will print them. */
export function withFlags(flags: string, more: string): string {
  const known = [...ORDER].filter((letter) => flags.includes(letter) || more.includes(letter));
  // A letter of a later kernel is somebody's too.
  const others = [...flags].filter((letter) => letter !== '_' && !ORDER.includes(letter));
  return [...known, ...others].join('') || '_';
}

type Named = Pick<CallsiteAct, 'file' | 'module' | 'function' | 'format'>;

/** Functions print the same words from several lines: all of that name, a list for each line, in the order of the lines. */
function byLine(named: Named, callsites: readonly LiveCallsite[]): readonly (readonly LiveCallsite[])[] {
  const format = unescapeFormat(named.format);
  const same = callsites.filter(
    (one) =>
      one.file === named.file &&
      one.module === named.module &&
      one.function === named.function &&
      unescapeFormat(one.format) === format,
  );
  const lines = [...new Set(same.map(({ line }) => line))].sort((a, b) => a - b);
  return lines.map((line) => same.filter((one) => one.line === line));
}

/** Which of the callsites of its name this is, from 0. */
export function nthOfName(callsite: LiveCallsite, callsites: readonly LiveCallsite[]): number {
  return byLine(callsite, callsites).findIndex(([first]) => first!.line === callsite.line);
}

/** The callsite that is this one: several where a header of one line was compiled into a module more than once; the kernel sets them together. */
function find(act: CallsiteAct, host: WriteHost): readonly LiveCallsite[] {
  return byLine(act, parseCallsites(host.read(act.control)))[act.nth] ?? [];
}

function set(act: CallsiteAct, flags: string, host: WriteHost): void {
  const [found] = find(act, host);
  if (found === undefined)
    throw new HostError('missing', act.control, `${act.function} has no such callsite any more (module unloaded?)`);
  host.write(act.control, `module ${act.module} file ${act.file} line ${found.line} =${flags}\n`);
}

const shown = (act: CallsiteAct) => unescapeFormat(act.format).trimEnd();

export const callsiteKind: ActKind<CallsiteAct> = {
  is: 'callsite',
  says: (act) => `${act.function} "${shown(act)}" =${act.before} -> =${act.after}`,
  saysBack: (act) => `${act.function} "${shown(act)}" is =${act.original} again`,
  doing: (act) => [query(act, act.after)],
  undoing: (act) => [query(act, act.original)],
  async look(act, host) {
    const found = find(act, host);
    if (found.length === 0) return { is: 'before', found: 'no such callsite (module unloaded)' };
    const flags = [...new Set(found.map((one) => one.flags))];
    if (flags.every((one) => one === act.after)) return { is: 'after', found: `=${act.after}` };
    if (flags.every((one) => one === act.original)) return { is: 'before', found: `=${act.original}` };
    return { is: 'other', found: flags.map((one) => `=${one}`).join(', ') };
  },
  async apply(act, host) {
    set(act, act.after, host);
    return act;
  },
  async revert(act, host) {
    set(act, act.original, host);
  },
  sharedAs: (act) => `${act.module} ${act.file} ${act.function} ${act.nth} ${unescapeFormat(act.format)}`,
};

/**
 * For people: by function and format, as any kernel takes it. Blanks stand in quotes; what would end the word, the command or the line
 * is escaped (lib/dynamic_debug.c: ddebug_parse_query() undoes it, v3.1 .. v7.2).
 */
function query(act: CallsiteAct, flags: string): string {
  const words = shown(act).replaceAll(
    /[^\w %:.()=,/[\]<>*+-]/g,
    (letter) => `\\${letter.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  const text = `module ${act.module} func ${act.function} format "${words}" =${flags}`;
  return `printf '%s\\n' '${text}' > ${act.control}`;
}
