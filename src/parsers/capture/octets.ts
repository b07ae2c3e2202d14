// Numbers and addresses in the bytes of a packet, in network order unless said otherwise.

import { canonicalAddress } from '../../text/address.js';

export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

export function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x10000 + u16(bytes, at + 2);
}

/** Upper-case hex without separators, as the kernel's log prints options. */
export function hex(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at++) text += (bytes[at] ?? 0).toString(16).padStart(2, '0');
  return text.toUpperCase();
}

/** '00:00:5e:00:53:01'. */
export function macText(bytes: Uint8Array, from: number, length = 6): string {
  const parts: string[] = [];
  for (let at = from; at < from + length; at++) parts.push((bytes[at] ?? 0).toString(16).padStart(2, '0'));
  return parts.join(':');
}

export function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at] ?? 0}.${bytes[at + 1] ?? 0}.${bytes[at + 2] ?? 0}.${bytes[at + 3] ?? 0}`;
}

/** RFC 5952. */
export function ipv6Text(bytes: Uint8Array, at: number): string {
  const groups: string[] = [];
  for (let group = 0; group < 8; group++) groups.push(u16(bytes, at + 2 * group).toString(16));
  return canonicalAddress(groups.join(':'));
}
