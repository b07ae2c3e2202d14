// A frame of a capture file as a captured packet.

import type { CapturedPacket } from '../../model/capture.js';
import { emptyPacket } from '../../model/packet.js';
import { decodeFrame, LINKTYPE_NFLOG } from './decode-link.js';
import { decodeNflog } from './decode-nflog.js';

export interface Frame {
  readonly linkType: number;
  readonly bytes: Uint8Array;
  /** Bytes on the wire: more than `bytes` holds when the capture cut it. */
  readonly wireLength: number;
  readonly atUs: number | null;
  readonly interface: string | null;
  /** Byte order of the host that captured. */
  readonly isLittleEndian: boolean;
}

/**
 * NULL when the frame's link type is none that is read here, or its bytes contradict it.
 * @param nflogTime when a packet of NFLOG was seen, from the kernel's time and the reader's (openNflogTimes())
 */
export function capturedFrame(
  frame: Frame,
  nflogTime: (kernelUs: number | null, readUs: number | null) => number | null,
): CapturedPacket | null {
  const packet = emptyPacket();
  const isNflog = frame.linkType === LINKTYPE_NFLOG;
  const handedOut = isNflog ? decodeNflog(packet, frame.bytes, frame.isLittleEndian) : null;
  const decoded = isNflog ? handedOut : decodeFrame(packet, frame.linkType, frame.bytes, frame.wireLength);
  if (decoded === null) return null;
  // Written out, not spread: a capture has millions of packets.
  return {
    atUs: handedOut === null ? frame.atUs : nflogTime(handedOut.atUs, frame.atUs),
    stamp: null,
    usOfDay: null,
    interface: frame.interface,
    payloadBytes: decoded.payloadBytes,
    hasRelativeNumbers: false,
    checksum: decoded.checksum,
    packet,
    nflog: handedOut?.nflog ?? null,
  };
}
