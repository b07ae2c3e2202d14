// Cuts a stream of bytes into whole lines, in any chunking, with a bound on the length of one line.

/** Whole lines of one buffer: bytes[start, end) ends with a line end, except in the last region of a source. */
export interface LineRegion {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export interface LineSplitter {
  /** Whole lines that are complete with this chunk; NULL when none is. The region is valid until the next call. */
  push(chunk: Uint8Array): LineRegion | null;
  /** What is left without a line end; NULL when nothing is. */
  end(): LineRegion | null;
}

/** A ruleset of a Kubernetes node as `nft -j` prints it is one line of several megabytes. Longer ones are cut into pieces. */
export const LONGEST_LINE_BYTES = 32 << 20;

const NEWLINE = 0x0a;
const FIRST_BYTES = 64 << 10;
/** What a line of megabytes made larger is let go. */
const KEPT_BYTES = 4 << 20;
const NOTHING = new Uint8Array(0);

export function openLineSplitter(longestBytes: number = LONGEST_LINE_BYTES): LineSplitter {
  // What waits for its line end, in a buffer that is used again and again; a long line makes it grow twofold each time.
  let buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  let used = 0;
  // Behind the region handed out, which lies in the same buffer.
  let rest: Uint8Array = NOTHING;

  const keep = (bytes: Uint8Array): void => {
    if (used + bytes.length > buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, used + bytes.length));
      buffer.copy(larger, 0, 0, used);
      buffer = larger;
    }
    buffer.set(bytes, used);
    used += bytes.length;
  };
  const taken = (): LineRegion => {
    const end = used;
    used = 0;
    return { bytes: buffer, start: 0, end };
  };

  return {
    push(chunk) {
      if (used === 0 && buffer.length > KEPT_BYTES) buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
      if (rest.length > 0) {
        keep(rest);
        rest = NOTHING;
      }
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      if (end === 0) {
        keep(chunk);
        return used <= longestBytes ? null : taken();
      }
      if (used === 0) {
        keep(chunk.subarray(end));
        return { bytes: chunk, start: 0, end };
      }
      keep(chunk.subarray(0, end));
      const region = taken();
      rest = Buffer.from(chunk.subarray(end));
      return region;
    },
    end() {
      if (rest.length > 0) keep(rest);
      rest = NOTHING;
      return used === 0 ? null : taken();
    },
  };
}

/**
 * Text of one line without its end (LF or CRLF). UTF-8 where it is UTF-8, latin1 otherwise, so that no byte is lost;
 * most lines are ASCII and take the short way.
 */
export function lineText(bytes: Uint8Array, start: number, end: number): string {
  let last = end;
  if (last > start && bytes[last - 1] === NEWLINE) last--;
  if (last > start && bytes[last - 1] === 0x0d) last--;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, last - start);
  const narrow = view.toString('latin1');
  if (!HIGH.test(narrow)) return narrow;
  const wide = view.toString('utf8');
  return wide.includes('�') ? narrow : wide;
}

const HIGH = /[\x80-\xff]/;

/** The lines of a region as text, one after another; looks for bytes beyond ASCII once for all of them. */
export function* lineTexts({ bytes, start, end }: LineRegion): Generator<string> {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const isAscii = !HIGH.test(view.toString('latin1', start, end));
  for (let from = start; from < end; ) {
    const newline = view.indexOf(NEWLINE, from);
    const to = newline < 0 || newline >= end ? end : newline + 1;
    if (isAscii) {
      let last = to;
      if (view[last - 1] === NEWLINE) last--;
      if (last > from && view[last - 1] === 0x0d) last--;
      yield view.toString('latin1', from, last);
    } else yield lineText(bytes, from, to);
    from = to;
  }
}
