// Has this source been read before, and how far? Known by content: head, then the bytes before the point it was left at.

import { type ByteChunks, SourceError } from '../sources/source.js';
import { type KnownSource, TAIL_BYTES, tailHash } from '../store/sources.js';

export type Continuation =
  /** The rest of the source after the resume point; nothing may be in it. tailBefore: what lies in front of the last `lastLineBytes`. */
  | {
      readonly is: 'continued';
      readonly chunks: ByteChunks;
      readonly tail: Uint8Array;
      readonly tailBefore: Uint8Array;
    }
  /** Shorter than what was read before: a cut copy, nothing new in it. */
  | { readonly is: 'shorter' }
  /** Same head, other text where it was left: rewritten since. */
  | { readonly is: 'rewritten' };

const NOTHING = new Uint8Array(0);

/**
 * Passes over what was read before and compares its last bytes. Consumes the chunks up to the resume point.
 * @param lastLineBytes of a line that may have to be read again
 */
export async function continueSource(
  chunks: ByteChunks,
  known: KnownSource,
  lastLineBytes: number,
): Promise<Continuation> {
  if (known.doneBytes === 0) return { is: 'continued', chunks, tail: NOTHING, tailBefore: NOTHING };
  const kept = TAIL_BYTES + lastLineBytes;
  const iterator = chunks[Symbol.asyncIterator]();
  let passed = 0;
  let tail: Uint8Array = NOTHING;
  let rest: Uint8Array = NOTHING;
  while (passed < known.doneBytes) {
    let next: IteratorResult<Uint8Array>;
    try {
      next = await iterator.next();
    } catch (error) {
      if (error instanceof SourceError) return { is: 'shorter' };
      throw error;
    }
    if (next.done === true) return { is: 'shorter' };
    const wanted = Math.min(next.value.length, known.doneBytes - passed);
    const old = next.value.subarray(0, wanted);
    passed += wanted;
    tail = old.length >= kept ? Buffer.from(old.subarray(-kept)) : Buffer.concat([tail, old]).subarray(-kept);
    rest = next.value.subarray(wanted);
  }
  const tailBefore = tail.subarray(0, Math.max(0, tail.length - lastLineBytes)).subarray(-TAIL_BYTES);
  tail = tail.subarray(-TAIL_BYTES);
  if (known.tailHash === null || !known.tailHash.equals(tailHash(tail))) {
    await iterator.return?.();
    return { is: 'rewritten' };
  }
  async function* remaining(): AsyncGenerator<Uint8Array> {
    try {
      if (rest.length > 0) yield rest;
      for (;;) {
        const next = await iterator.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { is: 'continued', chunks: remaining(), tail, tailBefore };
}
