// The tuple that a packet shows: one direction of a flow, with what names it where there are no ports.

import type { Packet } from './packet.js';
import type { Tuple } from './tuple.js';

const ICMP = 1;
const ICMPV6 = 58;

/** What names the flow of a packet without ports, in the words of `conntrack -L`. */
function extraOf(packet: Packet): string | null {
  if (packet.proto === ICMP || packet.proto === ICMPV6) {
    if (packet.icmpType === null) return null;
    const words = [`type=${packet.icmpType}`];
    if (packet.icmpCode !== null) words.push(`code=${packet.icmpCode}`);
    if (packet.icmpId !== null) words.push(`id=${packet.icmpId}`);
    return words.join(' ');
  }
  return packet.greKey === undefined ? null : `key=0x${packet.greKey.toString(16)}`;
}

/** NULL for packets that show no address. proto is -1 where nothing tells it. */
export function packetTuple(packet: Packet): Tuple | null {
  if (packet.src === null || packet.dst === null) return null;
  return {
    proto: packet.proto ?? -1,
    src: packet.src,
    dst: packet.dst,
    sport: packet.sport,
    dport: packet.dport,
    extra: extraOf(packet),
  };
}
