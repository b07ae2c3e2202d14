// Text as programs outside of Linux save it, or as a crash leaves it, turned into plain UTF-8: UTF-16, byte order marks, a beginning
// full of zeros.

import { peek } from './peek.js';
import { type ByteChunks, SourceError } from './source.js';

/** A log that was cut while its writer kept its place begins with a hole of zeros; longer ones are no logs. */
const MOST_ZEROS = 256 << 20;
/** Of UTF-16 without a mark, this much is looked at. */
const LOOK_BYTES = 512;

type Encoding = 'utf-16le' | 'utf-16be';

/** The encoding of UTF-16 text, by its mark or because every other byte of it is zero; NULL: it is none. */
export function utf16Of(head: Uint8Array): Encoding | null {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  const end = Math.min(head.length, LOOK_BYTES) & ~1;
  if (end < 16) return null;
  const isText = (byte: number): boolean => (byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10 || byte === 13;
  let little = 0;
  let big = 0;
  for (let at = 0; at < end; at += 2) {
    const [first, second] = [head[at]!, head[at + 1]!];
    if (second === 0 && isText(first)) little++;
    if (first === 0 && isText(second)) big++;
  }
  // A few characters beyond Latin may stand in the first lines.
  const most = (end / 2) * 0.9;
  return little >= most ? 'utf-16le' : big >= most ? 'utf-16be' : null;
}

/**
 * The stream as UTF-8 where it is UTF-16, without a byte order mark and without zeros at its beginning; anything else unchanged.
 * @throws SourceError (by the stream) when there is nothing in it but zeros
 */
export async function* plainText(chunks: ByteChunks, mostZeros: number = MOST_ZEROS): AsyncGenerator<Uint8Array> {
  const { head, chunks: whole } = await peek(withoutZeros(chunks, mostZeros), LOOK_BYTES);
  const encoding = utf16Of(head);
  if (encoding !== null) yield* decoded(whole, encoding);
  else if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) yield* without(whole, 3);
  else yield* whole;
}

async function* withoutZeros(chunks: ByteChunks, most: number): AsyncGenerator<Uint8Array> {
  let zeros = 0;
  let isBegun = false;
  for await (const chunk of chunks) {
    if (isBegun) {
      yield chunk;
      continue;
    }
    const first = isZero(chunk) ? -1 : chunk.findIndex((byte) => byte !== 0);
    // UTF-16 may begin with the zero half of its first character.
    const from = first === 1 && zeros === 0 ? 0 : first;
    if (from >= 0) {
      isBegun = true;
      yield chunk.subarray(from);
      continue;
    }
    zeros += chunk.length;
    if (zeros >= most) break;
  }
  if (!isBegun && zeros > 0) throw new SourceError('only zero bytes');
}

const ZEROS = Buffer.alloc(64 << 10);

function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const piece = bytes.subarray(at, at + ZEROS.length);
    if (Buffer.compare(piece, ZEROS.subarray(0, piece.length)) !== 0) return false;
  }
  return true;
}

async function* decoded(chunks: ByteChunks, encoding: Encoding): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder(encoding);
  const encoder = new TextEncoder();
  for await (const chunk of chunks) yield encoder.encode(decoder.decode(chunk, { stream: true }));
  const last = decoder.decode();
  if (last !== '') yield encoder.encode(last);
}

async function* without(chunks: ByteChunks, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of chunks) {
    const passed = Math.min(left, chunk.length);
    left -= passed;
    if (passed < chunk.length) yield chunk.subarray(passed);
  }
}
