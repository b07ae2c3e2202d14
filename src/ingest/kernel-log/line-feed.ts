// Bytes in any split to regions of whole lines in one buffer.

const NEWLINE = 0x0a;
const FIRST_BYTES = 1 << 20;

export interface LineFeed {
  /** Takes a chunk; `region` is called with bytes[0, end) of whole lines. */
  push(chunk: Uint8Array, region: (bytes: Buffer, end: number) => void): void;
  /** What is left without a newline, with one put behind it. */
  end(region: (bytes: Buffer, end: number) => void): void;
  /** Bytes that wait for their newline. */
  waiting(): number;
}

export function openLineFeed(): LineFeed {
  let buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  let used = 0;

  const makeRoom = (bytes: number): void => {
    if (used + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, used + bytes));
    buffer.copy(larger, 0, 0, used);
    buffer = larger;
  };

  return {
    push(chunk, region) {
      const lastNewline = chunk.lastIndexOf(NEWLINE);
      makeRoom(chunk.length + 1);
      buffer.set(chunk, used);
      if (lastNewline < 0) {
        used += chunk.length;
        return;
      }
      const end = used + lastNewline + 1;
      region(buffer, end);
      used = used + chunk.length - end;
      buffer.copyWithin(0, end, end + used);
    },
    end(region) {
      if (used === 0) return;
      makeRoom(1);
      buffer[used] = NEWLINE;
      region(buffer, used + 1);
      used = 0;
    },
    waiting: () => used,
  };
}
