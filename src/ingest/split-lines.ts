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

export function openLineSplitter(longestBytes: number = LONGEST_LINE_BYTES): LineSplitter {
  // Pieces of an unfinished line; joined once, or a line of megabytes in small chunks would be copied for each of them.
  let rest: Uint8Array[] = [];
  let restBytes = 0;

  const joined = (last: Uint8Array): Uint8Array => {
    if (restBytes === 0) return last;
    const whole = Buffer.concat([...rest, last], restBytes + last.length);
    rest = [];
    restBytes = 0;
    return whole;
  };

  return {
    push(chunk) {
      const lastNewline = chunk.lastIndexOf(NEWLINE);
      if (lastNewline < 0) {
        rest.push(chunk);
        restBytes += chunk.length;
        if (restBytes <= longestBytes) return null;
        const bytes = joined(new Uint8Array(0));
        return { bytes, start: 0, end: bytes.length };
      }
      const bytes = joined(chunk.subarray(0, lastNewline + 1));
      if (lastNewline + 1 < chunk.length) {
        rest.push(chunk.subarray(lastNewline + 1));
        restBytes = chunk.length - lastNewline - 1;
      }
      return { bytes, start: 0, end: bytes.length };
    },
    end() {
      if (restBytes === 0) return null;
      const bytes = joined(new Uint8Array(0));
      return { bytes, start: 0, end: bytes.length };
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
