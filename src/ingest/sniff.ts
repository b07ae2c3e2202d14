// What the first bytes of a source tell before it is read: its forms, whose it is, and whether it is a log or a listing.

import type { RecordKind } from '../model/record.js';
import type { BinaryForm, Form } from '../parsers/form.js';
import { foreignBinary } from '../sources/magic.js';
import { isRealHostName } from './call-hosts.js';
import { KERNEL_LOG_FORM } from './kernel-log/open-kernel-log.js';
import { openLineHosts } from './line-hosts.js';
import { partOfRecord } from './parts.js';
import { openTextReader } from './read-text.js';
import { lineText } from './split-lines.js';

export interface Sniffed {
  /** Forms seen, in order. Empty: none recognised so far. */
  readonly forms: readonly string[];
  readonly binary: BinaryForm | null;
  /** Why a binary file is of no use; NULL for text and known binary forms. */
  readonly foreign: string | null;
  /** Listings only: it may wait until its moment is known, and is read as a whole. */
  readonly isListing: boolean;
  /** It speaks about other files, and should be read before them. */
  readonly isManifest: boolean;
  /** The host its lines name, the first of several; NULL when they name none. */
  readonly host: string | null;
  /** Every real host name its lines show, in order. */
  readonly hosts: readonly string[];
  /** Of the first journal record that tells. */
  readonly machineId: string | null;
  /** The boot its records name; NULL when they name none or several. */
  readonly bootId: string | null;
  /** Date of the first stamp that names no year; NULL: none does. */
  readonly firstDate: { readonly month: number; readonly day: number } | null;
}

/** Of what need not be looked into. */
export const NOTHING_SNIFFED: Sniffed = {
  forms: [],
  binary: null,
  foreign: null,
  isListing: false,
  isManifest: false,
  host: null,
  hosts: [],
  machineId: null,
  bootId: null,
  firstDate: null,
};

/** How much is looked at. */
export const SNIFF_BYTES = 64 << 10;

export function sniff(
  forms: readonly Form[],
  binaryForms: readonly BinaryForm[],
  head: Uint8Array,
  fileName: string,
  command: string | null,
): Sniffed {
  const nothing = {
    forms: [],
    foreign: null,
    isListing: false,
    isManifest: false,
    host: null,
    hosts: [],
    machineId: null,
    bootId: null,
    firstDate: null,
  };
  const binary = binaryForms.find((form) => form.recognise(head)) ?? null;
  if (binary !== null) return { ...nothing, forms: [binary.id], binary };
  const foreign = foreignBinary(head);
  if (foreign !== null) return { ...nothing, binary, foreign };

  const seen = new Set<string>();
  const kinds = new Set<RecordKind>();
  const hosts = new Set<string>();
  const boots = new Set<string>();
  let machineId: string | null = null;
  let hasListing = false;
  let firstDate = null as Sniffed['firstDate'];
  const reader = openTextReader(
    { forms, fileName, command, netns: null },
    {
      record(record, run) {
        seen.add(run.form);
        kinds.add(record.kind);
        if (partOfRecord(record) !== null) hasListing = true;
        if (record.kind === 'kernel') {
          if (isRealHostName(record.envelope.host)) hosts.add(record.envelope.host);
          machineId ??= record.envelope.machineId ?? null;
          const yearless = record.envelope.stamps.find((stamp) => stamp.kind === 'wall' && stamp.year === null);
          if (firstDate === null && yearless?.kind === 'wall') firstDate = { month: yearless.month, day: yearless.day };
          if (record.envelope.bootId !== null) boots.add(record.envelope.bootId);
        }
      },
      unread: () => {},
      runEnded: (run) => seen.add(run.form),
    },
  );
  const lineHosts = openLineHosts();
  let line = 0;
  let start = 0;
  while (start < head.length) {
    const newline = head.indexOf(0x0a, start);
    // The head ends within a line, unless it is all there is: then that line is most of what can be seen.
    if (newline < 0 && line > 0 && head.length >= SNIFF_BYTES) break;
    const end = newline < 0 ? head.length : newline + 1;
    reader.line(lineText(head, start, end), ++line);
    // Other programs' lines in a log name its host as well as the kernel's.
    if (seen.has(KERNEL_LOG_FORM)) {
      const host = lineHosts.of(head, start, end);
      if (isRealHostName(host)) hosts.add(host);
    }
    start = end;
  }
  reader.end();
  const streams = ['kernel', 'ct-event', 'host-event', 'trace-step', 'captured-packet'] as const;
  const isStream = streams.some((kind) => kinds.has(kind));
  return {
    forms: [...seen],
    binary: null,
    foreign: null,
    isListing: !isStream && (hasListing || (seen.size > 0 && kinds.size === 0)),
    isManifest: kinds.has('bundle') && !isStream && !hasListing,
    host: [...hosts][0] ?? null,
    hosts: [...hosts],
    machineId,
    bootId: boots.size === 1 ? [...boots][0]! : null,
    firstDate,
  };
}
