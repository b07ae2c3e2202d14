// journalctl -o export and the files of systemd-journal-remote: FIELD=value lines, entries parted by empty lines.

import { type Emit, type Form, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import type { MessageCatalogue } from '../kernel-message.js';
import { journalLine } from './journal-entry.js';
import { classifyWhole } from './kernel-record.js';

const FIELD = /^([A-Z_][A-Z0-9_]{0,63})=/;
const BINARY_FIELD = /^[A-Z_][A-Z0-9_]{0,63}$/;
/** Bytes of the length that stands in front of a binary value, little endian. */
const LENGTH_BYTES = 8;

interface BinaryValue {
  readonly name: string;
  /** UTF-8 bytes of the value; NULL when the length was not text and is not known. */
  readonly length: number | null;
  readonly text: string;
}

/** A binary value's length, as far as it survived being read as text: bytes above 127 did not. */
function binaryLength(text: string): number | null {
  let length = 0;
  for (let index = LENGTH_BYTES - 1; index >= 0; index--) {
    const code = text.charCodeAt(index);
    if (Number.isNaN(code) || code > 127) return null;
    length = length * 256 + code;
  }
  return length;
}

function isWhole(value: BinaryValue): boolean {
  return value.length !== null && Buffer.byteLength(value.text) >= value.length;
}

function open(emit: Emit, catalogue: MessageCatalogue): FormReader {
  let fields = new Map<string, string>();
  let firstLine = 0;
  let messageLineAt = 0;
  /** A binary value's name whose length comes with the next line, or its value while it goes on. */
  let opened: string | null = null;
  let binary: BinaryValue | null = null;

  const close = (): LineOutcome => {
    if (binary !== null && !fields.has(binary.name)) fields.set(binary.name, binary.text);
    binary = null;
    opened = null;
    const entry = fields;
    fields = new Map();
    if (entry.size === 0) return TAKEN;
    const envelope = journalLine(entry, messageLineAt);
    if (envelope === null) return TAKEN;
    const message = classifyWhole(envelope, catalogue);
    if (message.kind === 'unreadable') return { is: 'unread', reason: message.reason, at: 0 };
    emit({ kind: 'kernel', line: firstLine, envelope, message });
    return TAKEN;
  };

  const keep = (name: string, value: string): void => {
    if (!fields.has(name)) fields.set(name, value);
    if (name === 'MESSAGE') messageLineAt = 'MESSAGE='.length;
  };

  const binaryLine = (value: BinaryValue): void => {
    if (isWhole(value)) {
      keep(value.name, value.text);
      binary = null;
    } else binary = value;
  };

  return {
    line(text, line) {
      if (opened !== null) {
        const name = opened;
        opened = null;
        binaryLine({ name, length: binaryLength(text), text: text.slice(LENGTH_BYTES) });
        return TAKEN;
      }
      // An unknown length ends where fields go on; a known one does not look at what its lines say.
      if (binary !== null && (binary.length !== null || (text !== '' && !FIELD.test(text)))) {
        binaryLine({ ...binary, text: `${binary.text}\n${text}` });
        return TAKEN;
      }
      if (binary !== null) {
        keep(binary.name, binary.text);
        binary = null;
      }
      if (text === '') return close();
      if (fields.size === 0) firstLine = line;
      const name = FIELD.exec(text)?.[1];
      if (name !== undefined) {
        keep(name, text.slice(name.length + 1));
        return TAKEN;
      }
      if (BINARY_FIELD.test(text) && fields.size > 0) {
        opened = text;
        return TAKEN;
      }
      close();
      return OTHER;
    },
    end() {
      close();
    },
  };
}

/** The form of the journal export format (systemd.io/JOURNAL_EXPORT_FORMATS). */
export function journalExportForm(catalogue: MessageCatalogue): Form {
  return {
    id: 'journal export',
    title: 'journalctl -o export',
    recognise(line) {
      if (line.startsWith('__CURSOR=s=')) return 98;
      return /^(?:__REALTIME_TIMESTAMP|__MONOTONIC_TIMESTAMP)=\d+$|^_BOOT_ID=[0-9a-f]{32}$/.test(line) ? 80 : 0;
    },
    open: (emit) => open(emit, catalogue),
  };
}
