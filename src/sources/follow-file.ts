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
    if (facts !== null && isOther) {
      // What was written between our last look and the rotation lies in the old file, under a name beside this one.
      const old = beside(host, path, identity ?? '');
      if (old !== null) {
        for await (const chunk of host.stream(old, { fromByte: at })) yield chunk as Uint8Array;
      }
    }
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

/** The file with an identity in the folder of a path; NULL when it is gone (or was compressed). */
function beside(host: ReadHost, path: string, identity: string): string | null {
  const slash = path.lastIndexOf('/');
  const folder = slash < 0 ? '.' : path.slice(0, slash) || '/';
  const base = path.slice(slash + 1);
  try {
    for (const name of host.list(folder)) {
      const candidate = `${folder}/${name}`;
      if (name !== base && name.startsWith(base) && host.look(candidate)?.identity === identity) return candidate;
    }
  } catch {
    return null;
  }
  return null;
}
