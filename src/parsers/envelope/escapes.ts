// Characters that a log writer replaced because they would have broken its line: newlines above all (SCTP messages carry one).

const COLOUR = /\u001b\[[0-9;]*[A-Za-z]/g;

/** Without the colour sequences of dmesg --color=always and journalctl into a terminal, and without the carriage return of a DOS file. */
export function withoutTerminalCodes(line: string): string {
  const plain = line.includes('\u001b') ? line.replace(COLOUR, '') : line;
  return plain.endsWith('\r') ? plain.slice(0, -1) : plain;
}

function decodeBytes(run: string): string {
  const bytes = new Uint8Array(run.length / 4);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = Number.parseInt(run.slice(index * 4 + 2, index * 4 + 4), 16);
  }
  return new TextDecoder().decode(bytes);
}

/** /dev/kmsg and dmesg: '\x0a' for every byte below 32, from 127 on, and the backslash (kernel/printk/printk.c: msg_add_ext_text()). */
export function unescapeHex(text: string): string {
  return text.includes('\\x') ? text.replace(/(?:\\x[0-9a-fA-F]{2})+/g, decodeBytes) : text;
}

/**
 * Escapes of writers that do not say so: rsyslog's '#012', dmesg's '\x0a', and the '\n' of journal exports. Only control characters are
 * given back; a backslash or '#' that stands for itself stays.
 */
export function unescapeControls(text: string): string {
  let plain = text;
  if (plain.includes('#0')) {
    plain = plain.replace(/#0([0-3][0-7])/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  }
  if (!plain.includes('\\')) return plain;
  return plain
    .replace(/\\x([01][0-9a-fA-F])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\n(?= |$)/g, '\n');
}
