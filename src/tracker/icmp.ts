// What does conntrack do with an ICMP or ICMPv6 packet: a query, an answer, an error about another flow, or something it never tracks?
// net/netfilter/nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c, v6.18.

import {
  ICMP_HIGHEST_TYPE,
  ICMP_QUOTING,
  ICMP_REQUESTS,
  ICMPV6_REDIRECT,
  ICMPV6_REDIRECT_QUOTES,
  ICMPV6_REQUESTS,
  ICMPV6_UNTRACKED,
  inverseIcmpType,
} from '../catalogue/icmp-types.js';
import type { KernelVersion } from '../catalogue/kernel-version.js';
import { addressBytes } from '../text/address-bytes.js';
import { type Context, type Decision, refresh, refuse } from './context.js';
import type { Entry } from './entry.js';
import type { Slot } from './entry-table.js';
import type { Outcome } from './outcome.js';
import type { IcmpPacket, QuotedTuple, TrackedProto } from './packet.js';
import { holdsHere } from './rules.js';

/** What the error step said: 'pass' leaves the packet to the lookup. */
export type ErrorDecision = 'pass' | 'refuse' | 'related' | 'untracked';

export interface IcmpKinds {
  /** ICMPv6 types without an entry: discovery and multicast. */
  readonly untracked: ReadonlySet<number>;
  readonly redirectQuotes: boolean;
}

/** What the types mean on this kernel. */
export function icmpKinds(version: KernelVersion): IcmpKinds {
  const groups = ICMPV6_UNTRACKED.filter((group) => holdsHere(group.versions, version));
  return {
    untracked: new Set(groups.flatMap((group) => group.types)),
    redirectQuotes: holdsHere(ICMPV6_REDIRECT_QUOTES, version),
  };
}

type Find = (
  proto: TrackedProto,
  zone: number,
  src: string,
  dst: string,
  a: number,
  b: number,
  nowMs: number,
) => Slot | null;

/** nf_conntrack_icmpv4_error() and nf_conntrack_icmpv6_error(): header, type, and the packet that an error quotes. */
export function judgeIcmpError(
  context: Context,
  kinds: IcmpKinds,
  packet: IcmpPacket,
  find: Find,
  out: Outcome,
): ErrorDecision {
  const { proto, type, fault } = packet;
  if (fault === 'short' || fault === 'no-ports') return refused(context, out, `${proto}-short-packet`);
  if (fault === 'bad-checksum' && context.settings.checksChecksums) {
    return refused(context, out, `${proto}-bad-checksum`);
  }
  if (proto === 'icmp') {
    if (type > ICMP_HIGHEST_TYPE) return refused(context, out, 'icmp-invalid-type');
    return ICMP_QUOTING.has(type) ? judgeQuoted(context, packet, find, out) : 'pass';
  }
  if (kinds.untracked.has(type)) {
    out.reasonId = 'icmpv6-nd-untracked';
    return 'untracked';
  }
  if (type === ICMPV6_REDIRECT && kinds.redirectQuotes) return judgeRedirect(context, packet, find, out);
  return type < 128 ? judgeQuoted(context, packet, find, out) : 'pass';
}

/** nf_conntrack_icmpv6_redirect(), v6.18: it must come from a neighbour and quote what it is about. */
function judgeRedirect(context: Context, packet: IcmpPacket, find: Find, out: Outcome): ErrorDecision {
  if (packet.fault === 'truncated') return refused(context, out, 'icmpv6-redirect-short');
  // Of another code it is left to the lookup, which knows no counterpart.
  if (packet.code !== 0) return 'pass';
  const isFromNeighbour = (packet.hopLimit ?? 255) === 255 && isLinkLocal(packet.src);
  if (!isFromNeighbour) return refused(context, out, 'icmpv6-redirect-bad-source');
  if (packet.quoted === null) return refused(context, out, 'icmpv6-redirect-no-options');
  return judgeQuoted(context, packet, find, out);
}

/** nf_conntrack_inet_error(): the quoted packet must belong to an entry, and the error must be addressed to its sender. */
function judgeQuoted(context: Context, packet: IcmpPacket, find: Find, out: Outcome): ErrorDecision {
  const { proto, quoted } = packet;
  const unreadable = proto === 'icmp' ? 'icmp-error-inner-unparsable' : 'icmpv6-error-no-entry';
  if (quoted === null || quoted === 'unreadable') return refused(context, out, unreadable);
  const back = invert(quoted);
  if (back === null) return refused(context, out, unreadable);
  const slot = find(quoted.proto, packet.zone, quoted.dst, quoted.src, back.a, back.b, packet.atMs);
  if (slot === null) return refused(context, out, `${proto}-error-no-entry`);
  if (context.rules.icmpOuterAddress && packet.dst !== quoted.src) {
    out.reasonId = `${proto}-error-outer-daddr-mismatch`;
    out.message = context.messages.text(out.reasonId, printed(packet.dst), printed(quoted.src));
    return 'refuse';
  }
  out.reasonId = 'icmp-error-related';
  out.dir = slot.dir;
  out.entry = slot.entry;
  return 'related';
}

function refused(context: Context, out: Outcome, reasonId: string): ErrorDecision {
  refuse(context, out, reasonId);
  return 'refuse';
}

/** Ports, or id and type, of the packets that answer. */
function invert(quoted: QuotedTuple): { readonly a: number; readonly b: number } | null {
  if (quoted.proto === 'tcp' || quoted.proto === 'udp') return { a: quoted.b, b: quoted.a };
  const type = inverseIcmpType(quoted.proto, quoted.b >> 8);
  return type === null ? null : { a: quoted.a, b: (type << 8) | (quoted.b & 0xff) };
}

/** nf_conntrack_icmp_packet() and nf_conntrack_icmpv6_packet(): queries and their answers. */
export function handleIcmp(context: Context, entry: Entry, packet: IcmpPacket, out: Outcome): Decision {
  const isV6 = packet.proto === 'icmpv6';
  if (isV6 !== packet.src.includes(':')) return refuse(context, out, 'icmp-family-mismatch');
  if (!entry.isConfirmed) {
    const opens = (isV6 ? ICMPV6_REQUESTS : ICMP_REQUESTS).has(packet.type);
    if (!opens) {
      out.reasonId = `${packet.proto}-cannot-create-new`;
      out.message = context.messages.text(out.reasonId, packet.type);
      return 'refuse';
    }
    out.reasonId = 'icmp-echo-new';
  }
  const timeoutMs = isV6 ? context.settings.icmpv6Ms : context.settings.icmpMs;
  refresh(context, entry, packet.atMs, timeoutMs, entry.hasReply ? 'replied' : 'unreplied', out);
  return 'accept';
}

function isLinkLocal(address: string): boolean {
  const bytes = addressBytes(address);
  return bytes !== null && bytes.length === 16 && bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
}

/** The kernel prints IPv6 addresses in full: eight groups of four digits. */
function printed(address: string): string {
  const bytes = addressBytes(address);
  if (bytes === null || bytes.length !== 16) return address;
  const digits = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return digits.match(/.{4}/g)!.join(':');
}
