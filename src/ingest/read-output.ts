// The output of one command of the running host, line by line as it comes, through the forms that read files.

import { HostError, type ProgramOutput, type ReadHost } from '../host/host.js';
import type { HostReading } from '../model/host-reading.js';
import type { LinePrint } from '../model/line-print.js';
import type { EvidenceRecord } from '../model/record.js';
import { openLinePrinter } from '../parsers/conntrack/line-printer.js';
import type { Form, FormReader } from '../parsers/form.js';
import { conntrackListForm } from '../parsers/forms/conntrack-list.js';
import { openTextReader } from './read-text.js';
import { type LineRegion, lineText, lineTexts, openLineSplitter } from './split-lines.js';

export interface OutputDeps {
  readonly host: ReadHost;
  readonly clock: { nowUs(): number };
  readonly signal?: AbortSignal;
}

export interface OutputReading {
  readonly beganUs: number;
  readonly endedUs: number;
  readonly records: number;
  /** Lines that no form could read, and the first of them with its reason. */
  readonly unread: number;
  readonly firstUnread: string | null;
  /** What the command said when it failed; NULL: it did not. */
  readonly failure: string | null;
}

/** What a reading prints, with the time at which each piece came. */
export interface Output {
  readonly beganUs: number;
  readonly pieces: AsyncIterable<{ readonly bytes: Uint8Array; readonly atUs: number }>;
  /** When its last piece came; NULL: it goes on. */
  endedUs(): number | null;
  /** What the command said when it failed; NULL: it did not. Asked behind the last piece. */
  failure(): Promise<string | null>;
  stop(): void;
}

/** Starts a reading. Never throws for a command that fails or is not there. */
export function openOutput(deps: OutputDeps, { source }: HostReading): Output {
  const { host, clock, signal } = deps;
  const beganUs = clock.nowUs();
  if (source.is !== 'program') return textOutput(source.is === 'text' ? source.text() : '', beganUs);
  let running: ProgramOutput;
  try {
    running = host.pipe(source.program, source.args, signal === undefined ? {} : { signal });
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    const { message } = error;
    return { ...textOutput('', beganUs), failure: async () => message };
  }
  let endedUs: number | null = null;
  async function* pieces(): AsyncGenerator<{ readonly bytes: Uint8Array; readonly atUs: number }> {
    for await (const chunk of running.stdout) yield { bytes: chunk as Uint8Array, atUs: clock.nowUs() };
    endedUs = clock.nowUs();
  }
  return {
    beganUs,
    pieces: pieces(),
    endedUs: () => endedUs,
    async failure() {
      const { exitStatus, signal: killedBy, stderr } = await running.ended;
      if (exitStatus === 0) return null;
      const said = stderr.trim().split('\n').at(-1) ?? '';
      return said !== '' ? said : killedBy === null ? `ended with status ${exitStatus}` : `ended by ${killedBy}`;
    },
    stop: () => running.stop(),
  };
}

function textOutput(text: string, atUs: number): Output {
  async function* pieces() {
    if (text !== '') yield { bytes: Buffer.from(text), atUs };
  }
  return { beganUs: atUs, pieces: pieces(), endedUs: () => atUs, failure: async () => null, stop: () => {} };
}

/**
 * Takes what a reading prints into memory, up to a bound: what it prints beyond waits in its pipe.
 * @returns the same output from its beginning, and how much is held of it
 */
export async function holdOutput(
  output: Output,
  mostBytes: number,
): Promise<{ readonly output: Output; readonly heldBytes: number; readonly isWhole: boolean }> {
  const held: { readonly bytes: Uint8Array; readonly atUs: number }[] = [];
  const rest = output.pieces[Symbol.asyncIterator]();
  let heldBytes = 0;
  let isWhole = false;
  while (!isWhole && heldBytes <= mostBytes) {
    const next = await rest.next();
    if (next.done === true) isWhole = true;
    else {
      held.push(next.value);
      heldBytes += next.value.bytes.length;
    }
  }
  async function* pieces() {
    yield* held;
    if (!isWhole) yield* { [Symbol.asyncIterator]: () => rest };
  }
  return { output: { ...output, pieces: pieces() }, heldBytes, isWhole };
}

