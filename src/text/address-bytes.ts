// Addresses as bytes: for masks that are no prefix, for ranges, and to cut a network's host bits off.

import { isIPv4, isIPv6 } from 'node:net';
import { canonicalAddress } from './address.js';

/** The 4 or 16 bytes of an address in network order; NULL for anything else (host names, masked addresses). IPv4-mapped IPv6 gives 4. */
export function addressBytes(text: string): readonly number[] | null {
  if (isIPv4(text)) return text.split('.').map(Number);
  const percent = text.indexOf('%');
  const bare = percent < 0 ? text : text.slice(0, percent);
  if (!isIPv6(bare)) return null;
  const canonical = canonicalAddress(bare);
  if (isIPv4(canonical)) return canonical.split('.').map(Number);
  const halves = canonical.split('::');
  const head = groupsOf(halves[0] ?? '');
  const tail = groupsOf(halves[1] ?? '');
  const middle = halves.length > 1 ? new Array<number>(Math.max(0, 8 - head.length - tail.length)).fill(0) : [];
  return [...head, ...middle, ...tail].flatMap((group) => [group >> 8, group & 255]);
}

function groupsOf(half: string): number[] {
  return half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16));
}

/** Canonical text of 4 or 16 bytes. */
export function addressText(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: string[] = [];
  for (let at = 0; at < bytes.length; at += 2) {
    groups.push((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  }
  return canonicalAddress(groups.join(':'));
}

/** The mask of a prefix length as bytes: 24 of 4 bytes is 255.255.255.0. */
export function maskBytes(bits: number, length: number): number[] {
  return Array.from({ length }, (_, at) => (255 << (8 - Math.min(8, Math.max(0, bits - 8 * at)))) & 255);
}

/** Length of the prefix that a mask is; NULL for masks with holes. */
export function prefixLength(mask: readonly number[]): number | null {
  const digits = mask.map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const match = /^(1*)0*$/.exec(digits);
  return match ? (match[1] ?? '').length : null;
}

/** Negative, zero or positive as a sorts before, with or after b. Addresses of different families sort by length. */
export function compareBytes(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let at = 0; at < a.length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
