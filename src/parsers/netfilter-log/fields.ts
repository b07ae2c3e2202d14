// The KEY=value words of a dump, as a table: what each means depends on the part of the dump it stands in.

import { isIP } from 'node:net';
import { protocolNumber } from '../../text/protocols.js';
import { canonicalDumpAddress, isDottedQuad, isWholeAddress } from './addresses.js';
import type { ArpDraft, DumpState, PacketDraft } from './dump-state.js';
import { decimalValue, hexValue, isColonBytes, unreadable } from './values.js';

/**
 * 'read'    taken over
 * 'hidden'  a word in the place of an address: taken over if the dump goes on behind it
 * 'masked'  the sender hid or blanked out the value; the word is kept as unknown
 * 'broken'  no value of this field: the line was cut or garbled here
 * 'again'   the packet has this field already: another dump begins here
 */
export type Verdict = 'read' | 'hidden' | 'masked' | 'broken' | 'again';

/** Reads the value text[from, to) of its field into the state. */
export type FieldReader = (state: DumpState, text: string, from: number, to: number) => Verdict;

/** A reader for values that are seldom or short: it gets the value as a string of its own. */
type ValueReader = (state: DumpState, value: string) => Verdict;

function ofValue(read: ValueReader): FieldReader {
  return (state, text, from, to) => read(state, text.slice(from, to));
}

type KeyOf<Value> = { [Key in keyof PacketDraft]-?: PacketDraft[Key] extends Value ? Key : never }[keyof PacketDraft];
type NumberKey = KeyOf<number | null>;
type TextKey = Exclude<KeyOf<string | null>, 'family'>;

function decimal(key: NumberKey): FieldReader {
  return (state, text, from, to) => {
    const number = decimalValue(text, from, to);
    if (number < 0) return unreadable(text.slice(from, to));
    if (state.packet[key] !== null) return 'again';
    state.packet[key] = number;
    return 'read';
  };
}

function hex(key: NumberKey): FieldReader {
  return (state, text, from, to) => {
    const number = hexValue(text, from, to);
    if (number < 0) return unreadable(text.slice(from, to));
    if (state.packet[key] !== null) return 'again';
    state.packet[key] = number;
    return 'read';
  };
}

/** A number that is never printed without its 0x. */
function markedHex(key: NumberKey): FieldReader {
  const read = hex(key);
  return (state, text, from, to) =>
    text.startsWith('0x', from) ? read(state, text, from, to) : unreadable(text.slice(from, to));
}

/** A byte printed as 0x%02X. Longer means that a word ran into it. */
function hexByte(key: NumberKey): FieldReader {
  const read = hex(key);
  return (state, text, from, to) => (to - from <= 4 ? read(state, text, from, to) : unreadable(text.slice(from, to)));
}

/** An interface name: no blank, at most 15 bytes (IFNAMSIZ - 1); longer ones exist only in edited lines and are taken as they are. */
function device(key: TextKey): FieldReader {
  return (state, text, from, to) => {
    if (state.packet[key] !== null || state.phase !== 'head') return 'again';
    const first = text.charAt(from);
    if (to > from && (first === '.' || first === '…') && /^(?:\.+|…)$/.test(text.slice(from, to))) return 'masked';
    state.packet[key] = text.slice(from, to);
    return 'read';
  };
}

