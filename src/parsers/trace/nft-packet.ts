// The words that `nft monitor trace` prints of a packet ('iif "eth0" ip saddr 192.0.2.1 … tcp flags == syn'), read into a packet.
// Which words come, and in which order: nftables, src/netlink.c: trace_gen_stmts() and trace_print_packet(), 1.0.6.

import { emptyPacket, type PacketDraft } from '../../model/packet.js';
import { canonicalAddress } from '../../text/address.js';
import { protocolNumber } from '../../text/protocols.js';
import { portNumber } from '../../text/service-ports.js';
import { flagBit, flagWords } from '../capture/tcp-flags.js';
import { DSCP, ECN, ETHERTYPES, ICMP_CODES, ICMP_TYPES, ICMPV6_CODES, ICMPV6_TYPES } from './nft-names.js';

type Put = (packet: PacketDraft, value: string) => void;

/** A value as a number: decimal, 0x…, or NULL for names and elisions. */
export function numberOf(value: string): number | null {
  return /^(?:\d{1,10}|0x[0-9a-f]{1,8})$/i.test(value) ? Number(value) : null;
}

function tosBits(packet: PacketDraft, bits: number): void {
  if (packet.family === 'ip6') {
    packet.trafficClass = (packet.trafficClass ?? 0) | bits;
    return;
  }
  packet.tos = (packet.tos ?? 0) | (bits & 0x1e);
  packet.prec = (packet.prec ?? 0) | (bits & 0xe0);
}

/** 'syn', '0x12', 'syn,ack', 'syn | ack', '{ syn, ack }'; NULL when a word is none of TCP's. */
export function nftFlags(value: string): string | null {
  const whole = numberOf(value);
  if (whole !== null) return flagWords(whole);
  let bits = 0;
  for (const word of value.replace(/[{}()]/g, ' ').split(/[\s,|]+/)) {
    if (word === '') continue;
    const bit = flagBit(word);
    if (bit === null) return null;
    bits |= bit;
  }
  return flagWords(bits);
}

const isElided = (value: string): boolean => /^\.{2,}$|^\[?\.+\]?$/.test(value);
const addressOf = (value: string): string | null => (isElided(value) ? null : canonicalAddress(value));

/** Both layers print sport and dport alike. */
const PORTS: Readonly<Record<string, Put>> = {
  sport: (packet, value) => {
    packet.sport = portNumber(value);
  },
  dport: (packet, value) => {
    packet.dport = portNumber(value);
  },
};

