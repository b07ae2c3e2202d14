// The flags of a dynamic-debug callsite. The line number is looked up anew each time: it belongs to the kernel and the module loaded now.

import { HostError } from '../../host/host.js';
import type { WriteHost } from '../../host/write-host.js';
import type { CallsiteAct } from '../../model/change.js';
import type { ActKind } from './act-kind.js';

const LINE = /^(\S+?):(\d+) \[([^\]]*)\](\S+) =(\S+) "(.*)"$/;

interface Found {
  readonly line: number;
  readonly flags: string;
}

/** The callsites of the control file that are this one. */
function find(act: CallsiteAct, host: WriteHost): readonly Found[] {
  return host
    .read(act.control)
    .split('\n')
    .flatMap((text) => {
      const [, file, line, module, name, flags, format] = LINE.exec(text) ?? [];
      const isIt =
        file === act.file && module === act.module && name === act.function && sameFormat(format!, act.format);
      return isIt ? [{ line: Number(line), flags: flags! }] : [];
    });
}

/** Kernels differ in how they print control characters: '\n' or '\012'. */
export function plainFormat(format: string): string {
  return format.replaceAll('\\n', '\\012').replaceAll('\\t', '\\011');
}
const sameFormat = (a: string, b: string) => plainFormat(a) === plainFormat(b);

function set(act: CallsiteAct, flags: string, host: WriteHost): void {
  const found = find(act, host);
  if (found.length === 0)
    throw new HostError('missing', act.control, `${act.function} has no such callsite any more (module unloaded?)`);
  for (const { line } of found)
    host.write(act.control, `module ${act.module} file ${act.file} line ${line} =${flags}\n`);
}

export const callsiteKind: ActKind<CallsiteAct> = {
  is: 'callsite',
  says: (act) => `${act.function} "${act.format}" =${act.before} -> =${act.after}`,
  saysBack: (act) => `${act.function} "${act.format}" is =${act.original} again`,
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
  sharedAs: (act) => `${act.module} ${act.file} ${act.function} ${plainFormat(act.format)}`,
};

function query(act: CallsiteAct, flags: string): string {
  const format = act.format.replace(/\\(n|012)$/, '').replaceAll(' ', '\\040');
  return `echo 'module ${act.module} func ${act.function} format ${format} =${flags}' > ${act.control}`;
}
