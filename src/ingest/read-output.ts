// The output of one command of the running host, line by line as it comes, through the forms that read files.

import { HostError, type ReadHost } from '../host/host.js';
import type { HostReading } from '../model/host-reading.js';
import type { EvidenceRecord } from '../model/record.js';
import type { Form, FormReader } from '../parsers/form.js';
import { conntrackListForm } from '../parsers/forms/conntrack-list.js';
import type { ByteChunks } from '../sources/source.js';
import { openTextReader } from './read-text.js';
import { type LineRegion, lineTexts, openLineSplitter } from './split-lines.js';

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

/** Reads a reading to its end. Never throws for a command that fails; a record's time is that of the bytes it came with. */
export async function readOutput(
  deps: OutputDeps,
  forms: readonly Form[],
  reading: HostReading,
  onRecord: (record: EvidenceRecord, atUs: number) => void,
): Promise<OutputReading> {
  const beganUs = deps.clock.nowUs();
  let atUs = beganUs;
  let records = 0;
  let unread = 0;
  let firstUnread: string | null = null;
  const take = (record: EvidenceRecord): void => {
    records++;
    onRecord(record, atUs);
  };
  const noteUnread = (text: string, reason: string): void => {
    unread++;
    firstUnread ??= `'${text.slice(0, 120)}': ${reason}`;
  };
  const lines = reading.part.startsWith('list:')
    ? openOneForm(conntrackListForm, reading.command, take, noteUnread)
    : openAnyForm(forms, reading.command, take, noteUnread);
  const splitter = openLineSplitter();
  let line = 0;
  const takeRegion = (region: LineRegion): void => {
    for (const text of lineTexts(region)) lines.line(text, ++line);
  };
  let failure: string | null = null;
  try {
    const output = open(deps, reading);
    for await (const chunk of output.chunks) {
      atUs = deps.clock.nowUs();
      const region = splitter.push(chunk);
      if (region !== null) takeRegion(region);
    }
    const last = splitter.end();
    if (last !== null) takeRegion(last);
    lines.end();
    failure = await output.failure();
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    failure = error.message;
  }
  return { beganUs, endedUs: deps.clock.nowUs(), records, unread, firstUnread, failure };
}

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

function open(
  { host, signal }: OutputDeps,
  { source }: HostReading,
): { readonly chunks: ByteChunks; failure(): Promise<string | null> } {
  if (source.is === 'text') return { chunks: once(source.text()), failure: async () => null };
  if (source.is === 'absent') return { chunks: once(''), failure: async () => null };
  const running = host.pipe(source.program, source.args, signal === undefined ? {} : { signal });
  return {
    chunks: running.stdout as AsyncIterable<Uint8Array>,
    async failure() {
      const { exitStatus, signal: killedBy, stderr } = await running.ended;
      if (exitStatus === 0) return null;
      const said = stderr.trim().split('\n').at(-1) ?? '';
      return said !== '' ? said : killedBy === null ? `ended with status ${exitStatus}` : `ended by ${killedBy}`;
    },
  };
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  if (text !== '') yield Buffer.from(text);
}