/** 'X.X.X.X', '192.0.2.x', '<server>', 'XXXX:XXXX:0002:…': what people write over an address. */
const HIDDEN_ADDRESS =
  /^(?:<[^>]*>|\[[^\]]*\]|(?:[\dxX*?#]{1,4}\.){2,3}[\dxX*?#]{1,4}|[A-Za-z*][\w.*-]*|(?=.*[xX*?])[\da-fA-FxX*?]{0,4}(?::[\da-fA-FxX*?]{0,4}){2,7})$/;

/** An address, in canonical text; a hidden one stays as printed, as does a dotted quad with impossible numbers. */
function address(key: 'src' | 'dst'): FieldReader {
  return (state, text, from, to) => {
    const value = text.slice(from, to);
    if (state.packet[key] !== null) return 'again';
    const isIpv4 = isDottedQuad(value);
    const isAddress = isIpv4 || isIP(value) !== 0;
    if (!isAddress) {
      if (value === '' || /^\.+$/.test(value)) return 'masked';
      if (!HIDDEN_ADDRESS.test(value)) return 'broken';
    }
    if (state.phase === 'head') state.phase = 'network';
    if (isIpv4) state.packet.family = 'ip';
    else if (value.includes(':')) state.packet.family = 'ip6';
    state.packet[key] = isIpv4 || !isAddress ? value : canonicalDumpAddress(value);
    return isAddress ? 'read' : 'hidden';
  };
}

const MAC = /^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}$/;
/** Bytes of an Ethernet header as text: destination, source, type. */
const ETHERNET_LENGTH = 14 * 3 - 1;

const rawMac: FieldReader = (state, text, from, to) => {
  if (state.packet.mac !== null) return 'again';
  const value = text.slice(from, to);
  if (value !== '' && !isColonBytes(text, from, to)) return unreadable(value);
  state.packet.mac = value;
  if (value.length === ETHERNET_LENGTH) {
    state.packet.macDst = value.slice(0, 17);
    state.packet.macSrc = value.slice(18, 35);
    state.packet.macProto = value.slice(36, 38) + value.slice(39, 41);
  }
  return 'read';
};

function arpOf(state: DumpState): ArpDraft {
  state.arp ??= { htype: null, ptype: null, opcode: null, macSrc: null, ipSrc: null, macDst: null, ipDst: null };
  return state.arp;
}

/** MACSRC= and MACDST= stand once in the head and once more in an ARP payload. */
function mac(key: 'macSrc' | 'macDst'): FieldReader {
  return ofValue((state, value) => {
    if (!MAC.test(value)) return unreadable(value);
    const target = state.phase === 'arp' ? arpOf(state) : state.packet;
    if (target[key] !== null) return 'again';
    target[key] = value;
    return 'read';
  });
}

function arpAddress(key: 'ipSrc' | 'ipDst'): FieldReader {
  return ofValue((state, value) => {
    const arp = arpOf(state);
    if (arp[key] !== null) return 'again';
    if (!isWholeAddress(value) && !/^[\w.<>*]+$/.test(value)) return unreadable(value);
    arp[key] = value;
    return 'read';
  });
}

function arpNumber(key: 'htype' | 'opcode'): FieldReader {
  return (state, text, from, to) => {
    const number = decimalValue(text, from, to);
    if (number < 0) return unreadable(text.slice(from, to));
    const arp = arpOf(state);
    if (arp[key] !== null) return 'again';
    arp[key] = number;
    return 'read';
  };
}

const arpType = ofValue((state, value) => {
  if (!/^0x[0-9a-fA-F]{4}$/.test(value)) return unreadable(value);
  arpOf(state).ptype = value;
  return 'read';
});

function hexText(key: 'macProto' | 'vlanProto'): FieldReader {
  return ofValue((state, value) => {
    if (!/^[0-9a-fA-F]{4}$/.test(value)) return unreadable(value);
    if (state.packet[key] !== null) return 'again';
    state.packet[key] = value;
    return 'read';
  });
}

const tunnel = ofValue((state, value) => {
  const arrow = value.indexOf('->');
  if (arrow < 0) return unreadable(value);
  if (state.packet.tunnelSrc !== null) return 'again';
  const to = value.slice(arrow + 2);
  if (!isWholeAddress(to)) return 'broken';
  state.packet.tunnelSrc = value.slice(0, arrow);
  state.packet.tunnelDst = to;
  return 'read';
});

const COMMON_PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['TCP', 6],
  ['UDP', 17],
  ['ICMP', 1],
  ['ICMPv6', 58],
]);

function anyProtocol(value: string): number | null {
  return /^(?:[A-Za-z][A-Za-z0-9-]*|\d{1,3})$/.test(value) ? protocolNumber(value) : null;
}

/** The kernel prints TCP, UDP, UDPLITE, ICMP, ICMPv6, AH, ESP by name and every other protocol by number; ulogd knows SCTP too. */
const proto: FieldReader = (state, text, from, to) => {
  const value = text.slice(from, to);
  const number = COMMON_PROTOCOLS.get(value) ?? anyProtocol(value);
  if (number === null && value !== 'ARP') return unreadable(value);
  if (state.packet.proto !== null) return 'again';
  if (number === null) {
    state.packet.family = 'arp';
    state.isEnded = true;
    return 'masked';
  }
  state.packet.proto = number;
  state.isNumberedProto = value.charCodeAt(0) <= 57;
  state.phase = 'transport';
  return 'read';
};

const readTos = hexByte('tos');

const tos: FieldReader = (state, text, from, to) => {
  const verdict = readTos(state, text, from, to);
  // util/printpkt.c of ulogd prints TOS=%02X, the kernel TOS=0x%02X.
  if (verdict === 'read' && to - from < 4) state.isUlogd = true;
  return verdict;
};

const decimalMark = decimal('mark');
const hexMark = hex('mark');

/** 0x%x from the kernel, which prints no mark of 0; %x without 0x from ulogd, decimal from others. */
const mark: FieldReader = (state, text, from, to) => {
  if (state.isUlogd || decimalValue(text, from, to) < 0) return hexMark(state, text, from, to);
  const isCutHex = to === text.length && to - from === 1 && text.charAt(from) === '0';
  return isCutHex ? 'broken' : decimalMark(state, text, from, to);
};

