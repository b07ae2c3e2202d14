// What one packet dump said, in numbers: the common ground of the fast scanner, the full parser and the passage assembler.

/** Values of `Dump.family`. */
export const FAMILY_NAMES = ['', 'ip', 'ip6', 'arp', 'other'] as const;
export const IP = 1;
export const IP6 = 2;

/** Flag bits in the order of shapes.flags. */
export const FLAG_NAMES = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'AE'] as const;

export const CE = 1;
export const DF = 2;
export const MF = 4;

/**
 * One dump. -1 stands for "not told"; objects are reused, so nobody keeps one past the next line.
 * Addresses are numbers of an AddressTable, tuples numbers of a TupleTable.
 */
export interface Dump {
  /** Where its bytes are in the buffer it was scanned from, for comparing; length -1 when it was not scanned. */
  at: number;
  length: number;
  family: number;
  src: number;
  dst: number;
  proto: number;
  sport: number;
  dport: number;
  /** Number of the text that names the flow besides ports (ICMP, GRE), 0 for none. */
  tupleExtra: number;
  tuple: number;
  ipId: number;
  lenBytes: number;
  ttl: number;
  seq: number;
  ack: number;
  window: number;
  mark: number;
  tos: number;
  prec: number;
  fragment: number;
  res: number;
  /** Bits of FLAG_NAMES; -1 when not TCP. */
  flags: number;
  shape: number;
  /** JSON members without braces for passages.extra ('"opt":"020405B4"'), '' for none. */
  extra: string;
  /** Hash over what never changes on a packet's way: source, protocol, IP id, length. */
  wayHash: number;
  /** Something in it tells this packet from the next of its flow: a non-zero IP id, the number of an echo. */
  isDistinct: boolean;
}

export function emptyDump(): Dump {
  return {
    at: 0,
    length: -1,
    family: 0,
    src: -1,
    dst: -1,
    proto: -1,
    sport: -1,
    dport: -1,
    tupleExtra: 0,
    tuple: -1,
    ipId: -1,
    lenBytes: -1,
    ttl: -1,
    seq: -1,
    ack: -1,
    window: -1,
    mark: -1,
    tos: -1,
    prec: -1,
    fragment: 0,
    res: -1,
    flags: -1,
    shape: -1,
    extra: '',
    wayHash: 0,
    isDistinct: false,
  };
}

/** Mixes a number into a 32-bit hash (one round of MurmurHash3). */
export function mix(hash: number, value: number): number {
  let k = Math.imul(value | 0, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  let h = hash ^ Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

/** Last round: every bit of the input moves every bit of the result. */
export function finish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** 32-bit hash of a text. */
export function textHash(text: string): number {
  let hash = text.length;
  for (let i = 0; i < text.length; i++) hash = mix(hash, text.charCodeAt(i));
  return finish(hash);
}

/** Fills the two fields that are worked out from the others. */
export function finishDump(dump: Dump): void {
  dump.wayHash = finish(
    mix(mix(mix(mix(dump.src, dump.sport), dump.ipId), dump.lenBytes), (dump.proto << 4) | dump.family),
  );
  dump.isDistinct = dump.ipId > 0 || (dump.flags < 0 && dump.seq >= 0);
}

export function flagWords(flags: number): string {
  return FLAG_NAMES.filter((_, bit) => (flags & (1 << bit)) !== 0).join(' ');
}
