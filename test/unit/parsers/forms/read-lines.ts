// Runs text through a form as the ingest does: what it emitted, and what it did not understand.

import type { EvidenceRecord } from '../../../../src/model/record.js';
import type { Form } from '../../../../src/parsers/form.js';

export interface ReadLines {
  readonly records: readonly EvidenceRecord[];
  readonly unread: readonly { readonly line: number; readonly reason: string; readonly at: number }[];
  /** Numbers of the lines that the form gave back. */
  readonly others: readonly number[];
}

export function readLines(form: Form, text: string, command: string | null = null, fileName = 'input.txt'): ReadLines {
  const records: EvidenceRecord[] = [];
  const unread: { line: number; reason: string; at: number }[] = [];
  const others: number[] = [];
  const reader = form.open((record) => void records.push(record), { fileName, command });
  text.split('\n').forEach((line, index) => {
    const outcome = reader.line(line, index + 1);
    if (outcome.is === 'unread') unread.push({ line: index + 1, reason: outcome.reason, at: outcome.at });
    if (outcome.is === 'other') others.push(index + 1);
  });
  reader.end();
  reader.end();
  return { records, unread, others };
}

/** The records of one kind. */
export function only<Kind extends EvidenceRecord['kind']>(
  records: readonly EvidenceRecord[],
  kind: Kind,
): readonly Extract<EvidenceRecord, { kind: Kind }>[] {
  return records.filter((record): record is Extract<EvidenceRecord, { kind: Kind }> => record.kind === kind);
}
