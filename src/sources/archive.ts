// The members of a tar archive, one after another, as sources. Members are streams of bytes with a name; nothing is extracted.

import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { type ByteChunks, type Found, SourceError, type SourceLimits } from './source.js';

/** What openInputs does with a member: it may itself be compressed or an archive. */
export type MemberOpener = (
  member: {
    readonly name: string;
    readonly path: string;
    readonly sizeBytes: number;
    readonly modifiedAtUs: number | null;
  },
  chunks: ByteChunks,
) => AsyncIterable<Found>;

/**
 * Walks a tar archive. A member must be read (or left) before the next is asked for; what is not read of it is passed over.
 * Links, devices and folders are no evidence and are passed over silently; names are labels only and never become paths.
 * A cut archive gives what could be read and then one 'skipped' that says so.
 */
export async function* archiveMembers(
  archive: string,
  chunks: ByteChunks,
  limits: SourceLimits,
  open: MemberOpener,
): AsyncGenerator<Found> {
  const tar = extract();
  let failure: unknown = null;
  const input = Readable.from(
    (async function* () {
      try {
        yield* chunks;
      } catch (error) {
        failure = error;
      }
    })(),
    { objectMode: false, highWaterMark: 1 << 20 },
  );
  input.on('error', () => {});
  // An archive that ends within a member fails while the member is read, not while the next is asked for.
  tar.on('error', (error) => {
    failure ??= error;
  });
  input.pipe(tar);
  let seen = 0;
  try {
    for await (const entry of tar) {
      const { header } = entry;
      const path = memberPath(header.name);
      const sizeBytes = header.size ?? 0;
      const name = `${archive}!${path}`;
      if (header.type !== 'file' && header.type !== 'contiguous-file') {
        entry.resume();
        continue;
      }
      seen++;
      if (seen > limits.maxItems) {
        yield { is: 'skipped', name: archive, why: `more than ${limits.maxItems} members; the rest was left out` };
        return;
      }
      if (sizeBytes > limits.maxBytes) {
        yield { is: 'skipped', name, why: `${sizeBytes} bytes are more than the limit of ${limits.maxBytes}` };
        entry.resume();
        continue;
      }
      const modifiedAtUs =
        header.mtime === undefined || header.mtime.getTime() <= 0 ? null : header.mtime.getTime() * 1000;
      yield* open({ name, path, sizeBytes, modifiedAtUs }, whole(name, entry as unknown as ByteChunks));
      if (!entry.readableEnded) entry.resume();
    }
  } catch (error) {
    failure ??= error;
  } finally {
    input.destroy();
    tar.destroy();
  }
  if (failure !== null) {
    const said =
      failure instanceof SourceError
        ? failure.message
        : `the archive ends or breaks here (${failure instanceof Error ? failure.message : String(failure)})`;
    yield { is: 'skipped', name: archive, why: `${said}; ${seen} members were found before that` };
  }
}

async function* whole(name: string, chunks: ByteChunks): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch {
    throw new SourceError(`${name}: the archive ends or breaks within it; what came before was read`);
  }
}

/** The member's name as a plain relative path: no leading slash, no '.' and '..' steps. */
function memberPath(name: string): string {
  return name
    .split('/')
    .filter((step) => step !== '' && step !== '.' && step !== '..')
    .join('/');
}
