// Frames of a pcap file, in either byte order, with microseconds or nanoseconds (https://www.tcpdump.org/manpages/pcap-savefile.5.txt).

import type { ByteQueue } from './byte-queue.js';
import type { Frame } from './captured-frame.js';

/** Larger records are a sign of a damaged file: libpcap itself allows 256 KiB, and 128 MiB on USB buses. */
export const MAX_FRAME_BYTES = 16 << 20;

interface Variant {
  readonly isLittleEndian: boolean;
  readonly isNano: boolean;
  /** Bytes of a record's head: 16, or 24 in files of a patched libpcap of Linux 2.2. */
  readonly recordHead: number;
}

const VARIANTS: ReadonlyMap<number, Variant> = new Map([
  [0xa1b2c3d4, { isLittleEndian: false, isNano: false, recordHead: 16 }],
  [0xd4c3b2a1, { isLittleEndian: true, isNano: false, recordHead: 16 }],
  [0xa1b23c4d, { isLittleEndian: false, isNano: true, recordHead: 16 }],
  [0x4d3cb2a1, { isLittleEndian: true, isNano: true, recordHead: 16 }],
  [0xa1b2cd34, { isLittleEndian: false, isNano: false, recordHead: 24 }],
  [0x34cdb2a1, { isLittleEndian: true, isNano: false, recordHead: 24 }],
]);

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function pcapVariant(head: Uint8Array): Variant | null {
  return head.length < 4 ? null : (VARIANTS.get(view(head).getUint32(0)) ?? null);
}

/** What a file reader answers when it is asked for the next frame. */
export type NextFrame =
  | {
      readonly is: 'frame';
      readonly frame: Frame;
      /** Packets that whoever captured had to drop since the one before; not there: nobody counted. */
      readonly droppedBefore?: number;
    }
  /** So many packets were dropped in all, nobody says when. */
  | { readonly is: 'dropped'; readonly count: number }
  /** More bytes are needed. */
  | { readonly is: 'waiting' }
  /** A stretch of the file was read that is no packet. */
  | { readonly is: 'skipped' }
  | { readonly is: 'broken'; readonly reason: string };

export interface FrameReader {
  next(queue: ByteQueue): NextFrame;
}

const WAITING: NextFrame = { is: 'waiting' };
const SKIPPED: NextFrame = { is: 'skipped' };

export function openPcapReader(): FrameReader {
  let variant: Variant | null = null;
  let linkType = 0;

  return {
    next(queue) {
      if (variant === null) {
        const head = queue.peek(24);
        if (head === null) return WAITING;
        variant = pcapVariant(head);
        if (variant === null) return { is: 'broken', reason: 'not a pcap file' };
        // The upper bits tell the length of the frame check sequence; the type itself has sixteen.
        linkType = view(head).getUint32(20, variant.isLittleEndian) & 0xffff;
        queue.drop(24);
        return SKIPPED;
      }
      const { isLittleEndian, isNano, recordHead } = variant;
      const head = queue.peek(recordHead);
      if (head === null) return WAITING;
      const record = view(head);
      const captured = record.getUint32(8, isLittleEndian);
      const wireLength = record.getUint32(12, isLittleEndian);
      if (captured > MAX_FRAME_BYTES)
        return { is: 'broken', reason: `a length of ${captured} bytes: the file is damaged` };
      const whole = queue.peek(recordHead + captured);
      if (whole === null) return WAITING;
      const fraction = record.getUint32(4, isLittleEndian);
      const atUs = record.getUint32(0, isLittleEndian) * 1e6 + (isNano ? Math.floor(fraction / 1000) : fraction);
      queue.drop(recordHead + captured);
      return {
        is: 'frame',
        frame: { linkType, bytes: whole.subarray(recordHead), wireLength, atUs, interface: null, isLittleEndian },
      };
    },
  };
}
