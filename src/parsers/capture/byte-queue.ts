// Bytes that arrive in pieces of any size, taken in pieces that a format asks for.

export interface ByteQueue {
  push(chunk: Uint8Array): void;
  /** The first `count` bytes, still there; NULL as long as fewer have arrived. */
  peek(count: number): Uint8Array | null;
  drop(count: number): void;
  readonly length: number;
}

export function openByteQueue(): ByteQueue {
  let bytes: Uint8Array = new Uint8Array(0);
  let from = 0;
  return {
    push(chunk) {
      if (from === bytes.length) {
        bytes = chunk;
        from = 0;
        return;
      }
      const joined = new Uint8Array(bytes.length - from + chunk.length);
      joined.set(bytes.subarray(from));
      joined.set(chunk, bytes.length - from);
      bytes = joined;
      from = 0;
    },
    peek: (count) => (bytes.length - from < count ? null : bytes.subarray(from, from + count)),
    drop(count) {
      from = Math.min(bytes.length, from + count);
    },
    get length() {
      return bytes.length - from;
    },
  };
}
