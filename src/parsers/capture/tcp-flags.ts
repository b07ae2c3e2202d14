// TCP flags as words, in the order of Packet.flags.

/** Bit of the header's flag bytes (RFC 9293; AE is the former NS bit) and its word. */
const WORDS: readonly (readonly [number, string])[] = [
  [0x01, 'FIN'],
  [0x02, 'SYN'],
  [0x04, 'RST'],
  [0x08, 'PSH'],
  [0x10, 'ACK'],
  [0x20, 'URG'],
  [0x40, 'ECE'],
  [0x80, 'CWR'],
  [0x100, 'AE'],
];
const bits = new Map(WORDS.map(([bit, word]) => [word, bit]));

/** 'SYN ACK' for 0x12, '' for 0. Bits of higher value are ignored. */
export function flagWords(value: number): string {
  return WORDS.filter(([bit]) => (value & bit) !== 0)
    .map(([, word]) => word)
    .join(' ');
}

/** The bit of a flag's word in any case; NULL for other words. */
export function flagBit(word: string): number | null {
  const upper = word.toUpperCase();
  return bits.get(upper === 'ECN' ? 'ECE' : upper === 'NS' ? 'AE' : upper) ?? null;
}
