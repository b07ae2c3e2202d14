// What a packet, a log prefix, a rule comment or a host name brings may try to drive the terminal. Nothing of it reaches one.

/** C0 and C1 controls, delete, and the characters that reorder or hide text in a terminal (bidi, zero width, line separators). */
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const UNSAFE_IN_LINE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

function visible(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** One line of foreign text made harmless: control and reordering characters appear as \x1b or \u202e, tabs and newlines too. */
export function safeLine(text: string): string {
  return text.replace(UNSAFE_IN_LINE, visible);
}

/** The same for text of several lines: tabs and newlines stay. */
export function safeText(text: string): string {
  return text.replace(UNSAFE, visible);
}

/** JSON text without a raw control or reordering character: each becomes its \\u escape, so nothing is lost to a reader of JSON. */
export function safeJson(json: string): string {
  return json.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
