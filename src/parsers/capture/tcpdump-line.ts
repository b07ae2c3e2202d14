// One line of tcpdump's text as a packet: what stands before the addresses, the addresses and ports, and what follows them.

import type { Arp, PacketDraft } from '../../model/packet.js';
import { emptyPacket } from '../../model/packet.js';
import { canonicalAddress } from '../../text/address.js';
import { addressBytes } from '../../text/address-bytes.js';
import { portNumber } from '../../text/service-ports.js';
import { onesSum } from './internet-checksum.js';
import { readTransportWords, type TransportWords } from './tcpdump-transport.js';

export interface TcpdumpPacket {
  readonly packet: PacketDraft;
  readonly interface: string | null;
  readonly words: TransportWords | null;
  /** -v prints an IPv4 header on a line of its own; the addresses follow on the next. */
  readonly isHeaderOnly: boolean;
}

const MAC = '(?:[0-9a-f]{2}:){5}[0-9a-f]{2}';
const LINK = new RegExp(
  `^(?:(In|Out|B|M|P)\\s+)?(?:ifindex \\d+ )?(${MAC})(?: \\(oui [^)]*\\))?(?: > (${MAC}|Broadcast)(?: \\(oui [^)]*\\))?)?,? (?:ethertype|802\\.3)`,
);
const ETHERTYPE = /ethertype [^,(]*?(?: \(0x([0-9a-f]{4})\))?(?:, length (\d+)(?:: |, )|, )/g;
/** `-i any` of tcpdump 4.99: 'eth0  In  IP …'. */
const INTERFACE = /^(\S+)\s+(In|Out|B|M|P)\s+(?=\S)/;
const FAMILY = /^(IP6|IP|ARP|RARP|arp|ip6?)(?:,\s+|\s+|:\s+)/;

/** `-e` on a capture of NFLOG, which has no link header: 'version 0, resource ID 5, family IPv4 (2), length 172: '. */
const NFLOG = /^version \d+, resource ID \d+(?:, family (IPv4|IPv6|Unknown)\b[^:]*)?, length \d+: /;

interface Head {
  readonly family: 'ip' | 'ip6' | 'arp' | 'other' | null;
  readonly at: number;
  readonly interface: string | null;
}

function readHead(packet: PacketDraft, line: string, from: number): Head {
  let at = from;
  let name: string | null = null;
  const face = INTERFACE.exec(line.slice(at));
  if (face !== null && !face[1]!.includes('>')) {
    name = face[1]!;
    if (face[2] === 'Out') packet.outIf = name;
    else packet.inIf = name;
    at += face[0].length;
  }
  const rest = line.slice(at);
  const link = LINK.exec(rest);
  if (link !== null) {
    packet.macSrc = link[2] ?? null;
    packet.macDst = link[3] === 'Broadcast' ? 'ff:ff:ff:ff:ff:ff' : (link[3] ?? null);
    let end = 0;
    let type: string | null = null;
    let wireLength: number | null = null;
    for (const match of rest.matchAll(ETHERTYPE)) {
      type = match[1] ?? (/IPv4/.test(match[0]) ? '0800' : /IPv6/.test(match[0]) ? '86dd' : type);
      wireLength = match[2] === undefined ? wireLength : Number(match[2]);
      end = match.index + match[0].length;
      if (!/802\.1|vlan/.test(match[0])) break;
    }
    const vlan = /\bvlan (\d{1,4}), p (\d)/.exec(rest);
    if (vlan !== null) packet.vlanTci = Number(vlan[1]) | (Number(vlan[2]) << 13);
    packet.macProto = type;
    const family = type === '0800' ? 'ip' : type === '86dd' ? 'ip6' : type === '0806' ? 'arp' : 'other';
    const inner = FAMILY.exec(rest.slice(end));
    return { family, at: at + end + (inner === null ? 0 : inner[0].length), interface: name };
  }
  const nflog = NFLOG.exec(rest);
  if (nflog !== null) {
    const family = nflog[1] === 'IPv4' ? 'ip' : nflog[1] === 'IPv6' ? 'ip6' : 'other';
    const inner = FAMILY.exec(rest.slice(nflog[0].length));
    return { family, at: at + nflog[0].length + (inner?.[0].length ?? 0), interface: name };
  }
  const word = FAMILY.exec(rest);
  if (word === null) return { family: null, at, interface: name };
  const lower = word[1]!.toLowerCase();
  return {
    family: lower === 'ip6' ? 'ip6' : lower === 'ip' ? 'ip' : 'arp',
    at: at + word[0].length,
    interface: name,
  };
}

/** '(tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 60)' and '(hlim 64, next-header TCP (6) payload length: 40)'. */
function readIpHeader(packet: PacketDraft, text: string): number {
  if (!text.startsWith('(')) return 0;
  let depth = 0;
  let end = -1;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) {
      end = at;
      break;
    }
  }
  const isCut = end < 0;
  const header = isCut ? text : text.slice(1, end);
  const number = (pattern: RegExp): number | null => {
    const match = pattern.exec(header);
    return match === null ? null : Number(match[1]);
  };
  const tos = number(/\btos (0x[0-9a-f]{1,2})/);
  if (tos !== null) {
    packet.tos = tos & 0x1e;
    packet.prec = tos & 0xe0;
  }
  packet.ttl = number(/\b(?:ttl|hlim) (\d{1,3})\b/);
  packet.ipId = number(/\bid (\d{1,5})\b/);
  const offset = number(/\boffset (\d{1,5})\b/);
  const flags = /\bflags \[([^\]]*)\]/.exec(header)?.[1] ?? '';
  packet.dontFragment = flags.includes('DF');
  packet.moreFragments = flags.includes('+');
  packet.reservedBit = /rsvd|evil/.test(flags);
  if (offset !== null && (offset > 0 || packet.moreFragments)) packet.fragmentOffsetBytes = offset;
  packet.proto = number(/\b(?:proto|next-header) [^(,]*\((\d{1,3})\)/);
  if (/\bhlim /.test(header)) {
    // Printed unless zero (print-ip6.c: ip6_print()).
    packet.trafficClass = number(/\bclass (0x[0-9a-f]{1,2})/) ?? 0;
    packet.flowLabel = number(/\bflowlabel (0x[0-9a-f]{1,5})/) ?? 0;
  }
  const payload = number(/\bpayload length: (\d{1,5})/);
  packet.lenBytes = payload === null ? number(/\blength (\d{1,5})\b/) : payload + 40;
  if (isCut) packet.isCut = true;
  return isCut ? text.length : end + 1;
}

