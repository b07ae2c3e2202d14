// Which number has a bare acknowledgement of which tcpdump's text tells none? A stack gives it the number of the byte that it would send next
// (net/ipv4/tcp_output.c: tcp_acceptable_seq(), v6.18; a keepalive has the one before, which every check takes as well).

import { ACK, FIN, RST, SYN } from '../../tracker/packet.js';
import { distance, plus } from '../../tracker/serial.js';
import type { FlowPacket } from './flow-packet.js';

/** Captured packets with those numbers put in, and how many. Nothing is put in before the first number of a side is told. */
export function withBareNumbers(packets: readonly FlowPacket[]): {
  readonly packets: readonly FlowPacket[];
  readonly taken: number;
} {
  const next: [number | null, number | null] = [null, null];
  let taken = 0;
  const numbered = packets.map((packet): FlowPacket => {
    const { segment } = packet;
    if (segment === null) return packet;
    const { from, flags, payload } = segment;
    const known = next[from];
    if (segment.seq === null) {
      const isBare = (flags & (SYN | FIN | RST | ACK)) === ACK && payload?.hi === 0;
      if (!isBare || known === null || !packet.kinds.includes('capture')) return packet;
      taken += 1;
      return { ...packet, segment: { ...segment, seq: known } };
    }
    if (payload === null || (flags & RST) !== 0) return packet;
    const end = plus(segment.seq, payload.hi + ((flags & SYN) === 0 ? 0 : 1) + ((flags & FIN) === 0 ? 0 : 1));
    if (known === null || distance(end, known) > 0) next[from] = end;
    return packet;
  });
  return { packets: numbered, taken };
}
