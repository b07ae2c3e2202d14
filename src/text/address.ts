// Canonical addresses: the kernel's log prints IPv6 in full, conntrack and ss in short form, people in all forms.

import { isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Canonical text of an address (RFC 5952 for IPv6, dotted quad for IPv4; an IPv4-mapped IPv6 address becomes IPv4).
 * What is no address (masked by its sender, cut) comes back unchanged.
 */
export function canonicalAddress(text: string): string {
  if (isIPv4(text)) return text;
  if (isIP(text) !== 6) return text;
  const percent = text.indexOf('%');
  const bare = percent < 0 ? text : text.slice(0, percent);
  const parsed = ipaddr.IPv6.parse(bare);
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : parsed.toRFC5952String();
}

/** Whether an address (canonical or not) lies in a prefix such as 10.0.0.0/8; false for anything unreadable. */
export function isInPrefix(address: string, prefix: string): boolean {
  const slash = prefix.indexOf('/');
  const network = slash < 0 ? prefix : prefix.slice(0, slash);
  if (isIP(address) === 0 || isIP(network) === 0) return false;
  const parsed = ipaddr.process(address);
  const base = ipaddr.process(network);
  if (parsed.kind() !== base.kind()) return false;
  const full = parsed.kind() === 'ipv4' ? 32 : 128;
  if (slash < 0) return parsed.toString() === base.toString();
  const suffix = prefix.slice(slash + 1);
  const bits = isIP(suffix) === 4 ? ipaddr.IPv4.parse(suffix).prefixLengthFromSubnetMask() : Number(suffix);
  if (bits === null || !Number.isInteger(bits) || bits < 0 || bits > full) return false;
  return parsed.match(base, bits);
}
