// How a line of ip is read into data: which words take a value, and under which key of `ip -j` it goes.

export type Data = Record<string, unknown>;

const INTEGER = /^\d{1,15}$/;
export const numberOrText = (word: string): string | number => (INTEGER.test(word) ? Number(word) : word);

/** Words of a line behind the first ones, as key and value; flags stand alone. */
export interface Vocabulary {
  /** ip's word -> key of ip -j, for words that a value follows. */
  readonly valued: Readonly<Record<string, string>>;
  /** Words that stand alone -> the data they add. */
  readonly alone: Readonly<Record<string, (data: Data) => void>>;
}

export function addFlag(flag: string): (data: Data) => void {
  return (data) => {
    const flags = Array.isArray(data['flags']) ? (data['flags'] as unknown[]) : [];
    data['flags'] = [...flags, flag];
  };
}

export function readWords(data: Data, words: readonly string[], { valued, alone }: Vocabulary): readonly string[] {
  const unknown: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const key = valued[word];
    if (key !== undefined && words[at + 1] !== undefined) data[key] = numberOrText(words[++at]!);
    else if (alone[word] !== undefined) alone[word](data);
    else unknown.push(word);
  }
  return unknown;
}
