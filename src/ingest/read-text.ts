// Reads the lines of one text source: finds the form of each stretch, hands lines to its reader, counts what nobody could read.

import type { EvidenceRecord } from '../model/record.js';
import type { Form, FormContext, FormReader } from '../parsers/form.js';
import { withoutPaste } from './as-pasted.js';
import { type CommandLine, commandLine, withoutPrefix } from './command-lines.js';
import { looksLikeNetfilter, recogniseLine } from './recognise.js';
import { type Stage, stagesOf } from './typed-stages.js';

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
/** What conntrack says on its error output stands among the lines of a typed line with several commands, in front of them. */
const ASIDE = /^(?:conntrack v\d|WARNING: )/;

export function openTextReader(options: TextReaderOptions, sink: TextSink): TextReader {
  let hint: CommandLine | null = options.command === null ? null : { command: options.command, netns: options.netns };
  let context: FormContext = { fileName: options.fileName, command: options.command };
  let reader: FormReader | null = null;
  let run: FormRun | null = null;
  let lastLine = 0;
  let strangers = 0;
  /** The commands of a typed line of several that have not printed everything yet, the one that prints first. */
  let stages: readonly Stage[] = [];
  let printed = 0;
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

  /** The first command that prints something is the one whose output comes. */
  const enterStage = (): void => {
    while (stages[0]?.lines === 0) stages = stages.slice(1);
    const stage = stages[0];
    printed = 0;
    if (stage === undefined) return;
    const typed = withoutPrefix(stage.command);
    hint = { command: typed.command, netns: typed.netns ?? hint?.netns ?? null };
    context = { fileName: options.fileName, command: typed.command };
    if (reader?.command?.(typed.command) !== true) endRun();
  };

  /** A line of output came: the command that prints a line has printed it. */
  const countPrinted = (text: string): void => {
    const lines = stages[0]?.lines;
    if (stages.length < 2 || lines == null || text.trim() === '' || ASIDE.test(text)) return;
    printed++;
    if (printed < lines) return;
    stages = stages.slice(1);
    enterStage();
  };

  /** true when the reader took the line, understood or not. */
  const offer = (to: FormReader, text: string, line: number): boolean => {
    const outcome = to.line(text, line);
    if (outcome.is === 'other') return false;
    if (outcome.is === 'unread') sink.unread(line, run?.form ?? null, outcome.reason, outcome.at, text);
    return true;
  };

  const readLine = (text: string, line: number): 'taken' | 'bulk' => {
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
  };

  return {
    counts,
    line(text, line) {
      counts.lines++;
      const typed = commandLine(text);
      if (typed === null) {
        const bare = withoutPaste(text);
        const outcome = readLine(bare, line);
        if (outcome === 'taken') countPrinted(bare);
        return outcome;
      }
      endRun();
      hint = typed;
      context = { fileName: options.fileName, command: typed.command };
      lastLine = line;
      const several = stagesOf(typed.command);
      stages = several.length > 1 ? several : [];
      enterStage();
      return 'taken';
    },
    end: endRun,
    isBetweenStretches: () => reader === null && stages.length < 2,
  };
}
