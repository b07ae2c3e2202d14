// Reads a text with forms the way the ingest does: the open reader first, then whichever form recognises the line best.

import type { EvidenceRecord } from '../../../../src/model/record.js';
import type { Form, FormContext, FormReader } from '../../../../src/parsers/form.js';

export interface ReadText {
  readonly records: readonly EvidenceRecord[];
  readonly unread: readonly { readonly line: number; readonly reason: string; readonly at: number }[];
  /** Lines that no form wanted, by number. */
  readonly others: readonly number[];
  /** Ids of the forms that were opened, in order. */
  readonly forms: readonly string[];
}

export function readWith(forms: readonly Form[], text: string, context: Partial<FormContext> = {}): ReadText {
  const whole: FormContext = { fileName: 'evidence.txt', command: null, ...context };
  const records: EvidenceRecord[] = [];
  const unread: { line: number; reason: string; at: number }[] = [];
  const others: number[] = [];
  const opened: string[] = [];
  let reader: FormReader | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    const number = index + 1;
    let outcome = reader?.line(line, number) ?? null;
    if (outcome === null || outcome.is === 'other') {
      reader?.end();
      reader = null;
      const [best] = forms
        .map((form) => ({ form, score: form.recognise(line, whole) }))
        .sort((one, two) => two.score - one.score);
      if (best === undefined || best.score < 50) {
        if (line.trim() !== '') others.push(number);
        continue;
      }
      opened.push(best.form.id);
      reader = best.form.open((record) => records.push(record), whole);
      outcome = reader.line(line, number);
    }
    if (outcome.is === 'unread') unread.push({ line: number, reason: outcome.reason, at: outcome.at });
    if (outcome.is === 'other') others.push(number);
  }
  reader?.end();
  reader?.end();
  return { records, unread, others, forms: opened };
}
