// How does a paragraph look in 80 columns? Words are never cut: a longer one stands on a line of its own.

export const DOCUMENT_WIDTH = 80;

/** Lines of at most `width` columns; the first is led by `first`, the others by as many blanks (or by `rest`). */
export function wrapText(
  text: string,
  first = '',
  rest = ' '.repeat(first.length),
  width = DOCUMENT_WIDTH,
): readonly string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(/\s+/).filter((item) => item !== '')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  lines.push(line);
  return lines;
}
