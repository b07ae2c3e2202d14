// Prints a packet as the kernel's logger does: the counterpart of the parser in its tests, written from the format strings of
// net/netfilter/nf_log_syslog.c (v6.18) and not from the parser.

import type { Packet } from '../../../src/model/packet.js';

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

/** RFC 5952 back to eight groups of four digits. */
export function fullIpv6(address: string): string {
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(':');
}

function tcp(packet: Packet): string {
  let text = `SPT=${packet.sport} DPT=${packet.dport} `;
  if (packet.seq !== null) text += `SEQ=${packet.seq} ACK=${packet.ack} `;
  text += `WINDOW=${packet.window} RES=0x${hex(packet.res ?? 0, 2)} `;
  const set = new Set((packet.flags ?? '').split(' '));
  for (const word of ['AE', 'CWR', 'ECE', 'URG', 'ACK', 'PSH', 'RST', 'SYN', 'FIN']) {
    if (set.has(word)) text += `${word} `;
  }
  text += `URGP=${packet.urgp} `;
  return packet.tcpOptions === null ? text : `${text}OPT (${packet.tcpOptions}) `;
}

function icmp(packet: Packet, isQuote: boolean): string {
  const { icmpType: type, icmpCode: code } = packet;
  const isV6 = packet.proto === 58;
  let text = `TYPE=${type} CODE=${code} `;
  if (packet.icmpId !== null) text += `ID=${packet.icmpId} SEQ=${packet.icmpSeq} `;
  if (packet.parameter !== null) {
    text += isV6 ? `POINTER=${packet.parameter.toString(16).padStart(8, '0')} ` : `PARAMETER=${packet.parameter} `;
  }
  if (packet.gateway !== null) text += `GATEWAY=${packet.gateway} `;
  if (packet.quoted !== null && !isQuote) text += `[${network(packet.quoted, true)}] `;
  if (packet.mtu !== null) text += `MTU=${packet.mtu} `;
  return text;
}

const NAMES: Readonly<Record<number, string>> = {
  1: 'ICMP',
  6: 'TCP',
  17: 'UDP',
  50: 'ESP',
  51: 'AH',
  58: 'ICMPv6',
  136: 'UDPLITE',
};

function transport(packet: Packet, isQuote: boolean): string {
  const { proto } = packet;
  if (proto === null) return '';
  const name = packet.family === 'ip6' && (proto === 50 || proto === 51 || proto === 1) ? null : NAMES[proto];
  let text = `PROTO=${name ?? proto} `;
  if (packet.fragmentOffsetBytes !== null && packet.fragmentOffsetBytes > 0) return text;
  if (packet.incompleteBytes !== null) return `${text}INCOMPLETE [${packet.incompleteBytes} bytes] `;
  if (proto === 6) text += tcp(packet);
  if (proto === 17 || proto === 136) text += `SPT=${packet.sport} DPT=${packet.dport} LEN=${packet.udpLenBytes} `;
  if ((proto === 1 || proto === 58) && name !== null) text += icmp(packet, isQuote);
  if (proto === 50 && packet.spi !== null) text += `SPI=0x${packet.spi.toString(16)} `;
  if (proto === 51 && packet.ahSpi !== null) text += `SPI=0x${packet.ahSpi.toString(16)} `;
  return text;
}

function ipv4(packet: Packet, isQuote: boolean): string {
  let text = `SRC=${packet.src} DST=${packet.dst} LEN=${packet.lenBytes} TOS=0x${hex(packet.tos ?? 0, 2)} `;
  text += `PREC=0x${hex(packet.prec ?? 0, 2)} TTL=${packet.ttl} ID=${packet.ipId} `;
  if (packet.reservedBit) text += 'CE ';
  if (packet.dontFragment) text += 'DF ';
  if (packet.moreFragments) text += 'MF ';
  if (packet.fragmentOffsetBytes !== null) text += `FRAG:${packet.fragmentOffsetBytes / 8} `;
  if (packet.ipOptions !== null) text += `OPT (${packet.ipOptions}) `;
  return text + (packet.isTruncated ? 'TRUNCATED' : transport(packet, isQuote));
}

function ipv6(packet: Packet, isQuote: boolean): string {
  let text = `SRC=${fullIpv6(packet.src ?? '::')} DST=${fullIpv6(packet.dst ?? '::')} LEN=${packet.lenBytes} `;
  text += `TC=${packet.trafficClass} HOPLIMIT=${packet.ttl} FLOWLBL=${packet.flowLabel} `;
  if (packet.fragmentId !== null && packet.ipOptions === null) {
    text += `FRAG:${packet.fragmentOffsetBytes} ${packet.moreFragments ? 'INCOMPLETE ' : ''}ID:${packet.fragmentId} `;
  }
  for (const header of packet.ipOptions?.split(') (') ?? []) text += `OPT (${header.replace(/^\(|\)$/g, '')}) `;
  return text + transport(packet, isQuote);
}

export function network(packet: Packet, isQuote = false): string {
  const text = packet.family === 'ip6' ? ipv6(packet, isQuote) : ipv4(packet, isQuote);
  if (isQuote) return text;
  const owner = packet.uid === null ? '' : `UID=${packet.uid} GID=${packet.gid} `;
  return text + owner + (packet.mark === null ? '' : `MARK=0x${packet.mark.toString(16)} `);
}

/** The whole dump of an IPv4 or IPv6 packet, or an ARP or other frame, its trailing blank included. */
export function writeDump(packet: Packet): string {
  let text = `IN=${packet.inIf} OUT=${packet.outIf} `;
  if (packet.physIn !== null) text += `PHYSIN=${packet.physIn} `;
  if (packet.physOut !== null) text += `PHYSOUT=${packet.physOut} `;
  if (packet.mac !== null) text += `MAC=${packet.mac} `;
  if (packet.tunnelSrc !== null) text += `TUNNEL=${packet.tunnelSrc}->${packet.tunnelDst} `;
  if (packet.mac === null && packet.macSrc !== null) {
    text += `MACSRC=${packet.macSrc} MACDST=${packet.macDst} `;
    if (packet.vlanProto !== null) text += `VPROTO=${packet.vlanProto} VID=${packet.vlanTci} `;
    text += `MACPROTO=${packet.macProto} `;
  }
  if (packet.family === 'other') return text;
  if (packet.arp === null) return text + network(packet);
  const { htype, ptype, opcode, macSrc, ipSrc, macDst, ipDst } = packet.arp;
  text += `ARP HTYPE=${htype} PTYPE=${ptype} OPCODE=${opcode}`;
  return ipSrc === null ? text : `${text} MACSRC=${macSrc} IPSRC=${ipSrc} MACDST=${macDst} IPDST=${ipDst}`;
}
