// Did the kernel finish this dump, or was the line cut? Judged by what the dump of that protocol must end with
// (net/netfilter/nf_log_syslog.c: dump_ipv4_packet(), dump_ipv6_packet(), nf_log_dump_tcp_header(), v6.18).

import type { DumpState, PacketDraft } from './dump-state.js';

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;
const AH = 51;
const ESP = 50;
const UDPLITE = 136;

/** ICMP types whose dump has ID= and SEQ=, and those that quote the packet they complain about. */
const ECHO_TYPES = { [ICMP]: [0, 8], [ICMPV6]: [128, 129] } as const;
const QUOTING_TYPES = { [ICMP]: [3, 4, 5, 11], [ICMPV6]: [1, 2, 3, 4] } as const;

function isIcmpComplete(state: DumpState, proto: 1 | 58): boolean {
  const { icmpType: type, icmpCode: code, icmpId, icmpSeq, quoted, mtu, parameter, gateway } = state.packet;
  if (type === null || code === null) return false;
  if ((ECHO_TYPES[proto] as readonly number[]).includes(type)) return icmpId !== null && icmpSeq !== null;
  if (type === (proto === ICMP ? 12 : 4) && parameter === null) return false;
  if (proto === ICMP && type === 5 && gateway === null) return false;
  const tellsMtu = proto === ICMP ? type === 3 && code === 4 : type === 2;
  if (tellsMtu && mtu === null) return false;
  const quotes = (QUOTING_TYPES[proto] as readonly number[]).includes(type) && !state.isQuote && !state.isUlogd;
  return !quotes || quoted !== null;
}

function isTransportComplete(state: DumpState): boolean {
  const packet = state.packet;
  switch (packet.proto) {
    case TCP:
      // pve-firewall and old ulogd print neither RES nor URGP: there the flag words are the end.
      return (
        packet.urgp !== null ||
        (packet.res === null && packet.window !== null && state.hasFlagWord && isUnedited(packet))
      );
    case UDP:
    case UDPLITE:
      return packet.udpLenBytes !== null;
    case ICMP:
    case ICMPV6:
      return isIcmpComplete(state, packet.proto);
    case AH:
      return packet.ahSpi !== null;
    case ESP:
      return packet.spi !== null;
    default:
      return true;
  }
}

/** What the kernel prints of every packet, in its order. */
const IPV4_ORDER = ['src', 'dst', 'lenBytes', 'tos', 'prec', 'ttl', 'ipId', 'proto'] as const;
const IPV6_ORDER = ['src', 'dst', 'lenBytes', 'trafficClass', 'ttl', 'flowLabel', 'proto'] as const;

/**
 * Whether nothing is missing in front of the last field that is there: a field missing in the middle was taken out by an editor, and an
 * editor cuts between words.
 */
export function isUnedited(packet: PacketDraft): boolean {
  const isIpv6 = packet.family === 'ip6' || packet.trafficClass !== null || packet.flowLabel !== null;
  let isMissing = false;
  for (const key of isIpv6 ? IPV6_ORDER : IPV4_ORDER) {
    if (packet[key] === null) isMissing = true;
    else if (isMissing) return false;
  }
  if (!isMissing) return true;
  return packet.sport === null && packet.window === null && packet.icmpType === null && packet.seq === null;
}

function isLinkLayerComplete(packet: PacketDraft): boolean {
  const { macProto } = packet;
  return macProto !== null && !['0800', '86dd', '0806'].includes(macProto.toLowerCase());
}

function isArpComplete(state: DumpState): boolean {
  const { arp } = state;
  if (arp === null || arp.htype === null || arp.ptype === null || arp.opcode === null) return false;
  // Only Ethernet and IPv4 addresses are printed: dump_arp_packet().
  const hasAddresses = arp.htype === 1 && Number.parseInt(arp.ptype, 16) === 0x0800;
  return !hasAddresses || arp.ipDst !== null;
}

/** Whether the words read so far are a dump that the kernel could have ended here. */
export function isComplete(state: DumpState): boolean {
  const packet = state.packet;
  if (state.isOpen || state.isElided) return false;
  if ((packet.uid === null) !== (packet.gid === null)) return false;
  if (state.isEnded) return true;
  if (state.phase === 'arp') return isArpComplete(state);
  if (packet.src === null && packet.dst === null && packet.proto === null) return isLinkLayerComplete(packet);
  if (packet.dst === null && !state.unknown.some((word) => word.startsWith('DST='))) return false;
  if (packet.proto === null) {
    // Without the ip-options flag an IPv6 ESP packet ends behind the flow label.
    return packet.flowLabel !== null && packet.sport === null && state.unknown.length === 0;
  }
  if (state.isNumberedProto) return true;
  // Only the first fragment has a transport header.
  if (packet.fragmentOffsetBytes !== null && packet.fragmentOffsetBytes > 0) return true;
  return isTransportComplete(state);
}
