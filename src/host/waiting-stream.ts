// What gives its bytes when somebody else has some: pipes, terminals, devices. Read without ever blocking a thread, because a
// thread that waits inside read() keeps the whole process from ending.

import { closeSync, readSync } from 'node:fs';
import { Readable } from 'node:stream';
import { HostError } from './host.js';

const PIECE_BYTES = 64 << 10;
/** Nobody may have opened the other end of a named pipe yet. */
const WRITER_MS = 5_000;
const FIRST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 20;

/**
 * The bytes of a descriptor opened with O_NONBLOCK, until its other end is closed; closes it.
 * @throws HostError (by the stream) for a named pipe that nobody opens for writing within five seconds
 */
export function waitingStream(descriptor: number, path: string, isNamedPipe: boolean): Readable {
  const buffer = Buffer.alloc(PIECE_BYTES);
  async function* pieces(): AsyncGenerator<Buffer> {
    let hasWriter = !isNamedPipe;
    const beganMs = performance.now();
    let waitMs = FIRST_WAIT_MS;
    try {
      for (;;) {
        const length = readOrWait(descriptor, buffer);
        if (length !== null && length > 0) {
          hasWriter = true;
          waitMs = FIRST_WAIT_MS;
          yield Buffer.from(buffer.subarray(0, length));
          continue;
        }
        // Zero bytes of a pipe: no writer any more, or none yet (fs/pipe.c: pipe_read(), v6.1).
        if (length === 0 && hasWriter) return;
        if (length === null) hasWriter = true;
        else if (performance.now() - beganMs >= WRITER_MS)
          throw new HostError('failed', path, `cannot read ${path}: a pipe that nobody writes to`);
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        // Who is given up does not hear of it before the next piece, and there may be none.
        if (stream.destroyed) return;
        waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
      }
    } finally {
      closeSync(descriptor);
    }
  }
  const stream = Readable.from(pieces(), { objectMode: false, highWaterMark: PIECE_BYTES });
  return stream;
}

/** How many bytes came; NULL: none yet. */
function readOrWait(descriptor: number, buffer: Buffer): number | null {
  try {
    return readSync(descriptor, buffer, 0, buffer.length, null);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN' || code === 'EINTR') return null;
    throw error;
  }
}
