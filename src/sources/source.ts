// What a source of evidence is before anybody understands it: a name, where it lies in what was given, and its bytes.

import type { NetnsFacts } from '../model/host-reading.js';

/** A source could not be read, or not to its end. message says on what, what happened and what to do. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

/** Each chunk is valid until the next is asked for: a reader may use its buffer again. */
export type ByteChunks = AsyncIterable<Uint8Array>;

export interface SourceItem {
  /** As people call it: the path as given, inside an archive 'case.tar!var/log/messages', '-' for standard input. */
  readonly name: string;
  /** Position below the input it came with, '/' separated: 'before/conntrack-L.txt'. Names without folders for single files. */
  readonly path: string;
  /** The input of the call (file, folder, archive) it came with: what a manifest in the same input speaks about. */
  readonly input: string;
  /** Size before decompression; NULL for pipes. */
  readonly sizeBytes: number | null;
  /** Of a file: when it was last written. */
  readonly modifiedAtUs: number | null;
  /** true: open() may be called again later (a file); false: the bytes pass by once (archive member, pipe). */
  readonly canReopen: boolean;
  /**
   * The bytes after decompression. Throws SourceError in the middle when the rest cannot be read: what came before is good.
   */
  open(): ByteChunks;
  /** Set for what is read from the running host, or followed while it grows. */
  readonly live?: LiveFacts;
}

export interface LiveFacts {
  readonly kind: 'file' | 'kmsg' | 'journal' | 'events';
  /** First bytes; empty for what has no beginning of its own. */
  readonly head: Uint8Array;
  /** Takes the place of the head in the identity: the boot of a ring buffer. '' for files. */
  readonly place: string;
  /** The namespace it is of; left out: it is not of one. */
  readonly netns?: NetnsFacts;
  /** What prints it. */
  readonly command?: string;
}

/** Something found in an input: a source to read, or a reason why something was left out. */
export type Found =
  | { readonly is: 'source'; readonly item: SourceItem }
  | { readonly is: 'skipped'; readonly name: string; readonly why: string };

export interface SourceLimits {
  /** A larger member of an archive, or more bytes after decompression, is left out with a reason. */
  readonly maxBytes: number;
  /** Files in one tree or archive. */
  readonly maxItems: number;
  /** Archives within archives, folders within folders. */
  readonly maxDepth: number;
}

export const SANE_LIMITS: SourceLimits = { maxBytes: 16 * 2 ** 30, maxItems: 100_000, maxDepth: 32 };
