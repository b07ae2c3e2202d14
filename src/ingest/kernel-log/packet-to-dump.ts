// The full parser's packet as a Dump: the road of every line that the fast scanner leaves alone.

import type { Packet } from '../../model/packet.js';
import { CE, DF, type Dump, FAMILY_NAMES, FLAG_NAMES, finishDump, IP, MF } from './dump.js';
import type { DumpTables } from './dump-tables.js';

/**
 * Fills `dump` from a packet. false when it does not name both addresses: the line was cut before or inside them. Stations of the link
 * stand in for them only where the packet has no others (ARP, other EtherTypes).
 */
export function packetToDump(packet: Packet, tables: DumpTables, dump: Dump): boolean {
  const isIp = packet.family === 'ip' || packet.family === 'ip6' || packet.src !== null || packet.dst !== null;
  const station = isIp || packet.isCut ? null : packet;
  const src = packet.src ?? packet.arp?.ipSrc ?? station?.arp?.macSrc ?? station?.macSrc;
  const dst = packet.dst ?? packet.arp?.ipDst ?? station?.arp?.macDst ?? station?.macDst;
  if (src === null || src === undefined || dst === null || dst === undefined) return false;
  const ipv4 = packet.family === 'ip' ? [ipv4Number(src), ipv4Number(dst)] : [null, null];
  const isNumeric = ipv4[0] !== null && ipv4[1] !== null;
  // Masked addresses of an IPv4 line ('X.X.X.X') are texts, so the line counts as another family for its numbers only.
  const family = FAMILY_NAMES.indexOf(packet.family ?? 'other');
  dump.length = -1;
  dump.family = family === IP && !isNumeric ? FAMILY_NAMES.indexOf('other') : family;
  dump.src = isNumeric ? ipv4[0]! : tables.address(src);
  dump.dst = isNumeric ? ipv4[1]! : tables.address(dst);
  dump.proto = packet.proto ?? -1;
  dump.sport = packet.sport ?? -1;
  dump.dport = packet.dport ?? -1;
  dump.tupleExtra = tables.tupleExtra(tupleExtra(packet));
  dump.ipId = packet.ipId ?? -1;
  dump.lenBytes = packet.lenBytes ?? -1;
  dump.ttl = packet.ttl ?? -1;
  dump.seq = packet.seq ?? packet.icmpSeq ?? -1;
  dump.ack = packet.ack ?? -1;
  dump.window = packet.window ?? -1;
  dump.mark = packet.mark ?? -1;
  dump.tos = packet.tos ?? packet.trafficClass ?? -1;
  dump.prec = packet.prec ?? -1;
  dump.fragment = (packet.reservedBit ? CE : 0) | (packet.dontFragment ? DF : 0) | (packet.moreFragments ? MF : 0);
  dump.res = packet.res ?? -1;
  dump.flags = packet.flags === null ? -1 : flagBits(packet.flags);
  dump.extra = members(packet);
  return true;
}

/** The rest of a dump: what the tables know it by. */
export function enterDump(dump: Dump, tables: DumpTables): void {
  dump.tuple = tables.tuple(dump);
  dump.shape = tables.shape(dump);
  finishDump(dump);
}

/** Whether two readings of one line agree. */
export function sameDump(a: Dump, b: Dump): boolean {
  return (
    a.family === b.family &&
    a.src === b.src &&
    a.dst === b.dst &&
    a.proto === b.proto &&
    a.sport === b.sport &&
    a.dport === b.dport &&
    a.tupleExtra === b.tupleExtra &&
    a.ipId === b.ipId &&
    a.lenBytes === b.lenBytes &&
    a.ttl === b.ttl &&
    a.seq === b.seq &&
    a.ack === b.ack &&
    a.window === b.window &&
    a.mark === b.mark &&
    a.tos === b.tos &&
    a.prec === b.prec &&
    a.fragment === b.fragment &&
    a.res === b.res &&
    a.flags === b.flags &&
    a.extra === b.extra
  );
}

function ipv4Number(text: string): number | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  const octets = match.slice(1).map(Number);
  if (octets.some((octet) => octet > 255)) return null;
  return octets.reduce((address, octet) => (address << 8) | octet, 0);
}

function flagBits(flags: string): number {
  return flags
    .split(' ')
    .map((word) => (FLAG_NAMES as readonly string[]).indexOf(word))
    .reduce((bits, bit) => (bit < 0 ? bits : bits | (1 << bit)), 0);
}

function tupleExtra(packet: Packet): string {
  if (packet.icmpType !== null) {
    const id = packet.icmpId === null ? '' : ` id=${packet.icmpId}`;
    return `type=${packet.icmpType} code=${packet.icmpCode ?? '?'}${id}`;
  }
  if (packet.spi !== null) return `spi=0x${packet.spi.toString(16)}`;
  return packet.ahSpi === null ? '' : `spi=0x${packet.ahSpi.toString(16)}`;
}

/** JSON members for what has no column, in the order the fast scanner uses. */
function members(packet: Packet): string {
  const found: [string, unknown][] = [];
  const add = (name: string, value: unknown): void => {
    if (value !== null && value !== undefined && value !== false) found.push([name, value]);
  };
  if (packet.flowLabel !== null && packet.flowLabel > 0) add('flowlbl', packet.flowLabel);
  if (packet.urgp !== null && packet.urgp !== 0) add('urgp', packet.urgp);
  add('opt', packet.tcpOptions);
  const usual = (packet.lenBytes ?? 0) - (packet.family === 'ip6' ? 40 : 20);
  if (packet.udpLenBytes !== usual) add('udplen', packet.udpLenBytes);
  add('uid', packet.uid);
  add('gid', packet.gid);
  add('frag', packet.fragmentOffsetBytes);
  add('fragid', packet.fragmentId);
  add('ipopt', packet.ipOptions);
  add('mtu', packet.mtu);
  add('gateway', packet.gateway);
  add('parameter', packet.parameter);
  add('incomplete', packet.incompleteBytes);
  add('truncated', packet.isTruncated);
  add('vlan', packet.vlanTci);
  add('vlanproto', packet.vlanProto);
  add('tunnelsrc', packet.tunnelSrc);
  add('tunneldst', packet.tunnelDst);
  if (packet.arp !== null) add('arp', told(packet.arp));
  if (packet.quoted !== null) add('quoted', told(packet.quoted));
  if (packet.unknown.length > 0) add('unknown', packet.unknown);
  add('cut', packet.isCut);
  return found.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',');
}

/** An object without what was not told, to any depth. */
function told(value: object): object {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== null && field !== false && !(Array.isArray(field) && field.length === 0))
      .map(([name, field]) => [
        name,
        typeof field === 'object' && !Array.isArray(field) ? told(field as object) : field,
      ]),
  );
}