/** Where it goes what a reading tells. */
export interface OutputSink {
  /** @param print of the line, where it is one of a listing of entries and can be known again by it */
  record(record: EvidenceRecord, atUs: number, print: LinePrint | null): void;
  /** Whether a line of a listing was known and taken in by its print alone: then nobody reads it. */
  shownAgain?(print: LinePrint, atUs: number): boolean;
}

/**
 * Reads a reading to its end. Never throws for a command that fails; a record's time is that of the bytes it came with.
 * @param output what it prints, where it was begun before
 */
export async function readOutput(
  deps: OutputDeps,
  forms: readonly Form[],
  reading: HostReading,
  sink: OutputSink,
  output: Output = openOutput(deps, reading),
): Promise<OutputReading> {
  let atUs = output.beganUs;
  let records = 0;
  let unread = 0;
  let firstUnread: string | null = null;
  let print: LinePrint | null = null;
  const take = (record: EvidenceRecord): void => {
    records++;
    sink.record(record, atUs, print);
  };
  const noteUnread = (text: string, reason: string): void => {
    unread++;
    firstUnread ??= `'${text.slice(0, 120)}': ${reason}`;
  };
  const isList = reading.part.startsWith('list:');
  const lines = isList
    ? openOneForm(conntrackListForm, reading.command, take, noteUnread)
    : openAnyForm(forms, reading.command, take, noteUnread);
  const splitter = openLineSplitter();
  let line = 0;
  const printer = openLinePrinter(reading.command);
  const takeListed = ({ bytes, start, end }: LineRegion): void => {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let from = start; from < end; ) {
      const newline = view.indexOf(NEWLINE, from);
      const to = newline < 0 || newline >= end ? end : newline;
      line++;
      print = printer.print(view, from, to);
      if (print !== null && sink.shownAgain?.(print, atUs) === true) records++;
      else lines.line(lineText(view, from, to), line);
      from = to + 1;
    }
  };
  const takeRegion = (region: LineRegion): void => {
    if (isList) takeListed(region);
    else for (const text of lineTexts(region)) lines.line(text, ++line);
  };
  for await (const piece of output.pieces) {
    atUs = piece.atUs;
    for (const region of splitter.push(piece.bytes)) takeRegion(region);
  }
  const last = splitter.end();
  if (last !== null) takeRegion(last);
  lines.end();
  const failure = await output.failure();
  const endedUs = output.endedUs() ?? deps.clock.nowUs();
  return { beganUs: output.beganUs, endedUs, records, unread, firstUnread, failure };
}

const NEWLINE = 0x0a;

interface Lines {
  line(text: string, line: number): void;
  end(): void;
}

type NoteUnread = (text: string, reason: string) => void;

/** A listing of a million lines is of one form: asking the others about each of them would take as long again. */
function openOneForm(form: Form, command: string, take: (record: EvidenceRecord) => void, note: NoteUnread): Lines {
  const open = (): FormReader => form.open(take, { fileName: '', command });
  let reader = open();
  return {
    line(text, line) {
      const outcome = reader.line(text, line);
      if (outcome.is === 'taken') return;
      note(text, outcome.is === 'unread' ? outcome.reason : 'no line of a listing');
      if (outcome.is === 'other') reader = open();
    },
    end: () => reader.end(),
  };
}

function openAnyForm(
  forms: readonly Form[],
  command: string,
  take: (record: EvidenceRecord) => void,
  note: NoteUnread,
): Lines {
  const reader = openTextReader(
    { forms, fileName: '', command, netns: null },
    { record: take, unread: (_line, _form, reason, _column, text) => note(text, reason), runEnded: () => {} },
  );
  return { line: (text, line) => void reader.line(text, line), end: () => reader.end() };
}