/** Layer -> field -> where its value goes. NULL: known and of no use here. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, Put | null>>>> = {
  ether: {
    saddr: (packet, value) => {
      packet.macSrc = isElided(value) ? null : value;
    },
    daddr: (packet, value) => {
      packet.macDst = isElided(value) ? null : value;
    },
    type: (packet, value) => {
      packet.macProto = ETHERTYPES[value] ?? value;
    },
  },
  vlan: {
    id: (packet, value) => {
      packet.vlanTci = ((packet.vlanTci ?? 0) & 0xf000) | (numberOf(value) ?? 0);
    },
    pcp: (packet, value) => {
      packet.vlanTci = (packet.vlanTci ?? 0) | ((numberOf(value) ?? 0) << 13);
    },
    cfi: null,
    dei: null,
    type: null,
  },
  ip: {
    saddr: (packet, value) => {
      packet.src = addressOf(value);
    },
    daddr: (packet, value) => {
      packet.dst = addressOf(value);
    },
    dscp: (packet, value) => tosBits(packet, (DSCP[value] ?? numberOf(value) ?? 0) << 2),
    ecn: (packet, value) => tosBits(packet, ECN[value] ?? 0),
    ttl: (packet, value) => {
      packet.ttl = numberOf(value);
    },
    id: (packet, value) => {
      packet.ipId = numberOf(value);
    },
    protocol: (packet, value) => {
      packet.proto = protocolNumber(value);
    },
    length: (packet, value) => {
      packet.lenBytes = numberOf(value);
    },
    'frag-off': (packet, value) => {
      const word = numberOf(value) ?? 0;
      packet.reservedBit = (word & 0x8000) !== 0;
      packet.dontFragment = (word & 0x4000) !== 0;
      packet.moreFragments = (word & 0x2000) !== 0;
      if ((word & 0x3fff) !== 0) packet.fragmentOffsetBytes = (word & 0x1fff) * 8;
    },
    version: null,
    hdrlength: null,
    checksum: null,
  },
  ip6: {
    saddr: (packet, value) => {
      packet.src = addressOf(value);
    },
    daddr: (packet, value) => {
      packet.dst = addressOf(value);
    },
    dscp: (packet, value) => tosBits(packet, (DSCP[value] ?? numberOf(value) ?? 0) << 2),
    ecn: (packet, value) => tosBits(packet, ECN[value] ?? 0),
    hoplimit: (packet, value) => {
      packet.ttl = numberOf(value);
    },
    flowlabel: (packet, value) => {
      packet.flowLabel = numberOf(value);
    },
    // 'ip' is protocol 0: here it is the hop-by-hop header.
    nexthdr: (packet, value) => {
      packet.proto = value === 'ip' ? null : protocolNumber(value);
    },
    length: (packet, value) => {
      const payload = numberOf(value);
      packet.lenBytes = payload === null ? null : payload + 40;
    },
    version: null,
  },
  tcp: {
    ...PORTS,
    flags: (packet, value) => {
      packet.flags = nftFlags(value);
    },
    window: (packet, value) => {
      packet.window = numberOf(value);
    },
    sequence: (packet, value) => {
      packet.seq = numberOf(value);
    },
    ackseq: (packet, value) => {
      packet.ack = numberOf(value);
    },
    urgptr: (packet, value) => {
      packet.urgp = numberOf(value);
    },
    doff: null,
    reserved: null,
    checksum: null,
  },
  udp: {
    ...PORTS,
    length: (packet, value) => {
      packet.udpLenBytes = numberOf(value);
    },
    checksum: null,
  },
  udplite: { ...PORTS, csumcov: null, checksum: null },
  dccp: { ...PORTS, type: null },
  sctp: {
    ...PORTS,
    vtag: (packet, value) => {
      packet.unknown = [...packet.unknown, `VTAG=${value}`];
    },
    checksum: null,
  },
  icmp: {
    type: (packet, value) => {
      packet.icmpType = ICMP_TYPES[value] ?? numberOf(value);
    },
    code: (packet, value) => {
      packet.icmpCode = ICMP_CODES[value] ?? numberOf(value);
    },
    id: (packet, value) => {
      packet.icmpId = numberOf(value);
    },
    sequence: (packet, value) => {
      packet.icmpSeq = numberOf(value);
    },
    mtu: (packet, value) => {
      packet.mtu = numberOf(value);
    },
    gateway: (packet, value) => {
      packet.gateway = addressOf(value);
    },
    checksum: null,
  },
  icmpv6: {
    type: (packet, value) => {
      packet.icmpType = ICMPV6_TYPES[value] ?? numberOf(value);
    },
    code: (packet, value) => {
      packet.icmpCode = ICMPV6_CODES[value] ?? numberOf(value);
    },
    id: (packet, value) => {
      packet.icmpId = numberOf(value);
    },
    sequence: (packet, value) => {
      packet.icmpSeq = numberOf(value);
    },
    mtu: (packet, value) => {
      packet.mtu = numberOf(value);
    },
    // The same four bytes are id and sequence number of an echo; nft prints them under the first name its table has for them.
    'parameter-problem': (packet, value) => {
      const word = numberOf(value);
      if (word === null) return;
      const isEcho = packet.icmpType === 128 || packet.icmpType === 129;
      if (isEcho) {
        packet.icmpId = Math.floor(word / 0x10000);
        packet.icmpSeq = word & 0xffff;
      } else if (packet.icmpType === 2) packet.mtu = word;
      else if (packet.icmpType === 4) packet.parameter = word;
    },
    'packet-too-big': (packet, value) => FIELDS['icmpv6']?.['parameter-problem']?.(packet, value),
    'max-delay': null,
    checksum: null,
  },
  esp: {
    spi: (packet, value) => {
      packet.spi = numberOf(value);
    },
    sequence: null,
  },
  ah: {
    spi: (packet, value) => {
      packet.ahSpi = numberOf(value);
    },
    sequence: null,
    nexthdr: null,
    hdrlength: null,
  },
  arp: { htype: null, ptype: null, hlen: null, plen: null, operation: null, saddr: null, daddr: null },
  meta: {
    mark: (packet, value) => {
      packet.mark = numberOf(value);
    },
    l4proto: (packet, value) => {
      packet.proto = protocolNumber(value);
    },
    nfproto: (packet, value) => {
      packet.family = value === 'ipv6' ? 'ip6' : 'ip';
    },
  },
};

const TRANSPORT_PROTO: Readonly<Record<string, number>> = {
  tcp: 6,
  udp: 17,
  udplite: 136,
  dccp: 33,
  sctp: 132,
  icmp: 1,
  icmpv6: 58,
  esp: 50,
  ah: 51,
};

/** The last word that a whole line has of each layer: what ends earlier was cut, and its last number may have lost digits. */
const LAST_OF: Readonly<Record<string, readonly string[]>> = {
  tcp: ['window', 'flags'],
  udp: ['length', 'checksum'],
  icmp: ['sequence', 'gateway', 'mtu', 'code'],
  ip: ['length', 'protocol', 'id', 'frag-off'],
  ip6: ['length', 'nexthdr'],
};

