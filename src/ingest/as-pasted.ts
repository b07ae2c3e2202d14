// What lies between a line as its program printed it and the same line as people paste it: quote marks, back quotes, HTML, colours.

/** Nothing of all this is in a line without one of these; most lines have none. */
const MARKS = /^(?:>|`)|[\u001b\u00a0\u200b\ufeff]|&(?:gt|lt|amp|quot|nbsp|#39);/;
// biome writes it as an escape: the colours of grep and ip, and the erasing of a line.
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*[A-Za-z]`, 'g');
const ENTITIES: Readonly<Record<string, string>> = {
  '&gt;': '>',
  '&lt;': '<',
  '&amp;': '&',
  '&quot;': '"',
  '&nbsp;': ' ',
  '&#39;': "'",
};

/**
 * A line without what a paste put around it; the same line where there is nothing of the kind.
 * @param line any text; a fence of back quotes stays, it is no evidence anyway
 */
export function withoutPaste(line: string): string {
  if (!MARKS.test(line)) return line;
  const plain = line
    .replace(COLOURS, '')
    .replace(/\u00a0/g, ' ')
    .replace(/[\u200b\ufeff]/g, '')
    .replace(/^(?:> ?)+/, '')
    .replace(/&(?:gt|lt|amp|quot|nbsp|#39);/g, (entity) => ENTITIES[entity] ?? entity);
  return /^`(?!`)/.test(plain) ? plain.slice(1).replace(/`\s*$/, '') : plain;
}
