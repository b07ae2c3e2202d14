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

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** 1 for an opening bracket, -1 for a closing one, 0 for anything else. */
function bracket(code: number): number {
  if (code === 0x7b || code === 0x5b) return 1;
  return code === 0x7d || code === 0x5d ? -1 : 0;
}

/** Depth after this piece; 0 when the outermost bracket is closed. */
export function followBrackets(state: BracketState, text: string): number {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (state.isInString) {
      if (state.isEscaped) state.isEscaped = false;
      else if (code === BACKSLASH) state.isEscaped = true;
      else if (code === QUOTE) state.isInString = false;
    } else if (code === QUOTE) state.isInString = true;
    else state.depth += bracket(code);
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
    const code = text.charCodeAt(at);
    if (isInString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) isInString = false;
      continue;
    }
    if (code === QUOTE) isInString = true;
    const step = bracket(code);
    if (step > 0 && depth === 0) start = at;
    if (step < 0 && depth === 0) return { objects, isCut: isBroken };
    depth += step;
    if (step >= 0 || depth > 0) continue;
    try {
      objects.push(JSON.parse(text.slice(start, at + 1)) as JsonValue);
    } catch {
      isBroken = true;
    }
  }
  return { objects, isCut: true };
}
