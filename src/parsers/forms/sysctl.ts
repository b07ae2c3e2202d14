// Settings of the kernel: `sysctl -a`, `sysctl NAME`, and the files below /proc/sys as grep -r or head print them.

import { type Emit, type Form, type FormReader, OTHER, TAKEN } from '../form.js';

const ROOTS = 'net|kernel|vm|fs|dev|user|abi|debug|crypto|sunrpc';
const ASSIGNED = new RegExp(`^\\s*((?:${ROOTS})[./][\\w./:@*-]+?)(?: ?= ?| *: )(.*)$`);
const PROC_PATH = /^\s*(?:\.\/|\/)?proc\/sys\/([\w./:@-]+?)(?:: ?|=)(.*)$/;
/** `tail -n +1 FILES` and `head FILES` name a file on a line of its own. */
const FILE_HEADING = /^==> \/?proc\/sys\/(\S+) <==\s*$/;
/** What sysctl says of keys it may not or cannot read: no value, so nothing to keep. */
const COMPLAINT =
  /^(?:error: )?(?:sysctl: )?(?:cannot stat \/proc\/sys|permission denied on key|reading key "|error:|"\S+" is an unknown key|setting key )|^(?:grep|cat): \S*proc\/sys|^sysctl: /;

/**
 * A name with dots. In a path the parts are separated by slashes and an interface's own dots are dots; sysctl swaps the two
 * ('net.ipv4.conf.eth0/100.rp_filter' is /proc/sys/net/ipv4/conf/eth0.100/rp_filter).
 */
export function sysctlName(text: string): string {
  const slash = text.indexOf('/');
  const dot = text.indexOf('.');
  const isPath = slash >= 0 && (dot < 0 || slash < dot);
  return isPath ? text.replace(/[./]/g, (sign) => (sign === '/' ? '.' : '/')) : text;
}

/** Values of several numbers are separated by tabs in the file, by tabs or blanks in what people paste. */
function valueText(text: string): string {
  return text.trim().replace(/[\t ]+/g, ' ');
}

function readAssignment(text: string): { readonly name: string; readonly value: string } | null {
  const match = PROC_PATH.exec(text) ?? ASSIGNED.exec(text);
  if (match === null) return null;
  return { name: sysctlName(match[1]!), value: valueText(match[2]!) };
}

function openReader(emit: Emit): FormReader {
  let fileName: string | null = null;
  return {
    line(text, line) {
      const heading = FILE_HEADING.exec(text);
      if (heading !== null) {
        fileName = sysctlName(heading[1]!);
        return TAKEN;
      }
      if (text.trim() === '') return TAKEN;
      if (fileName !== null) {
        emit({ kind: 'sysctl', line, name: fileName, value: valueText(text) });
        fileName = null;
        return TAKEN;
      }
      const read = readAssignment(text);
      if (read !== null) {
        emit({ kind: 'sysctl', line, ...read });
        if (read.name === 'kernel.osrelease')
          emit({ kind: 'bundle', line, statement: { kind: 'host', key: 'kernel', value: read.value } });
        return TAKEN;
      }
      return COMPLAINT.test(text) ? TAKEN : OTHER;
    },
    end() {},
  };
}

export const sysctlForm: Form = {
  id: 'sysctl',
  title: 'sysctl -a, grep -r . /proc/sys/net',
  recognise(line, { fileName }) {
    // A configuration says what somebody wants, not what is.
    if (/\.conf$/.test(fileName)) return 0;
    if (FILE_HEADING.test(line) || PROC_PATH.test(line)) return 95;
    if (
      /^\s*net\.[\w./:@-]+ ?= ?\S/.test(line) ||
      /^\s*net\.(?:netfilter|nf_conntrack_max|ipv4|ipv6|core|bridge)[\w./:@-]* *: \S/.test(line)
    )
      return 95;
    if (/^sysctl: (?:cannot stat|permission denied|reading key)/.test(line)) return 80;
    return readAssignment(line) !== null && / = /.test(line) ? 70 : 0;
  },
  open: (emit) => openReader(emit),
};
