// What a text form is to the ingest: something that recognises its own lines and reads them one after another.
// Files mix forms (a mail with a listing, a log and a ruleset), so a form says when a line is no longer its own.

import type { EvidenceRecord } from '../model/record.js';

export type Emit = (record: EvidenceRecord) => void;

/**
 * 'taken'   the line belongs to this form and was understood (or is a head, a blank or a comment of it)
 * 'unread'  it belongs to this form but could not be read; it is kept, counted and shown with the reason
 * 'other'   it is not this form's: the reader has ended itself (emitted what it held) and the line is offered elsewhere
 */
export type LineOutcome =
  | { readonly is: 'taken' }
  | { readonly is: 'unread'; readonly reason: string; readonly at: number }
  | { readonly is: 'other' };

export const TAKEN: LineOutcome = { is: 'taken' };
export const OTHER: LineOutcome = { is: 'other' };

export interface FormReader {
  /** @param line number of the line in its source, from 1. @param text without its line end. Never throws. */
  line(text: string, line: number): LineOutcome;
  /**
   * What comes next was printed by another command of the same typed line. false, or no such method: the form cannot go on with that,
   * its reader is ended and the forms are asked anew.
   */
  command?(command: string): boolean;
  /** The source ended, or another form begins: emit what is still held. Safe to call twice. */
  end(): void;
}

/** What the ingest knows of the source before its first line. */
export interface FormContext {
  /** Name of the file without folders, lower case, without .gz/.xz/.zst: a hint only ('ip6tables-save', 'conntrack-L-dying.txt'). */
  readonly fileName: string;
  /** The command a manifest says printed it; NULL when none does. */
  readonly command: string | null;
}

export interface Form {
  /** Stable id, shown to people: 'conntrack -L', 'iptables-save', 'ss'. */
  readonly id: string;
  /** One line for `ctwhy help formats`. */
  readonly title: string;
  /**
   * How surely this line begins this form, 0 (no) to 100 (only this form looks so). Called for a line that no open reader wants.
   * 50 and more starts the form on this line alone; less needs a hint from the context.
   */
  recognise(line: string, context: FormContext): number;
  open(emit: Emit, context: FormContext): FormReader;
}

/** A form that is not text: recognised by its first bytes (after decompression). */
export interface BinaryForm {
  readonly id: string;
  readonly title: string;
  recognise(head: Uint8Array): boolean;
  open(emit: Emit, context: FormContext): BinaryReader;
}

export interface BinaryReader {
  /** Feeds the next bytes, in any split. Returns reasons for what could not be read (packet number instead of a line). Never throws. */
  bytes(chunk: Uint8Array): readonly { readonly line: number; readonly reason: string }[];
  end(): readonly { readonly line: number; readonly reason: string }[];
}
