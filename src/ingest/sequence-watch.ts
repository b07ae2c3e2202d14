// Are there records missing between these lines? /dev/kmsg numbers them; a journal's entries carry a cursor to go on from.

/** How far a source was read, in its own numbers. */
export interface SourceMark {
  readonly sequence?: number;
  readonly cursor?: string;
}

export interface SequenceGap {
  /** The line behind the gap. */
  readonly line: number;
  readonly lost: number;
  /** Numbers of the records on either side. */
  readonly from: number;
  readonly to: number;
  /** Uptime of the record behind it. */
  readonly uptimeUs: number;
}

export interface SequenceWatch {
  /** Whole lines, in order. */
  see(bytes: Uint8Array, firstLine: number): void;
  takeGaps(): readonly SequenceGap[];
  mark(): SourceMark | null;
}

/** "6,1234,5678901,-;text": kernel/printk/printk.c: info_print_ext_header(), v6.1. */
const RECORD = /^\d{1,4},(\d+),(\d+),[^;]*;/;
const LONGEST_HEADER = 120;
const NEWLINE = 0x0a;
const CURSOR = '__CURSOR=';

export function openSequenceWatch(from: SourceMark | null): SequenceWatch {
  let sequence = from?.sequence ?? null;
  let cursor = from?.cursor ?? null;
  let gaps: SequenceGap[] = [];

  const record = (header: string, line: number): void => {
    const numbers = RECORD.exec(header);
    if (numbers === null) return;
    const own = Number(numbers[1]);
    // Numbers begin anew with a boot.
    if (sequence !== null && own > sequence + 1)
      gaps.push({ line, lost: own - sequence - 1, from: sequence, to: own, uptimeUs: Number(numbers[2]) });
    sequence = own;
  };

  return {
    see(bytes, firstLine) {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      if (text.toString('latin1', 0, CURSOR.length) === CURSOR || cursor !== null) {
        const at = text.lastIndexOf(CURSOR);
        const end = at < 0 ? -1 : text.indexOf(NEWLINE, at);
        if (end >= 0) cursor = text.toString('latin1', at + CURSOR.length, end);
        return;
      }
      if (!RECORD.test(text.toString('latin1', 0, LONGEST_HEADER)) && sequence === null) return;
      let line = firstLine;
      for (let start = 0; start < text.length; line++) {
        const newline = text.indexOf(NEWLINE, start);
        const end = newline < 0 ? text.length : newline;
        record(text.toString('latin1', start, Math.min(end, start + LONGEST_HEADER)), line);
        start = end + 1;
      }
    },
    takeGaps() {
      const taken = gaps;
      gaps = [];
      return taken;
    },
    mark: () =>
      sequence === null && cursor === null
        ? null
        : { ...(sequence === null ? {} : { sequence }), ...(cursor === null ? {} : { cursor }) },
  };
}

/**
 * The records behind a number: a ring buffer that is read again begins with what was read before. bytes: whole records,
 * the continuation lines (" KEY=value") of each behind it.
 */
export function recordsBehind(bytes: Uint8Array, sequence: number): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let start = 0; start < text.length; ) {
    const numbers = RECORD.exec(text.toString('latin1', start, Math.min(text.length, start + LONGEST_HEADER)));
    if (numbers !== null && Number(numbers[1]) > sequence) return text.subarray(start);
    const newline = text.indexOf(NEWLINE, start);
    if (newline < 0) break;
    start = newline + 1;
  }
  return text.subarray(text.length);
}
