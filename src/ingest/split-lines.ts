// Cuts a stream of bytes into whole lines, in any chunking, with a bound on the length of one line.

/** Whole lines of one buffer: bytes[start, end) ends with a line end, except in the last region of a source. */
export interface LineRegion {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** One piece of a line that is too long: it counts as a line, and bytes[end] is a line end that the source does not have. */
  readonly isCut?: true;
}

export interface LineSplitter {
  /** Whole lines that are complete with this chunk, in order. Regions are valid until the next call. */
  push(chunk: Uint8Array): readonly LineRegion[];
  /** What is left without a line end; NULL when nothing is. */
  end(): LineRegion | null;
}

export interface LongestLines {
  /** Longer lines are cut into pieces of this size. */
  readonly line: number;
  /** The same for a line that begins as JSON or XML does: a ruleset of a Kubernetes node as `nft -j` prints it is one line of megabytes. */
  readonly document: number;
}

const LONGEST: LongestLines = { line: 1 << 20, document: 32 << 20 };

const NEWLINE = 0x0a;
const DOCUMENT_STARTS = new Set(Buffer.from('{[<'));
const FIRST_BYTES = 64 << 10;
/** What a line of megabytes made larger is let go. */
const KEPT_BYTES = 4 << 20;
const NOTHING = new Uint8Array(0);

export function openLineSplitter(longest: LongestLines = LONGEST): LineSplitter {
  // What waits for its line end, in a buffer that is used again and again; a long line makes it grow twofold each time.
  let buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  let used = 0;
  // Behind the region handed out, which lies in the same buffer.
  let rest: Uint8Array = NOTHING;
  /** What waits is the rest of a line whose beginning was handed out. */
  let isRest = false;

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
  /** The first bytes of what waits and of the chunk behind it, as a line. Returns how many of the chunk's it took. */
  const cut = (size: number, chunk: Uint8Array, regions: LineRegion[]): number => {
    const piece = Buffer.allocUnsafeSlow(size + 1);
    const fromBuffer = Math.min(used, size);
    buffer.copy(piece, 0, 0, fromBuffer);
    piece.set(chunk.subarray(0, size - fromBuffer), fromBuffer);
    piece[size] = NEWLINE;
    buffer.copyWithin(0, fromBuffer, used);
    used -= fromBuffer;
    isRest = true;
    regions.push({ bytes: piece, start: 0, end: size, isCut: true });
    return size - fromBuffer;
  };
  /** Cuts the line that waits as long as it is too long, and returns where the chunk goes on. */
  const cutOpenLine = (chunk: Uint8Array, regions: LineRegion[]): number => {
    const newline = chunk.indexOf(NEWLINE);
    const lineEnd = newline < 0 ? chunk.length : newline;
    let at = 0;
    for (;;) {
      const first = used > 0 ? buffer[0] : chunk[at];
      const most = !isRest && first !== undefined && DOCUMENT_STARTS.has(first) ? longest.document : longest.line;
      if (used + lineEnd - at <= most) break;
      at += cut(most, chunk.subarray(at), regions);
    }
    if (newline >= 0) isRest = false;
    return at;
  };

  return {
    push(chunk) {
      if (used === 0 && buffer.length > KEPT_BYTES) buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
      if (rest.length > 0) {
        keep(rest);
        rest = NOTHING;
      }
      const regions: LineRegion[] = [];
      const start = cutOpenLine(chunk, regions);
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      if (end === 0) keep(chunk.subarray(start));
      else if (used === 0) {
        keep(chunk.subarray(end));
        regions.push({ bytes: chunk, start, end });
      } else {
        keep(chunk.subarray(start, end));
        regions.push(taken());
        rest = Buffer.from(chunk.subarray(end));
      }
      return regions;
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
