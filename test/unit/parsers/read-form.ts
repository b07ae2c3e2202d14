// Feeds text to a ruleset form as the ingest does, for tests.

import type { Condition, Rule, Ruleset } from '../../../src/model/ruleset.js';
import type { Form } from '../../../src/parsers/form.js';

export interface ReadText {
  readonly rulesets: readonly Ruleset[];
  readonly lines: readonly number[];
  readonly unread: readonly { readonly line: number; readonly reason: string }[];
  /** Lines that the form did not want. */
  readonly others: readonly number[];
}

/** Reads text with one form, opened at the first line it recognises and again after it ended itself. */
export function readForm(form: Form, text: string, hints: { fileName?: string; command?: string } = {}): ReadText {
  const rulesets: Ruleset[] = [];
  const lines: number[] = [];
  const unread: { line: number; reason: string }[] = [];
  const others: number[] = [];
  const context = { fileName: hints.fileName ?? '', command: hints.command ?? null };
  const open = () =>
    form.open((record) => {
      if (record.kind !== 'ruleset') throw new Error(`a ruleset form emitted ${record.kind}`);
      rulesets.push(record.ruleset);
      lines.push(record.line);
    }, context);
  let reader: ReturnType<typeof open> | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    for (let attempt = 0; attempt < 2; attempt++) {
      if (!reader) {
        if (form.recognise(line, context) < 50) {
          if (line.trim() !== '') others.push(index + 1);
          break;
        }
        reader = open();
      }
      const outcome = reader.line(line, index + 1);
      if (outcome.is === 'unread') unread.push({ line: index + 1, reason: outcome.reason });
      if (outcome.is !== 'other') break;
      reader = null;
    }
  }
  reader?.end();
  reader?.end();
  return { rulesets, lines, unread, others };
}

/** All rules of a ruleset in the order of its chains. */
export function rulesOf(ruleset: Ruleset | undefined): readonly Rule[] {
  return ruleset?.chains.flatMap((chain) => chain.rules) ?? [];
}

/** Conditions in short: '!dport=1:1023'. */
export function short(conditions: readonly Condition[]): string[] {
  return conditions.map((one) => `${one.isNegated ? '!' : ''}${one.field}=${one.values.join(',')}`);
}