const isIcmp = (state: DumpState): boolean => state.packet.proto === 1 || state.packet.proto === 58;
const isUdp = (state: DumpState): boolean => state.packet.proto === 17 || state.packet.proto === 136;
/** An AH header in the chain of an IPv6 packet, or AH as the protocol of an IPv4 packet. */
const isAh = (state: DumpState): boolean => state.phase !== 'transport' || state.packet.proto === 51;

/** Chooses the field by the part of the dump. */
function either(test: (state: DumpState) => boolean, yes: FieldReader, no: FieldReader): FieldReader {
  return (state, text, from, to) => (test(state) ? yes : no)(state, text, from, to);
}

const FIELDS: ReadonlyMap<string, FieldReader> = new Map<string, FieldReader>([
  ['IN', device('inIf')],
  ['OUT', device('outIf')],
  ['PHYSIN', device('physIn')],
  ['PHYSOUT', device('physOut')],
  ['MAC', rawMac],
  ['MACSRC', mac('macSrc')],
  ['MACDST', mac('macDst')],
  ['MACPROTO', hexText('macProto')],
  ['VPROTO', hexText('vlanProto')],
  ['VID', decimal('vlanTci')],
  ['TUNNEL', tunnel],
  ['SRC', address('src')],
  ['DST', address('dst')],
  ['LEN', either(isUdp, decimal('udpLenBytes'), decimal('lenBytes'))],
  ['TOS', tos],
  ['PREC', hexByte('prec')],
  ['TTL', decimal('ttl')],
  ['HOPLIMIT', decimal('ttl')],
  ['TC', decimal('trafficClass')],
  ['FLOWLBL', decimal('flowLabel')],
  ['ID', either(isIcmp, decimal('icmpId'), decimal('ipId'))],
  ['PROTO', proto],
  ['SPT', decimal('sport')],
  ['DPT', decimal('dport')],
  ['SEQ', either(isIcmp, decimal('icmpSeq'), decimal('seq'))],
  ['ACK', decimal('ack')],
  ['WINDOW', decimal('window')],
  ['RES', hexByte('res')],
  ['URGP', decimal('urgp')],
  ['TYPE', decimal('icmpType')],
  ['CODE', decimal('icmpCode')],
  ['MTU', decimal('mtu')],
  ['PARAMETER', decimal('parameter')],
  ['POINTER', hex('parameter')],
  [
    'GATEWAY',
    ofValue((state, value) => {
      if (!isWholeAddress(value) && !/^[xX*.]+$/.test(value)) return unreadable(value);
      if (state.packet.gateway !== null) return 'again';
      state.packet.gateway = canonicalDumpAddress(value);
      return 'read';
    }),
  ],
  ['SPI', either(isAh, markedHex('ahSpi'), markedHex('spi'))],
  ['UID', decimal('uid')],
  ['GID', decimal('gid')],
  ['MARK', mark],
  ['HTYPE', arpNumber('htype')],
  ['PTYPE', arpType],
  ['OPCODE', arpNumber('opcode')],
  ['IPSRC', arpAddress('ipSrc')],
  ['IPDST', arpAddress('ipDst')],
]);

const SLOTS = 1024;

/** Hash of a key, computed while the word is scanned; keyHash(hash, code) for each character from 0. */
export function keyHash(hash: number, code: number): number {
  return (hash * 33 + code) & 0xfffffff;
}

interface Slot {
  readonly key: string;
  readonly read: FieldReader;
}

/** The table by hash: every key of ours has a slot of its own, which the loop below makes sure of. */
const slots: (Slot | undefined)[] = new Array<Slot | undefined>(SLOTS).fill(undefined);
const overflow: Slot[] = [];
for (const [key, read] of FIELDS) {
  let hash = 0;
  for (let here = 0; here < key.length; here++) hash = keyHash(hash, key.charCodeAt(here));
  if (slots[hash % SLOTS] === undefined) slots[hash % SLOTS] = { key, read };
  else overflow.push({ key, read });
}

/** The reader of the key text[from, to), whose hash the caller has; null when no dump has such a field. */
export function fieldReader(text: string, from: number, to: number, hash: number): FieldReader | null {
  const slot = slots[hash % SLOTS];
  if (slot === undefined) return null;
  if (slot.key.length === to - from && text.startsWith(slot.key, from)) return slot.read;
  return overflow.find(({ key }) => key.length === to - from && text.startsWith(key, from))?.read ?? null;
}

export function isField(key: string): boolean {
  return FIELDS.has(key);
}
