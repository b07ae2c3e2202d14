// journalctl -o verbose: a heading with the time and the entry's cursor, and below it, indented, FIELD=value lines.

import { type Emit, type Form, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import type { MessageCatalogue } from '../kernel-message.js';
import { journalLine } from './journal-entry.js';
import { classifyWhole } from './kernel-record.js';

/** shared/logs-show.c: output_verbose(), v257: '%s [%s]' with the cursor 's=…;i=…;b=BOOT;m=MONOTONIC;t=REALTIME;x=…', times in hex. */
const HEADING =
  /^[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* \S+ \[s=[0-9a-f]*;i=[0-9a-f]+;b=([0-9a-f]{32});m=[0-9a-f]+;t=([0-9a-f]{1,14});x=[0-9a-f]+\]$/;
const FIELD = /^ {4}([A-Z_][A-Z0-9_]{0,63})=(.*)$/s;
/** Further lines of a value stand under its first character. */
const CONTINUED = /^ {5,}/;

function open(emit: Emit, catalogue: MessageCatalogue): FormReader {
  let fields: Map<string, string> | null = null;
  let firstLine = 0;
  let lastName: string | null = null;

  const close = (): LineOutcome => {
    const entry = fields;
    fields = null;
    lastName = null;
    const envelope = entry === null ? null : journalLine(entry, '    MESSAGE='.length);
    if (envelope === null) return TAKEN;
    const message = classifyWhole(envelope, catalogue);
    if (message.kind === 'unreadable')
      return { is: 'unread', reason: `entry of line ${firstLine}: ${message.reason}`, at: 0 };
    emit({ kind: 'kernel', line: firstLine, envelope, message });
    return TAKEN;
  };

  return {
    line(text, line) {
      const heading = HEADING.exec(text);
      if (heading !== null) {
        const outcome = close();
        fields = new Map([
          ['_BOOT_ID', heading[1]!],
          ['__REALTIME_TIMESTAMP', String(Number.parseInt(heading[2]!, 16))],
        ]);
        firstLine = line;
        return outcome;
      }
      if (text.trim() === '' || /^-- /.test(text)) return close();
      const field = fields === null ? null : FIELD.exec(text);
      if (fields !== null && field !== null) {
        lastName = field[1]!;
        if (!fields.has(lastName) || lastName === '_BOOT_ID') fields.set(lastName, field[2]!);
        return TAKEN;
      }
      if (fields !== null && lastName !== null && CONTINUED.test(text)) {
        fields.set(lastName, `${fields.get(lastName) ?? ''}\n${text.trimStart()}`);
        return TAKEN;
      }
      const outcome = close();
      return outcome.is === 'unread' ? outcome : OTHER;
    },
    end() {
      close();
    },
  };
}

export function journalVerboseForm(catalogue: MessageCatalogue): Form {
  return {
    id: 'journal verbose',
    title: 'journalctl -o verbose',
    recognise: (line) => (HEADING.test(line) ? 98 : 0),
    open: (emit) => open(emit, catalogue),
  };
}
