// One object of ulogd's JSON output as a captured packet. Keys: ulogd2 2.0.x, filter/raw2packet/ulogd_raw2packet_BASE.c and the
// input plugin NFLOG; src_ip, dest_ip, src_port, dest_port are the names that output/ulogd_output_JSON.c gives to some of them.

import type { CapturedPacket } from '../../model/capture.js';
import type { Stamp } from '../../model/kernel-line.js';
import { emptyPacket, type PacketDraft } from '../../model/packet.js';
import { canonicalAddress } from '../../text/address.js';
import { flagWords } from './tcp-flags.js';

export type JsonScalar = string | number | boolean | null;
export type UlogdFields = ReadonlyMap<string, JsonScalar>;

/** Whether these are the fields of a packet, and not of a flow (plugin NFCT) or of a counter (NFACCT). */
export function isUlogdPacket(fields: UlogdFields): boolean {
  return !isUlogdFlow(fields) && [...fields.keys()].some((key) => key.startsWith('raw.') || key.startsWith('oob.'));
}

export function isUlogdFlow(fields: UlogdFields): boolean {
  return [...fields.keys()].some((key) => key.startsWith('ct.') || key.startsWith('orig.') || key.startsWith('flow.'));
}

export const number = (fields: UlogdFields, key: string): number | null => {
  const value = fields.get(key);
  return typeof value === 'number' ? value : null;
};

const text = (fields: UlogdFields, ...keys: readonly string[]): string | null => {
  for (const key of keys) {
    const value = fields.get(key);
    if (typeof value === 'string' && value !== '') return value;
  }
  return null;
};

/** Addresses are text behind the plugin IP2STR; a bare number is the address as it lies in memory of a little-endian host. */
export function address(fields: UlogdFields, ...keys: readonly string[]): string | null {
  for (const key of keys) {
    const value = fields.get(key);
    if (typeof value === 'string' && value !== '') return canonicalAddress(value);
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32)
      return [0, 8, 16, 24].map((shift) => (value >>> shift) & 255).join('.');
  }
  return null;
}

const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:?\d\d)?$/;

export interface Moment {
  readonly atUs: number | null;
  readonly stamp: Stamp | null;
}

/** oob.time.* is the kernel's own time of the packet; 'timestamp' is local time, with its zone since 2.0.6. */
export function momentOf(fields: UlogdFields): Moment {
  const seconds = number(fields, 'oob.time.sec');
  if (seconds !== null) return { atUs: seconds * 1e6 + (number(fields, 'oob.time.usec') ?? 0), stamp: null };
  const match = TIMESTAMP.exec(text(fields, 'timestamp') ?? '');
  if (match === null) return { atUs: null, stamp: null };
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const micros = Number((match[7] ?? '').padEnd(6, '0'));
  const zone = match[8];
  if (zone === undefined) {
    const usOfDay = (hour * 3600 + minute * 60 + second) * 1e6 + micros;
    return { atUs: null, stamp: { kind: 'wall', year, month, day, usOfDay } };
  }
  const offsetMinutes =
    zone === 'Z' ? 0 : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2)));
  return { atUs: Date.UTC(year, month - 1, day, hour, minute - offsetMinutes, second) * 1000 + micros, stamp: null };
}

function readNetwork(packet: PacketDraft, fields: UlogdFields): void {
  packet.src = address(fields, 'src_ip', 'ip.saddr.str', 'ip6.saddr.str', 'ip.saddr');
  packet.dst = address(fields, 'dest_ip', 'ip.daddr.str', 'ip6.daddr.str', 'ip.daddr');
  packet.proto = number(fields, 'ip.protocol') ?? number(fields, 'ip6.nexthdr');
  const family = number(fields, 'oob.family');
  packet.family = family === 2 ? 'ip' : family === 10 ? 'ip6' : null;
  if (packet.family === null && packet.src !== null) packet.family = packet.src.includes(':') ? 'ip6' : 'ip';
  const payload = number(fields, 'ip6.payloadlen');
  packet.lenBytes = number(fields, 'ip.totlen') ?? (payload === null ? number(fields, 'raw.pktlen') : payload + 40);
  const tos = number(fields, 'ip.tos');
  if (tos !== null) {
    packet.tos = tos & 0x1e;
    packet.prec = tos & 0xe0;
  }
  packet.trafficClass = number(fields, 'ip6.priority');
  packet.flowLabel = number(fields, 'ip6.flowlabel');
  packet.ttl = number(fields, 'ip.ttl') ?? number(fields, 'ip6.hoplimit');
  packet.ipId = number(fields, 'ip.id');
  const fragment = number(fields, 'ip.fragoff') ?? 0;
  packet.reservedBit = (fragment & 0x8000) !== 0;
  packet.dontFragment = (fragment & 0x4000) !== 0;
  packet.moreFragments = (fragment & 0x2000) !== 0;
  const offset = (fragment & 0x1fff) * 8;
  if (offset > 0 || packet.moreFragments) packet.fragmentOffsetBytes = offset;
}

