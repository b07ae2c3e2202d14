// A file that grows, read as it grows: `tail -F`, through truncation and rotation, without losing what is written meanwhile.

import { type HeldFile, HostError, type ReadHost } from '../host/host.js';
import type { ByteChunks } from './source.js';
import { unpack } from './unpack.js';

export interface FollowOptions {
  readonly pollMs?: number;
  readonly signal: AbortSignal;
  /** The file was replaced or cut: what comes now begins another source. */
  onRestart(why: 'truncated' | 'rotated'): void;
}

/** So much before the place we read on from is compared: a file that was cut may have grown beyond it again. */
const TAIL_BYTES = 256;
const HEAD_BYTES = 1024;
const POLL_MS = 250;
const MOST_UNPACKED = 16 * 2 ** 30;

/** How far one file was read, and what tells it from others. */
interface Place {
  readonly file: HeldFile;
  at: number;
  /** First bytes, and the last before `at`. */
  head: Buffer;
  tail: Buffer;
}

/**
 * The bytes of a file now and later; ends when the signal is aborted. An empty chunk: nothing new for a while.
 * Renamed and made anew (logrotate's create): the old file is read on until its writer has begun the new one. Cut
 * (copytruncate): the rest of what was in it is read from its copy.
 * @throws HostError when it may not be read or is no regular file
 */
export async function* followFile(host: ReadHost, path: string, options: FollowOptions): AsyncGenerator<Uint8Array> {
  const pollMs = options.pollMs ?? POLL_MS;
  let place = hold(host, path);
  /** The new file has begun; the old one is looked at once more, behind the last thing its writer may have written. */
  let isLastLook = false;
  try {
    while (!options.signal.aborted) {
      place ??= hold(host, path);
      if (place !== null) {
        const sizeBytes = place.file.sizeBytes();
        if (isCut(place, sizeBytes)) {
          yield* restFromCopy(host, path, place);
          options.onRestart('truncated');
          place = begun(place.file);
          continue;
        }
        if (sizeBytes > place.at) {
          for await (const chunk of place.file.stream(place.at)) {
            pass(place, chunk as Buffer);
            yield chunk as Uint8Array;
            if (options.signal.aborted) return;
          }
          continue;
        }
        if (isLastLook) {
          isLastLook = false;
          place.file.close();
          place = null;
          options.onRestart('rotated');
          continue;
        }
        const named = host.look(path);
        isLastLook =
          named !== null && !named.isSymbolicLink && named.identity !== place.file.identity && named.sizeBytes > 0;
      }
      yield new Uint8Array(0);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  } finally {
    place?.file.close();
  }
}

function hold(host: ReadHost, path: string): Place | null {
  const file = host.hold(path);
  return file === null ? null : begun(file);
}

function begun(file: HeldFile): Place {
  return { file, at: 0, head: Buffer.alloc(0), tail: Buffer.alloc(0) };
}

function pass(place: Place, chunk: Uint8Array): void {
  place.at += chunk.length;
  if (place.head.length < HEAD_BYTES)
    place.head = Buffer.concat([place.head, chunk.subarray(0, HEAD_BYTES - place.head.length)]);
  place.tail = Buffer.concat([place.tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
}

function isCut({ file, at, tail }: Place, sizeBytes: number): boolean {
  if (sizeBytes < at) return true;
  return sizeBytes > at && !tail.equals(file.bytes(at - tail.length, at));
}

/** What lies behind our place in the copy that copytruncate made, plain or compressed by now; nothing when there is none. */
async function* restFromCopy(host: ReadHost, path: string, place: Place): AsyncGenerator<Uint8Array> {
  for (const name of namesBeside(host, path)) {
    try {
      const { chunks } = await unpack(host, name, host.stream(name), MOST_UNPACKED);
      const rest = await behind(chunks, place);
      if (rest === null) continue;
      yield* rest;
      return;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // Not readable, or still being compressed: the next one, or nothing.
    }
  }
}

/** The bytes behind our place, in a stream that is the same up to there; NULL when it is another. Closes it then. */
async function behind(chunks: ByteChunks, place: Place): Promise<ByteChunks | null> {
  const iterator = chunks[Symbol.asyncIterator]();
  const seen = { at: 0, head: Buffer.alloc(0), tail: Buffer.alloc(0), file: place.file };
  while (seen.at < place.at) {
    const next = await iterator.next();
    if (next.done === true) return null;
    const old = next.value.subarray(0, place.at - seen.at);
    pass(seen, old);
    const isOther = !seen.head.equals(place.head.subarray(0, seen.head.length));
    if (isOther || (seen.at === place.at && !seen.tail.equals(place.tail))) {
      await iterator.return?.();
      return null;
    }
    if (seen.at === place.at) {
      const rest = next.value.subarray(old.length);
      return (async function* () {
        if (rest.length > 0) yield rest;
        for (let more = await iterator.next(); more.done !== true; more = await iterator.next()) yield more.value;
      })();
    }
  }
  await iterator.return?.();
  return null;
}

/** Files in the folder of a path whose names begin like it: kern.log.1, kern.log-20261121.gz. */
function namesBeside(host: ReadHost, path: string): readonly string[] {
  const slash = path.lastIndexOf('/');
  const folder = slash < 0 ? '.' : path.slice(0, slash) || '/';
  const base = path.slice(slash + 1);
  try {
    return host
      .list(folder)
      .filter((name) => name !== base && name.startsWith(base))
      .map((name) => (slash < 0 ? name : `${folder}/${name}`));
  } catch (error) {
    if (error instanceof HostError) return [];
    throw error;
  }
}
