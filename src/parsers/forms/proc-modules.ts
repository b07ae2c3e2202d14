// Loaded modules: /proc/modules and lsmod.

import { type Form, OTHER, TAKEN } from '../form.js';

const PROC = /^([\w-]+) (\d+) (-?\d+|-) (\S+) (Live|Loading|Unloading) 0x[0-9a-f]+(?: \(([A-Z+-]+)\))?\s*$/;
const HEADING = /^Module\s+Size\s+Used by(?:\s+\S.*)?$/;
const LSMOD = /^([\w-]+)\s+(\d+)\s+(-?\d+)(?:\s+(\S+))?\s*$/;

const names = (text: string | undefined): readonly string[] =>
  (text ?? '').split(',').filter((name) => name !== '' && name !== '-' && name !== '[permanent]');

function moduleData(line: string): Record<string, unknown> | null {
  const match = PROC.exec(line) ?? LSMOD.exec(line);
  if (match === null) return null;
  const data: Record<string, unknown> = { name: match[1], size: Number(match[2]), usedBy: names(match[4]) };
  if (match[3] !== '-') data['count'] = Number(match[3]);
  if (match[4]?.includes('[permanent]') === true) data['isPermanent'] = true;
  if (match[5] !== undefined) data['state'] = match[5];
  if (match[6] !== undefined) data['taint'] = match[6];
  return data;
}

export const procModulesForm: Form = {
  id: 'lsmod',
  title: 'lsmod, /proc/modules',
  recognise(line, { fileName, command }) {
    if (PROC.test(line)) return 90;
    if (HEADING.test(line)) return 95;
    const isHinted = /\b(?:lsmod|modules)\b/.test(`${fileName} ${command ?? ''}`);
    return isHinted && LSMOD.test(line) ? 60 : 0;
  },
  open: (emit) => ({
    line(text, line) {
      if (text.trim() === '' || HEADING.test(text)) return TAKEN;
      const data = moduleData(text);
      if (data === null) return OTHER;
      emit({ kind: 'host-fact', line, fact: { kind: 'module', data } });
      return TAKEN;
    },
    end() {},
  }),
};