function readArp(packet: PacketDraft, words: string): void {
  packet.family = 'arp';
  const value = (pattern: RegExp): string | null => pattern.exec(words)?.[1] ?? null;
  const operation = value(/arp operation (\S+)/);
  const opcode =
    operation === null
      ? null
      : (({ request: 1, reply: 2 } as Record<string, number>)[operation] ?? numberOf(operation));
  packet.arp = {
    htype: numberOf(value(/arp htype (\S+)/) ?? ''),
    ptype: value(/arp ptype (\S+)/),
    opcode,
    macSrc: value(/arp saddr ether (\S+)/),
    ipSrc: value(/arp saddr ip (\S+)/),
    macDst: value(/arp daddr ether (\S+)/),
    ipDst: value(/arp daddr ip (\S+)/),
  };
}

/** @param words what follows 'packet:' */
export function readNftPacket(words: string): PacketDraft {
  const packet = emptyPacket();
  const unknown: string[] = [];
  if (/\barp (?:operation|htype|saddr)/.test(words)) readArp(packet, words);
  const tokens = words.match(/"(?:[^"\\]|\\.)*"?|\{[^}]*\}|\([^)]*\)|\[[^\]]*\]|[^\s"]+/g) ?? [];
  let last: {
    readonly layer: string;
    readonly field: string;
    readonly value: string;
    readonly isOpen: boolean;
  } | null = null;
  for (let at = 0; at < tokens.length; at++) {
    const layer = tokens[at]!;
    if (isElided(layer) || layer === '[..]' || layer === '[...]' || layer === '[]') {
      last = null;
      continue;
    }
    if (layer === 'iif' || layer === 'oif' || layer === 'iifname' || layer === 'oifname') {
      const name = (tokens[at + 1] ?? '').replace(/^"|"$/g, '');
      if (name !== '' && !isElided(name)) packet[layer.startsWith('i') ? 'inIf' : 'outIf'] = name;
      at++;
      continue;
    }
    if (layer.startsWith('@') || layer === 'iiftype' || layer === 'oiftype') {
      at++;
      last = null;
      continue;
    }
    const fields = FIELDS[layer];
    const field = tokens[at + 1];
    if (fields === undefined || field === undefined) {
      unknown.push(layer);
      if (field === undefined) packet.isCut = true;
      continue;
    }
    if (layer === 'ip' || layer === 'ip6') packet.family = layer;
    if (TRANSPORT_PROTO[layer] !== undefined) packet.proto = TRANSPORT_PROTO[layer];
    at += 2;
    if (tokens[at] === '==') at++;
    let value = tokens[at] ?? '';
    // 'tcp flags == syn | ack' and 'arp saddr ip 192.0.2.1' go on behind their first word.
    while (tokens[at + 1] === '|') {
      value += `|${tokens[at + 2] ?? ''}`;
      at += 2;
    }
    if (layer === 'arp') {
      if (field === 'saddr' || field === 'daddr') at++;
      continue;
    }
    const put = fields[field];
    if (value === '') packet.isCut = true;
    else if (put === undefined) unknown.push(`${layer} ${field} ${value}`);
    else if (!isElided(value)) put?.(packet, value);
    last = { layer, field, value, isOpen: at >= tokens.length - 1 };
  }
  if (last?.isOpen === true && !words.endsWith(' ') && LAST_OF[last.layer]?.includes(last.field) === false) {
    // Broken off within the packet: what stands last may be half a value.
    packet.isCut = true;
    if (/^[\da-fx.:]+$/i.test(last.value) && !isElided(last.value)) FIELDS[last.layer]?.[last.field]?.(packet, '');
  }
  for (const key of ['src', 'dst', 'macSrc', 'macDst'] as const) if (packet[key] === '') packet[key] = null;
  packet.unknown = [...packet.unknown, ...unknown];
  return packet;
}
