// The KEY=value words that `xtables-monitor --trace` prints of a packet: nearly those of the kernel's log, but with ports named
// SPORT and DPORT, MAC bytes without leading zeros, and DF glued to the ID before it (iptables/xtables-monitor.c, 1.8.9).

import { emptyPacket, type PacketDraft } from '../../model/packet.js';
import { canonicalAddress } from '../../text/address.js';
import { flagBit, flagWords } from '../capture/tcp-flags.js';

type Put = (packet: PacketDraft, value: string) => void;

const numberOf = (value: string): number | null =>
  /^(?:\d{1,10}|0x[0-9a-f]{1,8})$/i.test(value) ? Number(value) : null;

function paddedMac(value: string): string {
  return value
    .split(':')
    .map((byte) => byte.padStart(2, '0'))
    .join(':');
}

function put<Key extends keyof PacketDraft>(key: Key): Put {
  return (packet, value) => Object.assign(packet, { [key]: numberOf(value) });
}

const KEYS: Readonly<Record<string, Put>> = {
  IN: (packet, value) => {
    packet.inIf = value;
  },
  OUT: (packet, value) => {
    packet.outIf = value;
  },
  NFPROTO: (packet, value) => {
    packet.family = value === '10' ? 'ip6' : value === '2' ? 'ip' : packet.family;
  },
  MACSRC: (packet, value) => {
    packet.macSrc = paddedMac(value);
  },
  MACDST: (packet, value) => {
    packet.macDst = paddedMac(value);
  },
  MACPROTO: (packet, value) => {
    packet.macProto = value.toLowerCase();
  },
  SRC: (packet, value) => {
    packet.src = canonicalAddress(value);
  },
  DST: (packet, value) => {
    packet.dst = canonicalAddress(value);
  },
  // The IPv6 line adds 20 bytes, the size of an IPv4 header, to the payload: twenty too few.
  LEN: (packet, value) => {
    packet.lenBytes = numberOf(value);
  },
  TOS: (packet, value) => {
    const byte = numberOf(value) ?? 0;
    packet.tos = byte & 0x1e;
    packet.prec = byte & 0xe0;
  },
  TTL: put('ttl'),
  TC: put('trafficClass'),
  HOPLIMIT: put('ttl'),
  FLOWLBL: put('flowLabel'),
  SPORT: put('sport'),
  DPORT: put('dport'),
  MARK: put('mark'),
  FRAG: (packet, value) => {
    packet.fragmentOffsetBytes = (numberOf(value) ?? 0) * 8;
  },
};

/** @param words what follows the id */
export function readXtablesPacket(words: string): PacketDraft {
  const packet = emptyPacket();
  const unknown: string[] = [];
  let flags = 0;
  let hasTcp = false;
  const tokens = words.replace(/\bID=(\d{1,5})(?=[CDMFO])/, 'ID=$1 ').match(/OPT \([0-9A-F]*\)?|\S+/g) ?? [];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    const pair = /^([A-Z]+)[=:](.*)$/.exec(token);
    if (pair !== null) {
      const [, key, value] = pair as unknown as readonly [string, string, string];
      if (key === 'ID') packet.ipId = numberOf(value);
      else if (key === 'LL') {
        // The link header in hex is a word of its own behind its type; a device without one has none.
        if (/^[0-9a-f]+$/.test(tokens[at + 1] ?? '')) at++;
        packet.mac = '';
      } else if (KEYS[key] !== undefined) KEYS[key](packet, value);
      else unknown.push(token);
      continue;
    }
    const bit = flagBit(token);
    if (bit !== null) {
      flags |= bit;
      hasTcp = true;
    } else if (token === 'DF') packet.dontFragment = true;
    else if (token === 'MF') packet.moreFragments = true;
    else if (token === 'CE') packet.reservedBit = true;
    else if (token.startsWith('OPT (')) packet.ipOptions = token.slice(5).replace(')', '');
    else unknown.push(token);
  }
  if (packet.family === null && packet.src !== null) packet.family = packet.src.includes(':') ? 'ip6' : 'ip';
  if (packet.family === 'ip6' && packet.lenBytes !== null) packet.lenBytes += 20;
  if (hasTcp) {
    packet.proto = 6;
    packet.flags = flagWords(flags);
  }
  packet.unknown = unknown;
  return packet;
}
