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

/** NULL when the frame's link type is none that is read here, or its bytes contradict it. */
export function capturedFrame(frame: Frame): CapturedPacket | null {
  const packet = emptyPacket();
  const common = { stamp: null, usOfDay: null, interface: frame.interface, hasRelativeNumbers: false };
  if (frame.linkType === LINKTYPE_NFLOG) {
    const decoded = decodeNflog(packet, frame.bytes, frame.isLittleEndian);
    if (decoded === null) return null;
    return {
      ...common,
      atUs: decoded.atUs ?? frame.atUs,
      payloadBytes: decoded.payloadBytes,
      checksum: decoded.checksum,
      packet,
      nflog: decoded.nflog,
    };
  }
  const decoded = decodeFrame(packet, frame.linkType, frame.bytes, frame.wireLength);
  return decoded === null ? null : { ...common, atUs: frame.atUs, ...decoded, packet, nflog: null };
}
