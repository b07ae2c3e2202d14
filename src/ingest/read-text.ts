// Reads the lines of one text source: finds the form of each stretch, hands lines to its reader, counts what nobody could read.

import type { EvidenceRecord } from '../model/record.js';
import type { Form, FormContext, FormReader } from '../parsers/form.js';
import { type CommandLine, commandLine } from './command-lines.js';
import { looksLikeNetfilter, recogniseLine } from './recognise.js';

/** A stretch of one form within a source, from its first line to the line that another form took over. */
export interface FormRun {
  readonly form: string;
  readonly firstLine: number;
  /** The command that is said to have printed it; NULL when nothing tells. */
  readonly command: string | null;
  readonly netns: string | null;
}

export interface TextSink {
  record(record: EvidenceRecord, run: FormRun): void;
  /** form NULL: no form wanted the line, but it looks like netfilter's. */
  unread(line: number, form: string | null, reason: string, column: number | null, text: string): void;
  /** A stretch ended (also at the end of the source). */
  runEnded(run: FormRun, lastLine: number): void;
}

export interface TextReaderOptions {
  readonly forms: readonly Form[];
  readonly fileName: string;
  /** What a manifest says about the whole source. */
  readonly command: string | null;
  readonly netns: string | null;
  /** A form whose lines somebody else reads as bytes; NULL: there is none. */
  readonly bulkForm?: string | null;
}

export interface TextReader {
  /** 'bulk': the line begins the bulk form; it was not taken, and from now on the bulk reader decides what comes here. */
  line(text: string, line: number): 'taken' | 'bulk';
  end(): void;
  /** true: no reader holds anything, so that a transaction may end here and reading may resume after this line. */
  isBetweenStretches(): boolean;
  readonly counts: { lines: number; unrecognised: number };
}

/** Lines in a row that no form wanted before the forms are asked about likely ones only. */
const PATIENCE = 1000;

export function openTextReader(options: TextReaderOptions, sink: TextSink): TextReader {
  let hint: CommandLine | null = options.command === null ? null : { command: options.command, netns: options.netns };
  let context: FormContext = { fileName: options.fileName, command: options.command };
  let reader: FormReader | null = null;
  let run: FormRun | null = null;
  let lastLine = 0;
  let strangers = 0;
  const counts = { lines: 0, unrecognised: 0 };

  const endRun = (): void => {
    if (reader === null || run === null) return;
    reader.end();
    sink.runEnded(run, lastLine);
    reader = null;
    run = null;
  };

  const begin = (form: Form, line: number): FormReader => {
    const begun: FormRun = {
      form: form.id,
      firstLine: line,
      command: hint?.command ?? null,
      netns: hint?.netns ?? options.netns,
    };
    run = begun;
    reader = form.open((record) => sink.record(record, begun), context);
    return reader;
  };

  /** true when the reader took the line, understood or not. */
  const offer = (to: FormReader, text: string, line: number): boolean => {
    const outcome = to.line(text, line);
    if (outcome.is === 'other') return false;
    if (outcome.is === 'unread') sink.unread(line, run?.form ?? null, outcome.reason, outcome.at, text);
    return true;
  };

  return {
    counts,
    line(text, line) {
      counts.lines++;
      const typed = commandLine(text);
      if (typed !== null) {
        endRun();
        hint = typed;
        context = { fileName: options.fileName, command: typed.command };
        lastLine = line;
        return 'taken';
      }
      if (reader !== null) {
        if (offer(reader, text, line)) {
          lastLine = line;
          return 'taken';
        }
        endRun();
      }
      lastLine = line;
      if (text.trim() === '') return 'taken';
      // Where nothing was recognised for long, only lines that look like evidence are worth asking every form about.
      if (strangers > PATIENCE && !looksLikeNetfilter(text)) {
        counts.unrecognised++;
        return 'taken';
      }
      const form = recogniseLine(options.forms, text, context);
      strangers = form === null ? strangers + 1 : 0;
      if (form !== null && form.id === options.bulkForm) return 'bulk';
      if (form !== null && offer(begin(form, line), text, line)) return 'taken';
      // A form that claims a line and then does not want it would be asked for ever: it counts as nobody's.
      if (form !== null) endRun();
      counts.unrecognised++;
      if (looksLikeNetfilter(text)) sink.unread(line, null, 'no known form', null, text);
      return 'taken';
    },
    end: endRun,
    isBetweenStretches: () => reader === null,
  };
}
