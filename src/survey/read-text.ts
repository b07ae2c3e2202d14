// Text that a program printed, read by the same forms that read files.

import type { EvidenceRecord } from '../model/record.js';
import type { Form } from '../parsers/form.js';

/** The records of a text in one form. Lines that are not of the form, or cannot be read, are left out. */
export function readText(form: Form, text: string, command: string): readonly EvidenceRecord[] {
  const records: EvidenceRecord[] = [];
  const reader = form.open((record) => records.push(record), { fileName: '', command });
  for (const [index, line] of text.split('\n').entries()) reader.line(line, index + 1);
  reader.end();
  return records;
}
