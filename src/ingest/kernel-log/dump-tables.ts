// Dictionaries of one source while it is read: addresses, tuples, shapes, MACs. Each entry has a small number; what is new since the
// last batch goes to the store with that batch. They are emptied together when they grow too large, so that memory stays flat.

import { canonicalAddress } from '../../text/address.js';
import { type Dump, FAMILY_NAMES, finish, flagWords, IP, mix } from './dump.js';

export interface NewTuple {
  readonly proto: number;
  readonly src: string;
  readonly dst: string;
  readonly sport: number | null;
  readonly dport: number | null;
  readonly extra: string | null;
}

export interface NewShape {
  readonly template: string;
  readonly l4: string | null;
  readonly flags: string | null;
}

export interface DumpTables {
  /** Number of an address that is no plain IPv4 (those are their own number), by its text as printed. */
  address(text: string): number;
  /** Number of a text that names a flow besides ports; '' is 0. */
  tupleExtra(text: string): number;
  /** Number of the dump's tuple. */
  tuple(dump: Dump): number;
  /** Number of the dump's shape. */
  shape(dump: Dump): number;
  shapeCount(): number;
  mac(text: string): number;
  /** Hash of an address that is the same in every run and every source. */
  stableAddress(family: number, address: number): number;
  /** What was added since the last call. */
  takeNew(): { readonly tuples: NewTuple[]; readonly shapes: NewShape[]; readonly macs: string[] };
  isFull(): boolean;
  /** Forgets everything; numbers start again from 0. */
  clear(): void;
}

const MOST_TUPLES = 1 << 17;
const MOST_TEXTS = 1 << 15;
const SLOTS = MOST_TUPLES * 2;

/** Names a shape uses for protocols the kernel prints by name; others go by number. */
const L4_NAMES = new Map<number, string>([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [50, 'esp'],
  [51, 'ah'],
  [58, 'icmpv6'],
  [132, 'sctp'],
  [136, 'udplite'],
]);

function ipv4Text(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

const FULL_IPV6 = /^(?:[\da-f]{4}:){7}[\da-f]{4}$/;

/** RFC 5952 text of an address as the kernel logs it, eight groups of four digits; the general way costs ten times as much. */
function shortIpv6(full: string): string {
  if (full.startsWith('0000:0000:0000:0000:0000:ffff:')) return canonicalAddress(full);
  const groups = full.split(':').map((group) => group.replace(/^0{1,3}/, ''));
  let best = -1;
  let longest = 1;
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (groups[at + length] === '0') length++;
    if (length > longest) {
      best = at;
      longest = length;
    }
    at += length;
  }
  if (best < 0) return groups.join(':');
  return `${groups.slice(0, best).join(':')}::${groups.slice(best + longest).join(':')}`;
}

function hex(value: number): string {
  return `0x${value.toString(16).toUpperCase().padStart(2, '0')}`;
}

function templateOf(dump: Dump, l4: string | null): string {
  const words: string[] = [FAMILY_NAMES[dump.family] ?? 'other'];
  if (dump.tos >= 0) words.push(`${dump.family === IP ? 'TOS' : 'TC'}=${hex(dump.tos)}`);
  if (dump.prec >= 0) words.push(`PREC=${hex(dump.prec)}`);
  if (dump.fragment & 1) words.push('CE');
  if (dump.fragment & 2) words.push('DF');
  if (dump.fragment & 4) words.push('MF');
  if (l4 !== null) words.push(`PROTO=${l4}`);
  if (dump.seq >= 0 && dump.flags >= 0) words.push('SEQ ACK');
  if (dump.res >= 0) words.push(`RES=${hex(dump.res)}`);
  if (dump.flags > 0) words.push(flagWords(dump.flags));
  return words.join(' ');
}

/** Copies a text out of the larger one it may be a window on, so that keeping it does not keep that one. */
export function ownText(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}

