// Numbers and addresses in the bytes of a packet, in network order unless said otherwise.

import { canonicalAddress } from '../../text/address.js';

const LOWER: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const UPPER: readonly string[] = LOWER.map((text) => text.toUpperCase());

export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

export function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x10000 + u16(bytes, at + 2);
}

/** Upper-case hex without separators, as the kernel's log prints options. */
export function hex(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at++) text += UPPER[bytes[at] ?? 0];
  return text;
}

/** '00:00:5e:00:53:01'. */
export function macText(bytes: Uint8Array, from: number, length = 6): string {
  let text = '';
  for (let at = from; at < from + length; at++)
    text += at === from ? LOWER[bytes[at] ?? 0] : `:${LOWER[bytes[at] ?? 0]}`;
  return text;
}

export function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at] ?? 0}.${bytes[at + 1] ?? 0}.${bytes[at + 2] ?? 0}.${bytes[at + 3] ?? 0}`;
}

/** RFC 5952: the first longest run of two or more zero groups becomes '::'; an IPv4-mapped address is that IPv4 address. */
export function ipv6Text(bytes: Uint8Array, at: number): string {
  let bestFrom = -1;
  let bestLength = 1;
  for (let from = 0; from < 8; from++) {
    let length = 0;
    while (from + length < 8 && u16(bytes, at + 2 * (from + length)) === 0) length++;
    if (length > bestLength) {
      bestFrom = from;
      bestLength = length;
    }
    from += length;
  }
  // '::ffff:192.0.2.1' and '::192.0.2.1' have rules of their own.
  if (bestFrom === 0 && bestLength >= 5) {
    const groups: string[] = [];
    for (let group = 0; group < 8; group++) groups.push(u16(bytes, at + 2 * group).toString(16));
    return canonicalAddress(groups.join(':'));
  }
  let text = '';
  for (let group = 0; group < 8; group++) {
    if (group === bestFrom) {
      text += '::';
      group += bestLength - 1;
    } else {
      if (text !== '' && !text.endsWith(':')) text += ':';
      text += u16(bytes, at + 2 * group).toString(16);
    }
  }
  return text;
}
