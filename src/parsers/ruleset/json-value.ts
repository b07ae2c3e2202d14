// JSON that came from outside: a type for it, and its parts even when the text was cut in the middle.

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export function isRecord(value: unknown): value is Readonly<Record<string, JsonValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Follows brackets and strings through text given in pieces and tells where the whole is complete. */
export interface BracketState {
  depth: number;
  isInString: boolean;
  isEscaped: boolean;
}

/** Depth after this piece; 0 when the outermost bracket is closed. */
export function followBrackets(state: BracketState, text: string): number {
  for (const character of text) {
    if (state.isEscaped) state.isEscaped = false;
    else if (state.isInString) {
      if (character === '\\') state.isEscaped = true;
      else if (character === '"') state.isInString = false;
    } else if (character === '"') state.isInString = true;
    else if (character === '{' || character === '[') state.depth++;
    else if (character === '}' || character === ']') state.depth--;
  }
  return state.depth;
}

/**
 * Objects inside the first array of the text, each parsed by itself, so that a cut or garbled one costs only itself.
 * cut: text behind the last whole object could not be parsed.
 */
export function objectsInArray(text: string): { readonly objects: readonly JsonValue[]; readonly isCut: boolean } {
  const objects: JsonValue[] = [];
  const open = text.indexOf('[');
  if (open < 0) return { objects, isCut: true };
  let start = -1;
  let depth = 0;
  let isInString = false;
  let isBroken = false;
  for (let at = open + 1; at < text.length; at++) {
    const character = text[at];
    if (isInString) {
      if (character === '\\') at++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '{' || character === '[') {
      if (depth++ === 0) start = at;
    } else if (character === '}' || character === ']') {
      if (depth === 0) return { objects, isCut: isBroken };
      if (--depth === 0) {
        try {
          objects.push(JSON.parse(text.slice(start, at + 1)) as JsonValue);
        } catch {
          isBroken = true;
        }
      }
    }
  }
  return { objects, isCut: true };
}