/** 'name.port' or 'address.port' taken apart; a text without a port keeps its dots. */
function readEndpoint(text: string, hasPorts: boolean): { readonly address: string; readonly port: number | null } {
  const dot = text.lastIndexOf('.');
  const isBareIpv4 = /^\d+\.\d+\.\d+\.\d+$/.test(text);
  if (!hasPorts || dot < 0 || isBareIpv4) return { address: canonicalAddress(text), port: null };
  return { address: canonicalAddress(text.slice(0, dot)), port: portNumber(text.slice(dot + 1)) };
}

const ADDRESSES = /^(\S+) > (\S+?):(?:\s+|$)/;

/** Hop-by-hop and other extension headers stand before the protocol's words. */
const EXTENSIONS = /^(?:(?:HBH|DSTOPT|srcrt|RT6|frag) (?:\([^)]*\) ?)*)+/;

function readArp(text: string): Arp | null {
  const request = /who-has (\S+)(?: \((\S+)\))? tell (\S+?)(?:,|$)/.exec(text);
  if (request !== null) {
    const bare = { htype: 1, ptype: '0800', opcode: 1, macSrc: null };
    return {
      ...bare,
      ipSrc: request[3] ?? null,
      macDst: request[2]?.includes(':') ? request[2] : null,
      ipDst: request[1] ?? null,
    };
  }
  const reply = /(\S+) is-at (\S+?)(?:[ ,]|$)/.exec(text);
  if (reply === null) return null;
  return {
    htype: 1,
    ptype: '0800',
    opcode: 2,
    macSrc: reply[2] ?? null,
    ipSrc: reply[1] ?? null,
    macDst: null,
    ipDst: null,
  };
}

/** A checksum that the network card has still to finish (see internet-checksum.ts); tcpdump calls it incorrect. */
function isUnfinished(packet: PacketDraft, words: string): boolean {
  const printed = /cksum (0x[0-9a-f]{1,4})\b/.exec(words);
  if (printed === null || packet.proto === null || packet.lenBytes === null) return false;
  const addresses = Uint8Array.from([
    ...(addressBytes(packet.src ?? '') ?? []),
    ...(addressBytes(packet.dst ?? '') ?? []),
  ]);
  if (addresses.length !== 8 && addresses.length !== 32) return false;
  const segmentBytes = packet.lenBytes - (addresses.length === 8 ? 20 : 40);
  return onesSum(addresses, 0, addresses.length, packet.proto + segmentBytes) === Number(printed[1]);
}

