// Elements of a JSON array (or single objects) out of lines, one after another, each with the line it began on: a listing that was cut
// still gives what is whole.

export interface JsonElement {
  readonly line: number;
  readonly value: unknown;
}

export interface JsonElements {
  /**
   * Takes a line. 'taken' may be followed by elements that ended in it.
   * 'foreign': outside of any element stands something that is no JSON; nothing of the line was taken.
   */
  line(
    text: string,
    line: number,
  ): { readonly is: 'taken' | 'foreign'; readonly elements: readonly JsonElement[]; readonly broken: boolean };
  /** What can be read of an element that was cut. */
  rest(): JsonElement | null;
}

/** Longer elements are no listing of ours. */
const MAX_CHARACTERS = 4 << 20;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Cuts back to the last comma of a broken object and closes what is open. Returns undefined when that does not help. */
function salvage(text: string): unknown {
  for (
    let end = text.lastIndexOf(','), tries = 0;
    end > 0 && tries < 200;
    end = text.lastIndexOf(',', end - 1), tries++
  ) {
    const closers: string[] = [];
    let isString = false;
    const kept = text.slice(0, end);
    for (let at = 0; at < kept.length; at++) {
      const character = kept[at];
      if (isString) {
        if (character === '\\') at++;
        else if (character === '"') isString = false;
      } else if (character === '"') isString = true;
      else if (character === '{') closers.push('}');
      else if (character === '[') closers.push(']');
      else if (character === '}' || character === ']') closers.pop();
    }
    if (isString) continue;
    const value = parse(kept + closers.reverse().join(''));
    if (value !== undefined) return value;
  }
  return undefined;
}

export function openJsonElements(): JsonElements {
  let buffer = '';
  let depth = 0;
  let isString = false;
  let isEscaped = false;
  let startLine = 0;

  return {
    line(text, line) {
      const elements: JsonElement[] = [];
      let broken = false;
      if (depth === 0 && /[^\s[\],{]/.test(text.replace(/\{[\s\S]*$/, ''))) return { is: 'foreign', elements, broken };
      let from = depth > 0 ? 0 : -1;
      for (let at = 0; at < text.length; at++) {
        const character = text[at];
        if (isString) {
          if (isEscaped) isEscaped = false;
          else if (character === '\\') isEscaped = true;
          else if (character === '"') isString = false;
          continue;
        }
        if (character === '"') isString = depth > 0;
        else if (character === '{' || (character === '[' && depth > 0)) {
          if (depth === 0) {
            from = at;
            startLine = line;
            buffer = '';
          }
          depth++;
        } else if ((character === '}' || character === ']') && depth > 0) {
          depth--;
          if (depth === 0) {
            const value = parse(buffer + text.slice(from, at + 1));
            if (value === undefined) broken = true;
            else elements.push({ line: startLine, value });
            buffer = '';
            from = -1;
          }
        }
      }
      if (depth > 0) buffer += `${text.slice(from)}\n`;
      if (buffer.length > MAX_CHARACTERS) {
        buffer = '';
        depth = 0;
        isString = false;
        broken = true;
      }
      return { is: 'taken', elements, broken };
    },
    rest() {
      if (depth === 0) return null;
      const value = salvage(buffer);
      buffer = '';
      depth = 0;
      isString = false;
      return value === undefined ? null : { line: startLine, value };
    },
  };
}