export function openDumpTables(): DumpTables {
  let addresses = new Map<string, number>();
  let addressTexts: string[] = [];
  let addressHashes: number[] = [];
  let extras = new Map<string, number>();
  let extraTexts: string[] = [''];
  const slots = new Int32Array(SLOTS).fill(-1);
  const keys = new Int32Array(MOST_TUPLES * 4);
  let tupleCount = 0;
  let shapesByKey = new Map<number, number>();
  let shapesByTemplate = new Map<string, number>();
  let macs = new Map<string, number>();
  let newTuples: NewTuple[] = [];
  let newShapes: NewShape[] = [];
  let newMacs: string[] = [];

  const text = (family: number, address: number): string =>
    family === IP ? ipv4Text(address) : (addressTexts[address] ?? '');

  const intern = (table: Map<string, number>, list: string[], value: string): number => {
    const known = table.get(value);
    if (known !== undefined) return known;
    const own = ownText(value);
    table.set(own, list.length);
    list.push(own);
    return list.length - 1;
  };

  return {
    address(value) {
      const known = addresses.get(value);
      if (known !== undefined) return known;
      const canonical = FULL_IPV6.test(value) ? shortIpv6(value) : canonicalAddress(ownText(value));
      // Two spellings of one address are one address.
      const same = addresses.get(canonical);
      const number = same ?? addressTexts.push(canonical) - 1;
      if (same === undefined) {
        addresses.set(canonical, number);
        let hash = 6;
        for (let i = 0; i < canonical.length; i++) hash = mix(hash, canonical.charCodeAt(i));
        addressHashes.push(hash);
      }
      addresses.set(ownText(value), number);
      return number;
    },
    tupleExtra(value) {
      return value === '' ? 0 : intern(extras, extraTexts, value);
    },
    tuple(dump) {
      const ports = dump.sport < 0 && dump.dport < 0 ? -1 : (dump.sport << 16) | (dump.dport & 0xffff);
      // Whether each port was told keeps 65535 and "not told" apart.
      const told = (dump.sport < 0 ? 0 : 1) | (dump.dport < 0 ? 0 : 2);
      const kind = (dump.proto + 1) | (dump.family << 9) | (told << 12) | (dump.tupleExtra << 14);
      let slot = finish(mix(mix(mix(dump.src, dump.dst), ports), kind)) & (SLOTS - 1);
      for (let number = slots[slot]!; number >= 0; number = slots[slot]!) {
        const at = number * 4;
        if (keys[at] === dump.src && keys[at + 1] === dump.dst && keys[at + 2] === ports && keys[at + 3] === kind)
          return number;
        slot = slot + 1 === SLOTS ? 0 : slot + 1;
      }
      const number = tupleCount++;
      slots[slot] = number;
      keys[number * 4] = dump.src;
      keys[number * 4 + 1] = dump.dst;
      keys[number * 4 + 2] = ports;
      keys[number * 4 + 3] = kind;
      newTuples.push({
        proto: dump.proto,
        src: text(dump.family, dump.src),
        dst: text(dump.family, dump.dst),
        sport: dump.sport < 0 ? null : dump.sport,
        dport: dump.dport < 0 ? null : dump.dport,
        extra: dump.tupleExtra === 0 ? null : (extraTexts[dump.tupleExtra] ?? null),
      });
      return number;
    },
    shape(dump) {
      // tos, prec, res 8 bits; flags 9, fragment 3, proto 9 + family 3: 48 bits, exact in a double.
      const low =
        ((dump.tos + 1) & 511) | (((dump.prec + 1) & 511) << 9) | (dump.fragment << 18) | (dump.seq >= 0 ? 1 << 21 : 0);
      const high = (((dump.flags + 1) & 1023) << 9) | ((dump.res + 1) & 511);
      const top = ((dump.proto + 1) & 511) | (dump.family << 9);
      const key = low + high * 2 ** 22 + top * 2 ** 41;
      const known = shapesByKey.get(key);
      if (known !== undefined) return known;
      const name = L4_NAMES.get(dump.proto) ?? (dump.proto < 0 ? null : String(dump.proto));
      const template = templateOf(dump, name);
      let number = shapesByTemplate.get(template);
      if (number === undefined) {
        number = shapesByTemplate.size;
        shapesByTemplate.set(template, number);
        newShapes.push({ template, l4: name, flags: dump.flags < 0 ? null : flagWords(dump.flags) });
      }
      shapesByKey.set(key, number);
      return number;
    },
    shapeCount: () => shapesByTemplate.size,
    mac(value) {
      const known = macs.get(value);
      if (known !== undefined) return known;
      const own = ownText(value);
      macs.set(own, macs.size);
      newMacs.push(own);
      return macs.size - 1;
    },
    stableAddress: (family, address) => (family === IP ? address : (addressHashes[address] ?? 0)),
    takeNew() {
      const taken = { tuples: newTuples, shapes: newShapes, macs: newMacs };
      newTuples = [];
      newShapes = [];
      newMacs = [];
      return taken;
    },
    isFull: () =>
      tupleCount >= MOST_TUPLES - 4 ||
      addresses.size > MOST_TEXTS ||
      extraTexts.length > MOST_TEXTS ||
      macs.size > MOST_TEXTS ||
      shapesByTemplate.size > 4000,
    clear() {
      addresses = new Map();
      addressTexts = [];
      addressHashes = [];
      extras = new Map();
      extraTexts = [''];
      slots.fill(-1);
      tupleCount = 0;
      shapesByKey = new Map();
      shapesByTemplate = new Map();
      macs = new Map();
      newTuples = [];
      newShapes = [];
      newMacs = [];
    },
  };
}