const FLAG_KEYS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg'] as const;

function readTransport(packet: PacketDraft, fields: UlogdFields): void {
  packet.sport = number(fields, 'src_port') ?? number(fields, 'tcp.sport') ?? number(fields, 'udp.sport');
  packet.dport = number(fields, 'dest_port') ?? number(fields, 'tcp.dport') ?? number(fields, 'udp.dport');
  if (packet.proto === 6) {
    packet.seq = number(fields, 'tcp.seq');
    packet.ack = number(fields, 'tcp.ackseq');
    packet.window = number(fields, 'tcp.window');
    packet.urgp = number(fields, 'tcp.urgp');
    const areTold = FLAG_KEYS.every((key) => fields.has(`tcp.${key}`));
    let bits = 0;
    FLAG_KEYS.forEach((key, bit) => {
      if (number(fields, `tcp.${key}`) === 1 || fields.get(`tcp.${key}`) === true) bits |= 1 << bit;
    });
    if (areTold) packet.flags = flagWords(bits);
  }
  packet.udpLenBytes = number(fields, 'udp.len');
  packet.icmpType = number(fields, 'icmp.type') ?? number(fields, 'icmpv6.type');
  packet.icmpCode = number(fields, 'icmp.code') ?? number(fields, 'icmpv6.code');
  packet.icmpId = number(fields, 'icmp.echoid') ?? number(fields, 'icmpv6.echoid');
  packet.icmpSeq = number(fields, 'icmp.echoseq') ?? number(fields, 'icmpv6.echoseq');
  packet.mtu = number(fields, 'icmp.fragmtu');
  packet.gateway = address(fields, 'icmp.gateway.str', 'icmp.gateway');
  packet.spi = number(fields, 'ahesp.spi');
}

function interfaceOf(fields: UlogdFields, way: 'in' | 'out'): string | null {
  const name = text(fields, `oob.${way}`);
  if (name !== null) return name;
  const index = number(fields, `oob.ifindex_${way}`);
  return index === null || index === 0 ? null : `ifindex:${index}`;
}

/** @param isCut the object ended before its closing brace */
export function ulogdPacket(fields: UlogdFields, isCut: boolean): CapturedPacket {
  const packet = emptyPacket();
  readNetwork(packet, fields);
  readTransport(packet, fields);
  packet.inIf = interfaceOf(fields, 'in');
  packet.outIf = interfaceOf(fields, 'out');
  packet.macSrc = text(fields, 'mac.saddr.str');
  packet.macDst = text(fields, 'mac.daddr.str');
  packet.mac = text(fields, 'mac.str', 'raw.mac');
  const protocol = number(fields, 'oob.protocol');
  packet.macProto = protocol === null ? null : protocol.toString(16).padStart(4, '0');
  packet.mark = number(fields, 'oob.mark');
  packet.uid = number(fields, 'oob.uid');
  packet.gid = number(fields, 'oob.gid');
  packet.isCut = isCut;
  const prefix = fields.get('oob.prefix');
  return {
    ...momentOf(fields),
    usOfDay: null,
    interface: null,
    payloadBytes: packet.udpLenBytes === null ? null : Math.max(0, packet.udpLenBytes - 8),
    hasRelativeNumbers: false,
    checksum: null,
    packet,
    nflog: { prefix: typeof prefix === 'string' ? prefix : '', hook: number(fields, 'oob.hook'), group: null },
  };
}
