// Is the checksum of a captured segment right? Only a whole packet can tell, and not one that its network card had still to finish.

import { u16 } from './octets.js';

/** Sum of 16-bit words in ones' complement (RFC 1071), the last odd byte padded with zero. */
export function onesSum(bytes: Uint8Array, from: number, to: number, start: number): number {
  let sum = start;
  let at = from;
  for (; at + 1 < to; at += 2) sum += u16(bytes, at);
  if (at < to) sum += (bytes[at] ?? 0) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

const UDP = 17;
const ICMP = 1;
/** Protocols whose checksum covers the whole payload and is read here: offset of its field within the header. */
const FIELD: ReadonlyMap<number, number> = new Map([
  [6, 16],
  [UDP, 6],
  [ICMP, 2],
  [58, 2],
]);

/**
 * @param addresses where the source address begins, and how long the two addresses are together (8 or 32)
 * @returns NULL for protocols that have none, for UDP without one, and for a segment captured on the host that sends it (also on a
 * veth pair) with checksum offload: the kernel has put the pseudo header's sum alone into the field (net/ipv4/tcp_ipv4.c:
 * __tcp_v4_send_check(), v6.1). conntrack takes such a packet as right.
 */
export function checksumVerdict(
  bytes: Uint8Array,
  proto: number,
  from: number,
  to: number,
  addresses: { readonly at: number; readonly length: number },
): 'good' | 'bad' | null {
  const field = FIELD.get(proto);
  if (field === undefined || from + field + 2 > to) return null;
  if (proto === UDP && u16(bytes, from + field) === 0) return null;
  let sum = 0;
  if (proto !== ICMP) {
    sum = onesSum(bytes, addresses.at, addresses.at + addresses.length, proto + (to - from));
    if (u16(bytes, from + field) === sum) return null;
  }
  return onesSum(bytes, from, to, sum) === 0xffff ? 'good' : 'bad';
}
