// Looks at the first bytes of a stream and gives the whole stream back.

import type { ByteChunks } from './source.js';

export interface Peeked {
  /** Up to the wanted number of bytes; fewer when the stream is shorter. */
  readonly head: Uint8Array;
  /** The whole stream, the head included. To be read once. */
  readonly chunks: ByteChunks;
}

/**
 * Reads until `wanted` bytes are there or the stream ends. An error that comes before that is kept and thrown by `chunks`
 * after the bytes that were read, so that a cut stream still shows its beginning.
 */
export async function peek(chunks: ByteChunks, wanted: number): Promise<Peeked> {
  const iterator = chunks[Symbol.asyncIterator]();
  const held: Uint8Array[] = [];
  let size = 0;
  let failure: { readonly error: unknown } | null = null;
  let isDone = false;
  while (size < wanted && !isDone) {
    try {
      const next = await iterator.next();
      if (next.done === true) isDone = true;
      else if (next.value.length > 0) {
        // A copy: the next chunk may come in the same buffer.
        held.push(Buffer.from(next.value));
        size += next.value.length;
      }
    } catch (error) {
      failure = { error };
      isDone = true;
    }
  }
  const head = Buffer.concat(held).subarray(0, wanted);
  // Not a generator: one that was never started would not close what lies below it.
  const rest: AsyncIterator<Uint8Array> = {
    async next() {
      const first = held.shift();
      if (first !== undefined) return { done: false, value: first };
      if (failure !== null) {
        const { error } = failure;
        failure = null;
        throw error;
      }
      if (isDone) return { done: true, value: undefined };
      const next = await iterator.next();
      if (next.done === true) isDone = true;
      return next;
    },
    async return() {
      held.length = 0;
      failure = null;
      if (!isDone) {
        isDone = true;
        await iterator.return?.();
      }
      return { done: true, value: undefined };
    },
  };
  return { head, chunks: { [Symbol.asyncIterator]: () => rest } };
}
