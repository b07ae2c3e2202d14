// Has this source been read before, and how far? Known by content: head, then the bytes before the point it was left at.

import { type ByteChunks, SourceError } from '../sources/source.js';
import { type KnownSource, TAIL_BYTES, tailHash } from '../store/sources.js';

export type Continuation =
  /** The rest of the source after the resume point; nothing may be in it. */
  | { readonly is: 'continued'; readonly chunks: ByteChunks; readonly tail: Uint8Array }
  /** Shorter than what was read before: a cut copy, nothing new in it. */
  | { readonly is: 'shorter' }
  /** Same head, other text where it was left: rewritten since. */
  | { readonly is: 'rewritten' };

/** Passes over what was read before and compares its last bytes. Consumes the chunks up to the resume point. */
export async function continueSource(chunks: ByteChunks, known: KnownSource): Promise<Continuation> {
  if (known.doneBytes === 0) return { is: 'continued', chunks, tail: new Uint8Array(0) };
  const iterator = chunks[Symbol.asyncIterator]();
  let passed = 0;
  let tail: Uint8Array = new Uint8Array(0);
  let rest: Uint8Array = new Uint8Array(0);
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
    tail =
      old.length >= TAIL_BYTES
        ? Buffer.from(old.subarray(-TAIL_BYTES))
        : Buffer.concat([tail, old]).subarray(-TAIL_BYTES);
    rest = next.value.subarray(wanted);
  }
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
  return { is: 'continued', chunks: remaining(), tail };
}
