// The fields of an IPv4 or IPv6 packet in its bytes: headers, extension headers, fragments, and what is behind them.

import { emptyPacket, type PacketDraft } from '../../model/packet.js';
import { decodeTransport, type Stretch } from './decode-transport.js';
import { checksumVerdict } from './internet-checksum.js';
import { hex, ipv4Text, ipv6Text, u16, u32 } from './octets.js';

export interface DecodedIp {
  readonly payloadBytes: number | null;
  readonly checksum: 'good' | 'bad' | null;
}

const NOTHING: DecodedIp = { payloadBytes: null, checksum: null };
/** A quote inside a quote is nobody's; an attacker may nest them as deep as a packet is long. */
const MAX_DEPTH = 2;

/**
 * Reads an IP packet into a draft, as far as its bytes go.
 * @param to where the captured bytes end; @param wireEnd where the frame ended on the wire
 */
export function decodeIp(
  packet: PacketDraft,
  bytes: Uint8Array,
  from: number,
  to: number,
  wireEnd: number,
  depth = 0,
): DecodedIp {
  if (from >= to) {
    packet.isTruncated = true;
    return NOTHING;
  }
  const version = (bytes[from] ?? 0) >> 4;
  if (version === 4) return decodeIpv4(packet, bytes, from, to, wireEnd, depth);
  if (version === 6) return decodeIpv6(packet, bytes, from, to, wireEnd, depth);
  packet.unknown = [`IPVERSION=${version}`];
  return NOTHING;
}

function quotedAt(depth: number): (stretch: Stretch) => PacketDraft {
  return ({ bytes, from, to, wireEnd }) => {
    const quoted = emptyPacket();
    if (depth + 1 < MAX_DEPTH) decodeIp(quoted, bytes, from, to, wireEnd, depth + 1);
    return quoted;
  };
}

function decodeIpv4(
  packet: PacketDraft,
  bytes: Uint8Array,
  from: number,
  to: number,
  wireEnd: number,
  depth: number,
): DecodedIp {
  packet.family = 'ip';
  const headerBytes = ((bytes[from] ?? 0) & 15) * 4;
  if (headerBytes < 20 || from + 20 > to) {
    packet.isTruncated = true;
    packet.incompleteBytes = to - from;
    return NOTHING;
  }
  const tosByte = bytes[from + 1] ?? 0;
  packet.tos = tosByte & 0x1e;
  packet.prec = tosByte & 0xe0;
  const totalLength = u16(bytes, from + 2);
  // A zero length is what a capture on the sender shows of a packet larger than 64 KiB, before the card splits it.
  packet.lenBytes = totalLength === 0 ? wireEnd - from : totalLength;
  packet.ipId = u16(bytes, from + 4);
  const fragment = u16(bytes, from + 6);
  packet.reservedBit = (fragment & 0x8000) !== 0;
  packet.dontFragment = (fragment & 0x4000) !== 0;
  packet.moreFragments = (fragment & 0x2000) !== 0;
  const offset = (fragment & 0x1fff) * 8;
  if (offset > 0 || packet.moreFragments) packet.fragmentOffsetBytes = offset;
  packet.ttl = bytes[from + 8] ?? 0;
  const proto = bytes[from + 9] ?? 0;
  packet.proto = proto;
  packet.src = ipv4Text(bytes, from + 12);
  packet.dst = ipv4Text(bytes, from + 16);
  const dataFrom = from + headerBytes;
  if (dataFrom > to) {
    packet.isTruncated = true;
    return NOTHING;
  }
  if (headerBytes > 20) packet.ipOptions = hex(bytes, from + 20, dataFrom);
  if (offset > 0) return NOTHING;
  const dataEnd = from + packet.lenBytes;
  return behind(packet, bytes, proto, dataFrom, Math.min(to, dataEnd), dataEnd, { at: from + 12, length: 8 }, 4, depth);
}

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const NO_NEXT = 59;
const DESTINATION = 60;
const EXTENSIONS: ReadonlySet<number> = new Set([HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, 135]);

