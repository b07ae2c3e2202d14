// /proc/dynamic_debug/control (before 5.7 only below debugfs): which debug lines of netfilter this kernel has, and which are on.

import { type Form, OTHER, TAKEN } from '../form.js';

const HEADING = /^# filename:lineno \[module\]function flags format/;
/** path, line, module, function, flags, format, class. */
export const CALLSITE_LINE =
  /^(\S+\.[ch]):(\d+) \[([\w.-]+)\](\S+) =([a-z_]+) "((?:[^"\\]|\\.)*)"(?: class:(\S+))?\s*$/;
/** A line of that kind whose format was cut. */
const CUT = /^\S+\.[ch]:\d+ \[[\w.-]+\]/;
const NETFILTER =
  /(?:^|\/)net\/(?:.*\/)?netfilter\/|^(?:nf_|nft_|xt_|ipt_|ip6t_|ip_tables|ip6_tables|ip_set|ip_vs|br_netfilter|nfnetlink|x_tables|ebt)/;

/** Octal escapes until v5.?, \n and \t since: both are what seq_escape() printed of the format's bytes (lib/dynamic_debug.c). */
export function unescapeFormat(text: string): string {
  const WORDS: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', a: '\x07', e: '\x1b' };
  return text.replace(/\\(?:([0-7]{3})|(.))/g, (_all, octal: string | undefined, letter: string | undefined) =>
    octal === undefined ? (WORDS[letter ?? ''] ?? letter ?? '') : String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

export const dyndbgControlForm: Form = {
  id: 'dynamic_debug control',
  title: '/proc/dynamic_debug/control',
  recognise: (line) => (HEADING.test(line) ? 100 : CALLSITE_LINE.test(line) ? 95 : 0),
  open: (emit) => ({
    line(text, line) {
      if (text.trim() === '' || HEADING.test(text)) return TAKEN;
      const match = CALLSITE_LINE.exec(text);
      if (match === null) return CUT.test(text) ? { is: 'unread', reason: 'a callsite that breaks off', at: 0 } : OTHER;
      const [, path, number, module, name, flags, format, className] = match as unknown as readonly string[];
      // A whole file has thousands of callsites of drivers.
      if (!NETFILTER.test(path!) && !NETFILTER.test(module!)) return TAKEN;
      const data: Record<string, unknown> = {
        file: 'dynamic_debug/control',
        path,
        line: Number(number),
        module,
        function: name,
        flags,
        format: unescapeFormat(format!),
      };
      if (className !== undefined) data['class'] = className;
      emit({ kind: 'host-fact', line, fact: { kind: 'file', data } });
      return TAKEN;
    },
    end() {},
  }),
};
