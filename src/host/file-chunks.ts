// The bytes of a large file through one buffer: what streams allocate for every read waits for a major collection, and that is
// megabytes of memory for nothing.

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

const MOST_READ_BYTES = 1 << 20;
const LEAST_READ_BYTES = 1 << 14;

/** A regular file from its beginning to its end. Each chunk is valid until the next is asked for. */
export async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size } = await file.stat();
    const buffer = Buffer.allocUnsafeSlow(Math.min(MOST_READ_BYTES, Math.max(LEAST_READ_BYTES, size + 1)));
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
