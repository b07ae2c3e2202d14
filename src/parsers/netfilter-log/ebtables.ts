// The dump of ebtables --log, which has a layout of its own (net/bridge/netfilter/ebt_log.c: ebt_log_packet(), v6.18).

import type { Packet } from '../../model/packet.js';
import { canonicalDumpAddress } from './addresses.js';
import { emptyPacket, type PacketDraft } from './dump-state.js';

const MAC = '[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}';
const HEAD = new RegExp(`^IN=(\\S*) OUT=(\\S*) +MAC source = (${MAC}) MAC dest = (${MAC}) proto = 0x([0-9a-fA-F]{4})`);
const BEGINNING = /^IN=\S* OUT=\S* +MAC sou/;

export function isEbtablesDump(text: string, from: number): boolean {
  return text.startsWith('MAC sou', text.indexOf('MAC ', from)) && BEGINNING.test(text.slice(from, from + 80));
}

const IPV4 = /^ IP SRC=([\d.]+) IP DST=([\d.]+), IP tos=0x([0-9a-fA-F]{2}), IP proto=(\d{1,3})(?!\d)/;
const IPV6 =
  /^ IPv6 SRC=([0-9a-fA-F:.]+) IPv6 DST=([0-9a-fA-F:.]+), IPv6 priority=0x([0-9a-fA-F]), Next Header=(\d{1,3})(?!\d)/;
const ARP = /^ ARP HTYPE=(\d+), PTYPE=0x([0-9a-fA-F]{4}), OPCODE=(\d+)/;
const ARP_PAYLOAD = new RegExp(`^ ARP MAC SRC=(${MAC}) ARP IP SRC=([\\d.]+) ARP MAC DST=(${MAC}) ARP IP DST=([\\d.]+)`);
const PORTS = /^ SPT=(\d{1,5}) DPT=(\d{1,5})(?!\d)/;
const SHORT = /^ INCOMPLETE (?:IP|IPv6|ARP|TCP\/UDP) (?:header|payload)/;
const PROTOCOLS_WITH_PORTS = new Set([6, 17, 33, 132, 136]);

interface Rest {
  /** Characters read behind the head. */
  readonly length: number;
  readonly isWhole: boolean;
}

function readNetwork(packet: PacketDraft, rest: string): Rest {
  const short = SHORT.exec(rest);
  if (short !== null) {
    packet.unknown = [...packet.unknown, short[0].trim()];
    return { length: short[0].length, isWhole: true };
  }
  const match = IPV4.exec(rest) ?? IPV6.exec(rest);
  if (match === null) return { length: 0, isWhole: rest.trim() === '' };
  const [whole, src, dst, byte, proto] = match;
  packet.src = canonicalDumpAddress(src ?? '');
  packet.dst = canonicalDumpAddress(dst ?? '');
  packet.proto = Number(proto);
  if (packet.family === 'ip') {
    // The whole byte here, its two parts in every other dump.
    const tos = Number.parseInt(byte ?? '0', 16);
    packet.tos = tos & 0x1e;
    packet.prec = tos & 0xe0;
  } else packet.unknown = [...packet.unknown, `priority=0x${byte}`];
  if (!PROTOCOLS_WITH_PORTS.has(packet.proto)) return { length: whole.length, isWhole: true };
  const behind = rest.slice(whole.length);
  const ports = PORTS.exec(behind);
  if (ports === null) {
    const incomplete = SHORT.exec(behind);
    return { length: whole.length + (incomplete?.[0].length ?? 0), isWhole: incomplete !== null };
  }
  packet.sport = Number(ports[1]);
  packet.dport = Number(ports[2]);
  return { length: whole.length + ports[0].length, isWhole: true };
}

function readArp(packet: PacketDraft, rest: string): Rest {
  const match = ARP.exec(rest);
  if (match === null) return { length: 0, isWhole: rest.trim() === '' };
  const [whole, htype, ptype, opcode] = match;
  const payload = ARP_PAYLOAD.exec(rest.slice(whole.length));
  packet.arp = {
    htype: Number(htype),
    ptype: `0x${ptype}`,
    opcode: Number(opcode),
    macSrc: payload?.[1] ?? null,
    ipSrc: payload?.[2] ?? null,
    macDst: payload?.[3] ?? null,
    ipDst: payload?.[4] ?? null,
  };
  return {
    length: whole.length + (payload?.[0].length ?? 0),
    isWhole: payload !== null || Number(htype) !== 1 || SHORT.test(rest.slice(whole.length)),
  };
}

const FAMILIES: Readonly<Record<string, Packet['family']>> = {
  '0800': 'ip',
  '86dd': 'ip6',
  '0806': 'arp',
  '8035': 'arp',
};

/** As parsePacketDump(), for the dump of ebtables --log, --log-ip, --log-ip6 and --log-arp. */
export function parseEbtablesDump(
  text: string,
  from: number,
): { readonly packet: Packet; readonly end: number; readonly cutAt: number | null } {
  const packet = emptyPacket();
  const head = HEAD.exec(text.slice(from));
  if (head === null) {
    const devices = /^IN=(\S*) OUT=(\S*)/.exec(text.slice(from));
    packet.inIf = devices?.[1] ?? null;
    packet.outIf = devices?.[2] ?? null;
    packet.unknown = [text.slice(from + (devices?.[0].length ?? 0)).trim()];
    packet.isCut = true;
    return { packet, end: text.length, cutAt: from + (devices?.[0].length ?? 0) };
  }
  const [whole, inIf, outIf, source, destination, type] = head;
  packet.inIf = inIf ?? null;
  packet.outIf = outIf ?? null;
  packet.macSrc = source ?? null;
  packet.macDst = destination ?? null;
  packet.macProto = type?.toLowerCase() ?? null;
  packet.family = FAMILIES[packet.macProto ?? ''] ?? 'other';
  const restAt = from + whole.length;
  const read = packet.family === 'arp' ? readArp : readNetwork;
  const rest = packet.family === 'other' ? { length: 0, isWhole: true } : read(packet, text.slice(restAt));
  const end = restAt + rest.length;
  const left = text.slice(end).trim();
  if (left !== '') packet.unknown = [...packet.unknown, left];
  packet.isCut = !rest.isWhole;
  return { packet, end, cutAt: rest.isWhole ? null : end };
}
