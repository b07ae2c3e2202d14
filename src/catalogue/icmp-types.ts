// Which ICMP type answers which, which types quote a packet, and which are never tracked?

import { type Holds, holds, type KernelVersion, since, type VersionRange } from './kernel-version.js';

/** nf_conntrack_invert_icmp_tuple(): request and reply find each other's entry. Types without a partner cannot be tracked. */
export const ICMP_INVERSE: ReadonlyMap<number, number> = both([
  [8, 0],
  [13, 14],
  [15, 16],
  [17, 18],
]);

/** nf_conntrack_invert_icmpv6_tuple(): echo and node information. */
export const ICMPV6_INVERSE: ReadonlyMap<number, number> = both([
  [128, 129],
  [139, 140],
]);

/** Requests: only these may open an entry. */
export const ICMP_REQUESTS: ReadonlySet<number> = new Set([8, 13, 15, 17]);
export const ICMPV6_REQUESTS: ReadonlySet<number> = new Set([128, 139]);

/** ICMP errors that carry the packet they are about: unreachable, source quench, redirect, time exceeded, parameter problem. */
export const ICMP_QUOTING: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);

/** Highest ICMP type that conntrack knows; above it the packet is INVALID (icmp-invalid-type). */
export const ICMP_HIGHEST_TYPE = 18;

export const ICMPV6_REDIRECT = 137;
/** Until then a redirect was an informational type without counterpart. */
export const ICMPV6_REDIRECT_QUOTES: VersionRange = since('6.2', { blurredIn: ['5.10', '5.15', '6.1'] });

/** nf_conntrack_icmpv6_error(), noct_valid_new[]: multicast listener, router and neighbour discovery are never tracked. */
export const ICMPV6_UNTRACKED: readonly { readonly types: readonly number[]; readonly versions: VersionRange }[] = [
  { types: [130, 131, 132, 133, 134, 135, 136, 143], versions: { since: null, until: null } },
  { types: [151, 152], versions: since('6.12', { maybeSince: '6.9' }) },
];

/** Whether an ICMPv6 type is left untracked on this kernel. */
export function isUntrackedIcmpv6(type: number, version: KernelVersion | null): Holds {
  const entry = ICMPV6_UNTRACKED.find((group) => group.types.includes(type));
  return entry === undefined ? 'no' : holds(entry.versions, version);
}

/** Whether this type is an error that quotes a packet: all ICMPv6 types below 128, and redirects where they are checked. */
export function quotesPacket(proto: 'icmp' | 'icmpv6', type: number, version: KernelVersion | null): Holds {
  if (proto === 'icmp') return ICMP_QUOTING.has(type) ? 'yes' : 'no';
  if (type === ICMPV6_REDIRECT) return holds(ICMPV6_REDIRECT_QUOTES, version);
  return type < 128 ? 'yes' : 'no';
}

/** The type that answers this one; NULL when conntrack knows none. */
export function inverseIcmpType(proto: 'icmp' | 'icmpv6', type: number): number | null {
  return (proto === 'icmp' ? ICMP_INVERSE : ICMPV6_INVERSE).get(type) ?? null;
}

function both(pairs: readonly (readonly [number, number])[]): ReadonlyMap<number, number> {
  return new Map(pairs.flatMap(([request, reply]) => [[request, reply] as const, [reply, request] as const]));
}
