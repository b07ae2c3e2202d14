// A file that grows, read as it grows: `tail -F`, through truncation and rotation.

import type { ReadHost } from '../host/host.js';

export interface FollowOptions {
  readonly fromByte?: number;
  readonly pollMs?: number;
  readonly signal: AbortSignal;
  /** The file was replaced or cut: what comes now begins another source. */
  onRestart(why: 'truncated' | 'rotated'): void;
}

/**
 * The bytes of a file now and later; ends when the signal is aborted. An empty chunk: nothing new for a while.
 * A file that shrank was truncated or replaced (logrotate's copytruncate, create): it is read anew from its start.
 */
export async function* followFile(host: ReadHost, path: string, options: FollowOptions): AsyncGenerator<Uint8Array> {
  let at = options.fromByte ?? 0;
  let identity = host.look(path)?.identity ?? null;
  while (!options.signal.aborted) {
    const facts = host.look(path);
    const isOther = facts !== null && identity !== null && facts.identity !== identity;
    if (facts !== null && (isOther || facts.sizeBytes < at)) {
      options.onRestart(isOther ? 'rotated' : 'truncated');
      at = 0;
    }
    if (facts !== null) identity = facts.identity;
    if (facts !== null && facts.sizeBytes > at) {
      for await (const chunk of host.stream(path, { fromByte: at })) {
        at += (chunk as Uint8Array).length;
        yield chunk as Uint8Array;
        if (options.signal.aborted) return;
      }
      continue;
    }
    yield new Uint8Array(0);
    await new Promise((resolve) => setTimeout(resolve, options.pollMs ?? 250));
  }
}