function decodeIpv6(
  packet: PacketDraft,
  bytes: Uint8Array,
  from: number,
  to: number,
  wireEnd: number,
  depth: number,
): DecodedIp {
  packet.family = 'ip6';
  if (from + 40 > to) {
    packet.isTruncated = true;
    packet.incompleteBytes = to - from;
    return NOTHING;
  }
  const first = u32(bytes, from);
  packet.trafficClass = Math.floor(first / 0x100000) & 0xff;
  packet.flowLabel = first & 0xfffff;
  const payloadLength = u16(bytes, from + 4);
  packet.lenBytes = payloadLength === 0 ? wireEnd - from : payloadLength + 40;
  packet.ttl = bytes[from + 7] ?? 0;
  packet.src = ipv6Text(bytes, from + 8);
  packet.dst = ipv6Text(bytes, from + 24);
  const dataEnd = from + packet.lenBytes;
  const end = Math.min(to, dataEnd);
  let next = bytes[from + 6] ?? 0;
  let at = from + 40;
  let hasRouting = false;
  let extensions = 0;
  while (EXTENSIONS.has(next)) {
    if (at + 8 > end || extensions++ > 16) {
      packet.isTruncated = true;
      packet.incompleteBytes = Math.max(0, end - at);
      return NOTHING;
    }
    const here = next;
    next = bytes[at] ?? 0;
    if (here === FRAGMENT) {
      const field = u16(bytes, at + 2);
      packet.fragmentOffsetBytes = field & 0xfff8;
      packet.moreFragments = (field & 1) !== 0;
      packet.fragmentId = u32(bytes, at + 4)
        .toString(16)
        .padStart(8, '0');
      at += 8;
      if (packet.fragmentOffsetBytes > 0) {
        packet.proto = next;
        return NOTHING;
      }
    } else if (here === AUTHENTICATION) {
      packet.ahSpi = u32(bytes, at + 4);
      at += ((bytes[at + 1] ?? 0) + 2) * 4;
    } else {
      hasRouting ||= here === ROUTING;
      at += ((bytes[at + 1] ?? 0) + 1) * 8;
    }
  }
  packet.proto = next;
  if (next === NO_NEXT) return NOTHING;
  if (at > end) {
    packet.isTruncated = true;
    return NOTHING;
  }
  const decoded = behind(packet, bytes, next, at, end, dataEnd, { at: from + 8, length: 32 }, 6, depth);
  // The pseudo header of a source-routed packet holds its last hop, not the address that is printed here.
  return hasRouting ? { ...decoded, checksum: null } : decoded;
}

const IP_IN_IP = 4;
const IPV6_IN_IP = 41;

function behind(
  packet: PacketDraft,
  bytes: Uint8Array,
  proto: number,
  from: number,
  to: number,
  wireEnd: number,
  addresses: { readonly at: number; readonly length: number },
  version: 4 | 6,
  depth: number,
): DecodedIp {
  if (proto === AUTHENTICATION && version === 4) {
    if (from + 12 > to) {
      packet.isTruncated = true;
      return NOTHING;
    }
    packet.ahSpi = u32(bytes, from + 4);
    return NOTHING;
  }
  if (proto === IP_IN_IP || proto === IPV6_IN_IP) packet.quoted = quotedAt(depth)({ bytes, from, to, wireEnd });
  const payload = decodeTransport(packet, proto, { bytes, from, to, wireEnd }, version, quotedAt(depth));
  const isFragment = packet.moreFragments || (packet.fragmentOffsetBytes ?? 0) > 0;
  const isWhole = to === wireEnd && !isFragment && depth === 0;
  return {
    payloadBytes: isFragment ? null : payload,
    checksum: isWhole ? checksumVerdict(bytes, proto, from, to, addresses) : null,
  };
}
