// The last line of a file that its writer had not finished: it is read as it stands, and when the file has grown it is taken back and
// read again as a whole, so that it is one record and no piece of it is kept.

import { peek } from '../sources/peek.js';
import type { ByteChunks } from '../sources/source.js';
import type { Db } from '../store/open-store.js';
import { readRawLineBytes } from '../store/raw-blocks.js';
import { type KnownSource, tailHash } from '../store/sources.js';
import { type SourceState, takeBack } from '../store/take-back.js';
import type { Continuation } from './known-source.js';
import type { OpenState, ReadJob } from './read-source.js';

/** The state before the half line; NULL: the source ended with a whole one, or with a line that cannot be taken back. */
export function halfLineOf(openState: string | null): SourceState | null {
  return openState === null ? null : ((JSON.parse(openState) as OpenState).half ?? null);
}

export interface ResumedSource {
  readonly chunks: ByteChunks;
  readonly from: ReadJob['from'];
  /** What was taken back; NULL: nothing. */
  readonly takenBack: SourceState | null;
}

/** Where to read on in a known source, and the bytes from there. */
export async function resumeSource(
  db: Db,
  known: KnownSource,
  next: Continuation & { readonly is: 'continued' },
): Promise<ResumedSource> {
  const end = { bytes: known.doneBytes, lines: known.doneLines, tail: next.tail, openState: known.openState };
  const half = halfLineOf(known.openState);
  if (half === null) return { chunks: next.chunks, from: end, takenBack: null };
  const peeked = await peek(next.chunks, 1);
  const piece = peeked.head.length === 0 ? null : readRawLineBytes(db, known.id, known.doneLines);
  if (piece === null) return { chunks: peeked.chunks, from: end, takenBack: null };
  db.transaction(() => takeBack(db, known.id, half, tailHash(next.tailBefore)))();
  return {
    chunks: behind(piece, peeked.chunks),
    from: { bytes: half.doneBytes, lines: half.doneLines, tail: next.tailBefore, openState: half.openState },
    takenBack: half,
  };
}

async function* behind(first: Uint8Array, rest: ByteChunks): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}
