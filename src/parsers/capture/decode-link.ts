// Which packet a captured frame carries, by the link type of its file (https://www.tcpdump.org/linktypes.html).

import type { PacketDraft } from '../../model/packet.js';
import { type DecodedIp, decodeIp } from './decode-ip.js';
import { ipv4Text, macText, u16, u32 } from './octets.js';

export const LINKTYPE_NFLOG = 239;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_PPPOE = 0x8864;
const VLAN_TAGS: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100]);
const NOTHING: DecodedIp = { payloadBytes: null, checksum: null };

const hex4 = (value: number): string => value.toString(16).padStart(4, '0');

/** Reads what follows an EtherType, tags first. */
function decodeEthertype(
  packet: PacketDraft,
  bytes: Uint8Array,
  ethertype: number,
  from: number,
  wireEnd: number,
): DecodedIp {
  let type = ethertype;
  let at = from;
  while (VLAN_TAGS.has(type)) {
    if (at + 4 > bytes.length) {
      packet.isTruncated = true;
      return NOTHING;
    }
    // Of two tags the inner one is the network's; the outer is the provider's.
    packet.vlanProto = hex4(type);
    packet.vlanTci = u16(bytes, at);
    type = u16(bytes, at + 2);
    at += 4;
  }
  if (type === ETHERTYPE_PPPOE && at + 8 <= bytes.length) {
    const inside = u16(bytes, at + 6);
    type = inside === 0x0021 ? ETHERTYPE_IPV4 : inside === 0x0057 ? ETHERTYPE_IPV6 : type;
    if (type !== ETHERTYPE_PPPOE) at += 8;
  }
  packet.macProto ??= hex4(type);
  if (type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6) return decodeIp(packet, bytes, at, bytes.length, wireEnd);
  if (type === ETHERTYPE_ARP) return decodeArp(packet, bytes, at);
  packet.family = 'other';
  return NOTHING;
}

function decodeArp(packet: PacketDraft, bytes: Uint8Array, at: number): DecodedIp {
  packet.family = 'arp';
  if (at + 8 > bytes.length) {
    packet.isTruncated = true;
    return NOTHING;
  }
  const isEthernetIpv4 = bytes[at + 4] === 6 && bytes[at + 5] === 4 && at + 28 <= bytes.length;
  packet.arp = {
    htype: u16(bytes, at),
    ptype: hex4(u16(bytes, at + 2)),
    opcode: u16(bytes, at + 6),
    macSrc: isEthernetIpv4 ? macText(bytes, at + 8) : null,
    ipSrc: isEthernetIpv4 ? ipv4Text(bytes, at + 14) : null,
    macDst: isEthernetIpv4 ? macText(bytes, at + 18) : null,
    ipDst: isEthernetIpv4 ? ipv4Text(bytes, at + 24) : null,
  };
  return NOTHING;
}

type DecodeFrame = (packet: PacketDraft, bytes: Uint8Array, wireEnd: number) => DecodedIp;

const ethernet: DecodeFrame = (packet, bytes, wireEnd) => {
  if (bytes.length < 14) {
    packet.isTruncated = true;
    return NOTHING;
  }
  packet.mac = macText(bytes, 0, 14);
  packet.macDst = macText(bytes, 0);
  packet.macSrc = macText(bytes, 6);
  const ethertype = u16(bytes, 12);
  // Below 0x600 it is the length of an 802.3 frame: spanning tree and the like.
  if (ethertype < 0x600) {
    packet.family = 'other';
    return NOTHING;
  }
  packet.macProto = hex4(ethertype);
  return decodeEthertype(packet, bytes, ethertype, 14, wireEnd);
};

/** `tcpdump -i any` until 4.10: two bytes of packet type, hardware type, address. */
const linuxCooked: DecodeFrame = (packet, bytes, wireEnd) => {
  if (bytes.length < 16) {
    packet.isTruncated = true;
    return NOTHING;
  }
  if (u16(bytes, 4) === 6) packet.macSrc = macText(bytes, 6);
  return decodeEthertype(packet, bytes, u16(bytes, 14), 16, wireEnd);
};

const linuxCooked2: DecodeFrame = (packet, bytes, wireEnd) => {
  if (bytes.length < 20) {
    packet.isTruncated = true;
    return NOTHING;
  }
  const PACKET_OUTGOING = 4;
  const name = `ifindex:${u32(bytes, 4)}`;
  if (bytes[10] === PACKET_OUTGOING) packet.outIf = name;
  else packet.inIf = name;
  if (bytes[11] === 6) packet.macSrc = macText(bytes, 12);
  return decodeEthertype(packet, bytes, u16(bytes, 0), 20, wireEnd);
};

const raw: DecodeFrame = (packet, bytes, wireEnd) => decodeIp(packet, bytes, 0, bytes.length, wireEnd);

/** Four bytes of address family in the byte order of whoever captured; the version of IP says it as well. */
const loopback: DecodeFrame = (packet, bytes, wireEnd) => {
  if (bytes.length < 4) {
    packet.isTruncated = true;
    return NOTHING;
  }
  return decodeIp(packet, bytes, 4, bytes.length, wireEnd);
};

const ppp: DecodeFrame = (packet, bytes, wireEnd) => {
  const at = bytes[0] === 0xff && bytes[1] === 0x03 ? 2 : 0;
  const protocol = u16(bytes, at);
  if (protocol === 0x0021 || protocol === 0x0057) return decodeIp(packet, bytes, at + 2, bytes.length, wireEnd);
  packet.family = 'other';
  return NOTHING;
};

const FRAMES: ReadonlyMap<number, DecodeFrame> = new Map<number, DecodeFrame>([
  [0, loopback],
  [1, ethernet],
  [9, ppp],
  [12, raw],
  [14, raw],
  [101, raw],
  [108, loopback],
  [113, linuxCooked],
  [228, raw],
  [229, raw],
  [276, linuxCooked2],
]);

export function canDecode(linkType: number): boolean {
  return linkType === LINKTYPE_NFLOG || FRAMES.has(linkType);
}

/** Reads a frame into a packet. @param wireLength bytes of the frame on the wire, more than `bytes` holds when it was cut. */
export function decodeFrame(
  packet: PacketDraft,
  linkType: number,
  bytes: Uint8Array,
  wireLength: number,
): DecodedIp | null {
  return FRAMES.get(linkType)?.(packet, bytes, Math.max(wireLength, bytes.length)) ?? null;
}