/** A packet within a packet: IP in IP, SIT, GRE, Geneve. VXLAN's inner packet stands on the next line. */
const TUNNEL = /^(?:GREv0,[^:]*: |Geneve,[^:]*: )?(?:(IP6?) (?=\()|(IP6?)? ?(?=\S+ > \S+: ))/;
/** Deeper nesting is kept as words. */
const MAX_DEPTH = 3;

/** The inner packet of a tunnel, of which -v prints the addresses on the next line; NULL when the words are none. */
function readInner(words: string, depth: number): PacketDraft | null {
  const tunnel = depth < MAX_DEPTH ? TUNNEL.exec(words) : null;
  if (tunnel === null) return null;
  const inner = emptyPacket();
  const rest = words.slice(tunnel[0].length);
  const name = tunnel[1] ?? tunnel[2];
  // With -e the family's name is left out: the address tells.
  inner.family = name === 'IP6' || (name === undefined && /^\S*:\S* > /.test(rest)) ? 'ip6' : 'ip';
  const body = rest.slice(readIpHeader(inner, rest)).trimStart();
  if (body !== '') readAddressed(inner, body, depth + 1);
  return inner;
}

const IP_IN_IP = 4;
const IPV6_IN_IP = 41;

/** Reads the addresses and what follows them into a packet; NULL when the text does not begin with addresses. */
export function readAddressed(packet: PacketDraft, text: string, depth = 0): TransportWords | null {
  const truncated = /^truncated-ip6? - \d+ bytes missing!\s*/.exec(text);
  const body = truncated === null ? text : text.slice(truncated[0].length);
  if (truncated !== null) packet.isTruncated = true;
  const match = ADDRESSES.exec(body);
  if (match === null) return null;
  let words = body.slice(match[0].length);
  const extension = packet.family === 'ip' ? null : EXTENSIONS.exec(words);
  if (extension !== null) {
    const fragment = /frag \((?:0x([0-9a-f]{8}):)?(\d+)\|(\d+)\)/.exec(extension[0]);
    if (fragment !== null) {
      packet.fragmentOffsetBytes = Number(fragment[2]);
      packet.fragmentId = fragment[1] ?? null;
    }
    words = words.slice(extension[0].length);
  }
  const protoBefore = packet.proto;
  const isLaterFragment = (packet.fragmentOffsetBytes ?? 0) > 0;
  const inner = readInner(words, depth);
  if (inner !== null) packet.quoted = inner;
  const isBareTunnel = inner !== null && !/^(?:GRE|Geneve)/.test(words);
  if (isBareTunnel) packet.proto ??= inner.family === 'ip' ? IP_IN_IP : IPV6_IN_IP;
  const outer: TransportWords =
    isLaterFragment || isBareTunnel
      ? { hasPorts: false, payloadBytes: null, checksum: null, options: null }
      : readTransportWords(packet, words.replace(/^(?:\[[^\]]*\] )+(?=ICMP)/, ''));
  // Lengths and options of the words are the inner packet's.
  const read = inner === null ? outer : { ...outer, payloadBytes: null, options: null };
  if (protoBefore !== null && protoBefore !== 0) packet.proto = protoBefore;
  const src = readEndpoint(match[1]!, read.hasPorts);
  const dst = readEndpoint(match[2]!, read.hasPorts);
  packet.src = src.address;
  packet.dst = dst.address;
  packet.sport = src.port;
  packet.dport = dst.port;
  if (packet.proto === null && read.hasPorts && src.port !== null && dst.port !== null) packet.proto = 17;
  packet.family ??= packet.src.includes(':') ? 'ip6' : 'ip';
  if (/\[\|(?:tcp|udp|ip6?|icmp6?|domain)\]/.test(words)) packet.isTruncated = true;
  if (packet.proto === 17 && read.payloadBytes !== null) packet.udpLenBytes = read.payloadBytes + 8;
  return read.checksum === 'bad' && isUnfinished(packet, words) ? { ...read, checksum: null } : read;
}

/**
 * @param from where the line continues behind its time stamp
 * @returns NULL when the line is no packet of tcpdump
 */
export function readTcpdumpLine(line: string, from: number): TcpdumpPacket | null {
  const packet = emptyPacket();
  const head = readHead(packet, line, from);
  const rest = line.slice(head.at);
  packet.family = head.family;
  if (head.family === 'arp') {
    packet.arp = readArp(rest);
    return packet.arp === null ? null : { packet, interface: head.interface, words: null, isHeaderOnly: false };
  }
  if (head.family === 'other') return { packet, interface: head.interface, words: null, isHeaderOnly: false };
  const headerLength = readIpHeader(packet, rest);
  const body = rest.slice(headerLength).trimStart();
  if (headerLength > 0 && body === '') return { packet, interface: head.interface, words: null, isHeaderOnly: true };
  // Lines that people typed off or shortened have no 'IP': then only flags or an acknowledgement tell that this is a packet.
  const isBare = head.family === null;
  if (isBare && !/^\S+ > \S+?: (?:(?:Flags )?\[[FSRPUEWe.]+\]|ack \d)/.test(body)) return null;
  if (isBare) packet.family = null;
  const words = readAddressed(packet, body);
  if (words === null) return null;
  if (isBare && !/^[\d.]+$|:/.test(packet.src ?? '')) packet.family = null;
  return { packet, interface: head.interface, words, isHeaderOnly: false };
}

/** The header of the packet that an ICMP error quotes or a tunnel carries, and its addresses where they stand on the same line; NULL for other lines. */
export function readQuotedHeader(text: string): PacketDraft | null {
  const match = /^\s*(?:(IP6?) )?(\((?:tos|hlim|class|flowlabel) .*)$/.exec(text);
  if (match === null) return null;
  const quoted = emptyPacket();
  quoted.family = match[1] === 'IP6' || /^\((?:hlim|class|flowlabel)/.test(match[2]!) ? 'ip6' : 'ip';
  const length = readIpHeader(quoted, match[2]!);
  const rest = match[2]!.slice(length).trimStart();
  if (rest !== '') readAddressed(quoted, rest);
  return quoted;
}
