// Something that comes in drops, handed on once in a while: so that each hand-over is worth a transaction, and idle time is told.

import type { ByteChunks } from './source.js';

export interface GatherOptions {
  /** Longest time that bytes wait. */
  readonly everyMs: number;
  /** More than this is handed on at once. */
  readonly mostBytes: number;
  readonly signal: AbortSignal;
  monotonicMs(): number;
  /** Where the bytes may be cut: what lies behind waits for more. */
  cut(bytes: Uint8Array): number;
}

const NOTHING = new Uint8Array(0);

/** The bytes in larger pieces; an empty one says that nothing came for `everyMs`. Ends with its input, or when the signal is aborted. */
export async function* gather(chunks: ByteChunks, options: GatherOptions): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  let held: Uint8Array[] = [];
  let size = 0;
  let sinceMs = options.monotonicMs();
  let stop = (): void => {};
  const stopped = new Promise<'stopped'>((resolve) => {
    stop = () => resolve('stopped');
    if (options.signal.aborted) stop();
    else options.signal.addEventListener('abort', stop, { once: true });
  });
  const take = (isLast: boolean): Uint8Array => {
    const bytes = Buffer.concat(held, size);
    const end = isLast ? bytes.length : options.cut(bytes);
    held = end === bytes.length ? [] : [bytes.subarray(end)];
    size = bytes.length - end;
    return bytes.subarray(0, end);
  };
  let next: Promise<IteratorResult<Uint8Array>> | null = null;
  try {
    for (;;) {
      next ??= iterator.next();
      // Waited for elsewhere, too: a failure must not count as unhandled meanwhile.
      next.catch(() => {});
      const timer = later(options.everyMs - (options.monotonicMs() - sinceMs));
      const came = await Promise.race([next, stopped, timer.done]);
      timer.clear();
      if (came === 'stopped') break;
      if (came !== 'late') {
        next = null;
        if (came.done === true) break;
        if (came.value.length > 0) {
          held.push(came.value);
          size += came.value.length;
        }
        if (size < options.mostBytes && options.monotonicMs() - sinceMs < options.everyMs) continue;
      }
      sinceMs = options.monotonicMs();
      yield size === 0 ? NOTHING : take(false);
    }
    if (size > 0) yield take(true);
  } finally {
    options.signal.removeEventListener('abort', stop);
    // Not awaited: a program that says nothing would keep us here; it ends by the same signal.
    void iterator.return?.();
  }
}

function later(ms: number): { readonly done: Promise<'late'>; clear(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const done = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), Math.max(1, ms));
  });
  return { done, clear: () => clearTimeout(timer) };
}
