// Does this text come from that printf format of the kernel, and which values were put in?

export interface PatternMatch {
  /** The text with its values taken out: numbers as %u, hexadecimal as %x, addresses as %pI4 or %pI6; words stay. */
  readonly message: string;
  /** Decimal and hexadecimal values in order. */
  readonly numbers: readonly number[];
  /** Strings, addresses and pointers in order. */
  readonly words: readonly string[];
}

export interface FormatPattern {
  /** The format with blanks folded, nothing else changed. */
  readonly format: string;
  /** Text in front of the first value. */
  readonly head: string;
  /** Letters that the format brings itself: how telling a match is. */
  readonly letters: number;
  match(text: string): PatternMatch | null;
  /** The format, followed by a blank and words that the kernel does not print (a vendor's, or a cut dump). */
  matchWithExtraWords(text: string): PatternMatch | null;
}

type ValueKind = 'number' | 'hex' | 'address' | 'word';

interface Value {
  readonly kind: ValueKind;
  readonly pattern: string;
  /** What stands for it in the message; NULL: the value itself. */
  readonly placeholder: string | null;
}

const CONVERSION = /%(?:pI4|pI6c?|p|\.\*s|(?:hh|h|l|ll|z|Z)?[udixXs]|c)/g;

const NUMBER: Value = { kind: 'number', pattern: '-?\\d+', placeholder: '%u' };
const HEX: Value = { kind: 'hex', pattern: '[0-9a-fA-F]+', placeholder: '%x' };
const IPV4: Value = { kind: 'address', pattern: '\\d+(?:\\.\\d+){3}', placeholder: '%pI4' };
const IPV6: Value = { kind: 'address', pattern: '[0-9a-fA-F:.]+', placeholder: '%pI6' };
const POINTER: Value = { kind: 'word', pattern: '[0-9a-fA-Fx]+|\\(null\\)|\\(_+ptrval_+\\)', placeholder: '%p' };
const STRING: Value = { kind: 'word', pattern: '.+?', placeholder: null };
const CHARACTER: Value = { kind: 'word', pattern: '.', placeholder: null };

const UNFOLDED = /^\s|\s$|\s\s|[^\S ]/;

/** Blanks, tabs and line feeds folded into one blank each; none at either end. */
export function foldBlanks(text: string): string {
  if (!UNFOLDED.test(text)) return text;
  return text.replace(/\s+/g, ' ').trim();
}

/** Decimal numbers and addresses of a text replaced by %u, %pI4 and %pI6; a number within a word (ICMPv6, 48bit) stays. */
export function withoutNumbers(text: string): { readonly message: string; readonly numbers: readonly number[] } {
  if (!/\d/.test(text)) return { message: text, numbers: [] };
  const numbers: number[] = [];
  const withoutAddresses = MAYBE_ADDRESS.test(text)
    ? text.replace(IPV6_LOOSE, '%pI6').replace(IPV4_LOOSE, '%pI4')
    : text;
  const message = withoutAddresses.replace(/\d+/g, (digits, at: number) => {
    const isPartOfWord =
      IN_WORD.test(withoutAddresses[at - 1] ?? ' ') || IN_WORD.test(withoutAddresses[at + digits.length] ?? ' ');
    if (isPartOfWord) return digits;
    numbers.push(Number(digits));
    return '%u';
  });
  return { message, numbers };
}

/** Cheap test that keeps the address patterns away from texts without any. */
const MAYBE_ADDRESS = /\d\.\d|[0-9a-f]:[0-9a-f]/i;
const IPV6_LOOSE = /\b(?:[0-9a-f]{1,4}:){3,}[0-9a-f:.]*/gi;
const IPV4_LOOSE = /\b\d{1,3}(?:\.\d{1,3}){3}\b/g;
const IN_WORD = /[A-Za-z_.]/;

/** Makes a matcher of a printf format; `ignoreCase` for texts that vendors retype. */
export function compileFormat(text: string, ignoreCase = false): FormatPattern {
  const format = foldBlanks(text);
  const values: Value[] = [];
  const literals: string[] = [];
  let at = 0;
  for (const conversion of format.matchAll(CONVERSION)) {
    literals.push(format.slice(at, conversion.index));
    values.push(conversionValue(conversion[0]));
    at = conversion.index + conversion[0].length;
  }
  literals.push(format.slice(at));
  const body = literals
    .map((literal, index) => {
      const value = values[index];
      return quoted(literal) + (value === undefined ? '' : `(${value.pattern})`);
    })
    .join('');
  const flags = ignoreCase ? 'is' : 's';
  const whole = new RegExp(`^${body}$`, flags);
  const withExtra = new RegExp(`^${body}(?: (.*))$`, flags);
  return {
    format,
    head: literals[0] ?? '',
    letters: literals.join('').replace(/[^A-Za-z]/g, '').length,
    match(candidate) {
      const found = whole.exec(candidate);
      return found === null ? null : taken(literals, values, found, '');
    },
    matchWithExtraWords(candidate) {
      const found = withExtra.exec(candidate);
      return found === null ? null : taken(literals, values, found, found.at(-1) ?? '');
    },
  };
}

function taken(
  literals: readonly string[],
  values: readonly Value[],
  found: RegExpExecArray,
  extra: string,
): PatternMatch {
  let message = literals[0] ?? '';
  const numbers: number[] = [];
  const words: string[] = [];
  for (const [index, value] of values.entries()) {
    const text = found[index + 1] ?? '';
    if (value.kind === 'number') numbers.push(Number(text));
    else if (value.kind === 'hex') numbers.push(Number.parseInt(text, 16));
    else words.push(text);
    message += (value.placeholder ?? text) + (literals[index + 1] ?? '');
  }
  if (extra === '') return { message, numbers, words };
  const rest = withoutNumbers(extra);
  return { message: `${message} ${rest.message}`, numbers: [...numbers, ...rest.numbers], words };
}

function conversionValue(conversion: string): Value {
  if (conversion === '%pI4') return IPV4;
  if (conversion.startsWith('%pI6')) return IPV6;
  if (conversion === '%p') return POINTER;
  if (conversion === '%c') return CHARACTER;
  if (/[xX]$/.test(conversion)) return HEX;
  return conversion.endsWith('s') ? STRING : NUMBER;
}

function quoted(literal: string): string {
  return literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Patterns found by the first characters of their text, so that a line meets few of them. */
export interface PatternIndex<T> {
  /** Entries whose head agrees with the start of this text, most telling first. */
  candidates(text: string): readonly T[];
}

const KEY_LENGTH = 3;

/** Indexes entries by the head of their pattern; those that begin with a value are candidates for every text. */
export function indexPatterns<T extends { readonly pattern: FormatPattern }>(entries: readonly T[]): PatternIndex<T> {
  const byTelling = [...entries].sort((a, b) => b.pattern.letters - a.pattern.letters);
  const isOpen = (entry: T): boolean => entry.pattern.head.length < KEY_LENGTH;
  const open = byTelling.filter(isOpen);
  const byHead = new Map<string, T[]>();
  for (const entry of byTelling) {
    if (isOpen(entry)) continue;
    const key = entry.pattern.head.slice(0, KEY_LENGTH);
    byHead.set(key, [...(byHead.get(key) ?? []), entry]);
  }
  return {
    candidates(text) {
      const sameHead = byHead.get(text.slice(0, KEY_LENGTH));
      if (sameHead === undefined) return open;
      return open.length === 0 ? sameHead : [...sameHead, ...open];
    },
  };
}
