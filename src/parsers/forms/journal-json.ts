// journalctl -o json, json-pretty, json-sse and json-seq: one JSON object an entry.

import { type Emit, type Form, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import type { MessageCatalogue } from '../kernel-message.js';
import { type JournalFields, journalLine } from './journal-entry.js';
import { classifyWhole } from './kernel-record.js';

/** What json-sse ('data: ') and json-seq (a record separator) put in front of the object. */
const FRAME = /^(?:data: |\u001e)?(?=\{)/;
const ENTRY_WORD = /"(?:__CURSOR|_BOOT_ID|__REALTIME_TIMESTAMP|_TRANSPORT|SYSLOG_IDENTIFIER|MESSAGE)"\s*:/;
/** Lines that one pretty entry may have, and characters: more is no entry. */
const MOST_LINES = 500;

/** A value as journald's JSON serialises it: a string, bytes as numbers where it is no UTF-8, a list for a repeated field. */
function fieldText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (!Array.isArray(value) || value.length === 0) return null;
  if (value.every((one) => typeof one === 'number' && one >= 0 && one < 256)) {
    return new TextDecoder().decode(Uint8Array.from(value as number[]));
  }
  return fieldText(value[0]);
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function fieldsOf(object: Readonly<Record<string, unknown>>): JournalFields {
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(object)) {
    const text = fieldText(value);
    if (text !== null) fields.set(name, text);
  }
  return fields;
}

function read(text: string, line: number, emit: Emit, catalogue: MessageCatalogue): LineOutcome {
  const object = parseObject(text);
  if (object === null) return { is: 'unread', reason: 'JSON object of a journal entry is broken', at: text.length };
  const envelope = journalLine(fieldsOf(object), Math.max(0, text.indexOf('"MESSAGE"')));
  if (envelope === null) return TAKEN;
  const message = classifyWhole(envelope, catalogue);
  if (message.kind === 'unreadable') return { is: 'unread', reason: message.reason, at: envelope.messageAt };
  emit({ kind: 'kernel', line, envelope, message });
  return TAKEN;
}

function open(emit: Emit, catalogue: MessageCatalogue): FormReader {
  let pretty: string[] = [];
  let prettyFrom = 0;
  return {
    line(text, line) {
      if (pretty.length > 0) {
        pretty.push(text);
        if (!/^\s*\}/.test(text)) {
          if (pretty.length <= MOST_LINES) return TAKEN;
          pretty = [];
          return { is: 'unread', reason: 'JSON object of a journal entry does not end', at: 0 };
        }
        const whole = pretty.join('\n').replace(/,\s*$/, '');
        pretty = [];
        return read(whole, prettyFrom, emit, catalogue);
      }
      const trimmed = text.trim();
      if (trimmed === '' || trimmed === '[' || trimmed === ']') return TAKEN;
      const start = FRAME.exec(trimmed);
      if (start === null) return OTHER;
      const body = trimmed.slice(start[0].length);
      if (body === '{') {
        pretty = [body];
        prettyFrom = line;
        return TAKEN;
      }
      return ENTRY_WORD.test(body) ? read(body.replace(/,$/, ''), line, emit, catalogue) : OTHER;
    },
    end() {
      pretty = [];
    },
  };
}

/** The form of journalctl's JSON outputs. */
export function journalJsonForm(catalogue: MessageCatalogue): Form {
  return {
    id: 'journal json',
    title: 'journalctl -o json, json-pretty, json-sse, json-seq',
    recognise(line, context) {
      const start = FRAME.exec(line);
      if (start === null) return 0;
      if (ENTRY_WORD.test(line) && /"(?:__CURSOR|_BOOT_ID|__REALTIME_TIMESTAMP|_TRANSPORT|_MACHINE_ID)"/.test(line))
        return 95;
      return line.trim() === '{' && /journal/.test(context.command ?? context.fileName) ? 60 : 0;
    },
    open: (emit) => open(emit, catalogue),
  };
}
