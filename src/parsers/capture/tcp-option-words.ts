// TCP options as tcpdump prints them, turned back into the bytes they were: everything else of ours reads options from bytes.

const hex = (value: number, bytes: number): string =>
  value
    .toString(16)
    .toUpperCase()
    .padStart(2 * bytes, '0');

type Encode = (match: RegExpExecArray) => string;

const sized = (kind: string, data = ''): string => `${kind}${hex(2 + data.length / 2, 1)}${data.toUpperCase()}`;

const WORDS: readonly (readonly [RegExp, Encode])[] = [
  [/^nop$/, () => '01'],
  [/^eol$/, () => '00'],
  [/^mss (\d{1,5})$/, (match) => `0204${hex(Number(match[1]), 2)}`],
  [/^wscale (\d{1,3})$/, (match) => `0303${hex(Number(match[1]), 1)}`],
  [/^sackOK$/i, () => '0402'],
  [/^unknown-(\d{1,3}) 0x((?:[0-9a-f]{2}){0,38})$/, (match) => sized(hex(Number(match[1]), 1), match[2])],
  [/^unknown-(\d{1,3})$/, (match) => sized(hex(Number(match[1]), 1))],
  [/^TS val (\d{1,10}) ecr (\d{1,10})$/i, (match) => `080A${hex(Number(match[1]), 4)}${hex(Number(match[2]), 4)}`],
  [/^tfo {1,2}cookiereq$/, () => '2202'],
  [/^tfo {1,2}cookie ((?:[0-9a-f]{2}){4,16})$/, (match) => sized('22', match[1])],
  [/^md5 .* ((?:[0-9a-f]{2}){16})$/, (match) => sized('13', match[1])],
  [/^utimeout 0x([0-9a-f]{4})$/, (match) => sized('1C', match[1])],
  [/^timestamp (\d{1,10}) (\d{1,10})$/, (match) => `080A${hex(Number(match[1]), 4)}${hex(Number(match[2]), 4)}`],
];
const SACK = /^sack (\d) ((?:\{\d+:\d+\})+)$/;

/** What the words between the brackets say. */
export interface OptionWords {
  /** Upper-case hex of the options that were understood; NULL when none was. */
  readonly bytes: string | null;
  /** The others as printed ('mptcp capable v1 …'): their bytes are not in `bytes`. */
  readonly unknown: readonly string[];
}

/** @param base what SACK edges are relative to: the number of the other side's first byte, or 0 for absolute ones */
export function optionBytes(words: string, base: number): OptionWords {
  let bytes = '';
  const unknown: string[] = [];
  for (const word of words.split(/,(?![^{]*\})/)) {
    const option = word.trim();
    if (option === '') continue;
    const encoded = encode(option, base);
    if (encoded === null) unknown.push(option);
    else bytes += encoded;
  }
  return { bytes: bytes === '' ? null : bytes, unknown };
}

function encode(option: string, base: number): string | null {
  const sack = SACK.exec(option);
  if (sack !== null) {
    const edges = [...(sack[2] ?? '').matchAll(/\d+/g)].map(([edge]) => (Number(edge) + base) % 2 ** 32);
    return `05${hex(2 + 4 * edges.length, 1)}${edges.map((edge) => hex(edge, 4)).join('')}`;
  }
  for (const [pattern, bytesOf] of WORDS) {
    const match = pattern.exec(option);
    if (match !== null) return bytesOf(match);
  }
  return null;
}
