// TCP options as tcpdump prints them, turned back into the bytes they were: everything else of ours reads options from bytes.

const hex = (value: number, bytes: number): string =>
  value
    .toString(16)
    .toUpperCase()
    .padStart(2 * bytes, '0');

type Encode = (match: RegExpExecArray) => string;

const WORDS: readonly (readonly [RegExp, Encode])[] = [
  [/^nop$/, () => '01'],
  [/^eol$/, () => '00'],
  [/^mss (\d{1,5})$/, (match) => `0204${hex(Number(match[1]), 2)}`],
  [/^wscale (\d{1,3})$/, (match) => `0303${hex(Number(match[1]), 1)}`],
  [/^sackOK$/i, () => '0402'],
  [/^TS val (\d{1,10}) ecr (\d{1,10})$/i, (match) => `080A${hex(Number(match[1]), 4)}${hex(Number(match[2]), 4)}`],
  [/^timestamp (\d{1,10}) (\d{1,10})$/, (match) => `080A${hex(Number(match[1]), 4)}${hex(Number(match[2]), 4)}`],
];
const SACK = /^sack (\d) ((?:\{\d+:\d+\})+)$/;

/**
 * Upper-case hex of the options between the brackets; NULL as soon as one of them is not known or was cut.
 * @param base what SACK edges are relative to: the number of the other side's first byte, or 0 for absolute ones
 */
export function optionBytes(words: string, base: number): string | null {
  let text = '';
  for (const word of words.split(/,(?![^{]*\})/)) {
    const option = word.trim();
    if (option === '') continue;
    const sack = SACK.exec(option);
    if (sack !== null) {
      const edges = [...(sack[2] ?? '').matchAll(/\d+/g)].map(([edge]) => (Number(edge) + base) % 2 ** 32);
      text += `05${hex(2 + 4 * edges.length, 1)}${edges.map((edge) => hex(edge, 4)).join('')}`;
      continue;
    }
    let encoded: string | null = null;
    for (const [pattern, encode] of WORDS) {
      const match = pattern.exec(option);
      if (match !== null) encoded = encode(match);
    }
    if (encoded === null) return null;
    text += encoded;
  }
  return text;
}
