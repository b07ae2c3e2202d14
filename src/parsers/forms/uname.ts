// Which kernel it is: `uname -a` and /proc/version.

import { type Emit, type Form, OTHER, TAKEN } from '../form.js';

/** 'Linux HOST 6.1.0-18-amd64 #1 SMP … x86_64 GNU/Linux'. */
const UNAME = /^Linux (\S+) (\d+\.\d+\S*) #\d+\S* .*\d/;
const VERSION = /^Linux version (\d+\.\d+\S*) \(/;
/** Names that say nothing of the host. */
const NAMELESS = /^(?:localhost(?:\..*)?|\(none\)|host|hostname|<.*>|X+)$/i;

function state(emit: Emit, line: number, key: 'host' | 'kernel', value: string): void {
  emit({ kind: 'bundle', line, statement: { kind: 'host', key, value } });
}

export const unameForm: Form = {
  id: 'uname',
  title: 'uname -a, /proc/version',
  recognise: (line) => (UNAME.test(line) || VERSION.test(line) ? 90 : 0),
  open: (emit) => ({
    line(text, line) {
      const version = VERSION.exec(text);
      if (version !== null) {
        state(emit, line, 'kernel', version[1]!);
        return TAKEN;
      }
      const uname = UNAME.exec(text);
      if (uname === null) return text.trim() === '' ? TAKEN : OTHER;
      if (!NAMELESS.test(uname[1]!)) state(emit, line, 'host', uname[1]!);
      state(emit, line, 'kernel', uname[2]!);
      return TAKEN;
    },
    end() {},
  }),
};
