// The file that undoes a redaction: its key, and a table of every pseudonym with what it stands for. It stays with its owner.

const FIRST_LINE = 'ctwhy-redaction 1';

export interface KeyFile {
  readonly key: Uint8Array;
  readonly made: ReadonlyMap<string, string>;
}

export function writeKeyFile({ key, made }: KeyFile): string {
  const rows = [...made].map(([pseudonym, original]) => `${pseudonym}\t${original}`).sort();
  return [
    FIRST_LINE,
    '# Keep this file to yourself: it says who is who in a redacted bundle. Give it to --key to use the same names again.',
    `key ${Buffer.from(key).toString('hex')}`,
    ...rows,
    '',
  ].join('\n');
}

/** NULL when the text is no such file. */
export function readKeyFile(text: string): KeyFile | null {
  const [first, ...lines] = text.split('\n');
  const key = /^key ([0-9a-f]{64})$/m.exec(text)?.[1];
  if (first !== FIRST_LINE || key === undefined) return null;
  const rows = lines.map((line) => line.split('\t')).filter((row): row is [string, string] => row.length === 2);
  return { key: Buffer.from(key, 'hex'), made: new Map(rows) };
}
