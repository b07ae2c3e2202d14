// How many columns of a terminal a text takes: wide characters take two, marks that join the one before take none.

/** Combining marks; variation selectors are among them. */
const NO_COLUMN = /^[\p{Mn}\p{Me}]$/u;
/** East Asian wide and full-width forms and pictures, as Unicode's EastAsianWidth names them (W and F), by block. */
const TWO_COLUMNS =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

const ONE_COLUMN_EACH = /^[\x20-\x7e\u00a0-\u02ff\u2010-\u2027]*$/;

/** Columns of one character (a code point). */
export function characterWidth(character: string): number {
  return NO_COLUMN.test(character) ? 0 : TWO_COLUMNS.test(character) ? 2 : 1;
}

/** Columns of a text without control characters. */
export function displayWidth(text: string): number {
  if (ONE_COLUMN_EACH.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** The text followed by blanks up to `width` columns. */
export function padColumns(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

/** The longest beginning of the text that takes at most `width` columns, at least one character. */
export function headOf(text: string, width: number): string {
  let columns = 0;
  let end = 0;
  for (const character of text) {
    columns += characterWidth(character);
    if (columns > width && end > 0) break;
    end += character.length;
  }
  return text.slice(0, end);
}
