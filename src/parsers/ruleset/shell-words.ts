// Shell text as simple commands with their words, variables put in where their value is known. No command is run, nothing is guessed.

import type { Word } from './words.js';

export interface ShellCommand {
  readonly words: readonly Word[];
  /** NAME=value in front of the command, or alone. NULL: the value cannot be evaluated. */
  readonly assignments: readonly { readonly name: string; readonly value: string | null }[];
  /** What stands between the command before and this one: '', ';', '&&', '||', '|'. */
  readonly joinedBy: string;
  /** Text of the command, to be read again with other values. */
  readonly source: string;
  /** Why some word cannot be evaluated; NULL when all can. */
  readonly reason: string | null;
  readonly at: number;
  /** Word that ends a here-document given to it. */
  readonly hereEnd: string | null;
  /** File it reads. */
  readonly readsFile: string | null;
}

/** Value of a variable; NULL when it is not known. */
export type Lookup = (name: string) => string | null;

interface Piece {
  text: string;
  isQuoted: boolean;
}

interface Lexing {
  readonly line: string;
  readonly lookup: Lookup;
  at: number;
  reason: string | null;
}

const SEPARATOR = /^(?:&&|\|\||;;|;|\||&(?![>\d])|\(|\))/;

/** Splits one logical line (continuations joined) into its commands. */
export function splitShell(line: string, lookup: Lookup): ShellCommand[] {
  const commands: ShellCommand[] = [];
  const lexing: Lexing = { line, lookup, at: 0, reason: null };
  let joinedBy = '';
  let subshells = 0;
  while (lexing.at < line.length) {
    const start = lexing.at;
    const read = readCommand(lexing, joinedBy, start);
    // 'start)' is a label of case.
    const isLabel = line[lexing.at] === ')' && subshells === 0;
    if ((read.words.length > 0 || read.assignments.length > 0) && !isLabel) commands.push(read);
    const separator = SEPARATOR.exec(line.slice(lexing.at))?.[0] ?? '';
    if (line[lexing.at] === '#' || separator === '') break;
    lexing.at += separator.length;
    joinedBy = separator;
    subshells += separator === '(' ? 1 : separator === ')' && subshells > 0 ? -1 : 0;
    if (separator === ')' || separator === '(') joinedBy = ';';
  }
  return commands;
}

function readCommand(lexing: Lexing, joinedBy: string, start: number): ShellCommand {
  const { line } = lexing;
  const words: Word[] = [];
  const assignments: { name: string; value: string | null }[] = [];
  let hereEnd: string | null = null;
  let readsFile: string | null = null;
  lexing.reason = null;
  for (;;) {
    while (/\s/.test(line[lexing.at] ?? 'x')) lexing.at++;
    const rest = line.slice(lexing.at);
    if (rest === '' || rest.startsWith('#') || SEPARATOR.test(rest)) break;
    const redirect = /^(?:\d*>>?&?\d*|&>>?|<<-?|<)\s*/.exec(rest);
    if (redirect) {
      lexing.at += redirect[0].length;
      const kept: string | null = lexing.reason;
      const target = /[>&]\d$/.test(redirect[0].trim())
        ? ''
        : readWord(lexing)
            .map((piece) => piece.text)
            .join('');
      lexing.reason = kept;
      if (redirect[0].startsWith('<<')) hereEnd = target;
      else if (redirect[0].startsWith('<')) readsFile = target;
      continue;
    }
    const at = lexing.at;
    const assignment = words.length === 0 ? /^([A-Za-z_]\w*)=/.exec(rest) : null;
    if (assignment) {
      lexing.at += assignment[0].length;
      const kept: string | null = lexing.reason;
      const value = readWord(lexing)
        .map((piece) => piece.text)
        .join(' ');
      assignments.push({ name: assignment[1] ?? '', value: lexing.reason === kept ? value : null });
      lexing.reason = kept;
      continue;
    }
    for (const piece of readWord(lexing)) words.push({ ...piece, at });
  }
  return {
    words,
    assignments,
    joinedBy,
    source: line.slice(start, lexing.at),
    reason: lexing.reason,
    at: start,
    hereEnd,
    readsFile,
  };
}

/** One word; several when an unquoted variable holds blanks, none when it is empty. */
function readWord(lexing: Lexing): Piece[] {
  const { line } = lexing;
  const pieces: Piece[] = [];
  let open: Piece | null = null;
  const add = (text: string, isQuoted: boolean) => {
    if (open) {
      open.text += text;
      open.isQuoted ||= isQuoted;
    } else {
      open = { text, isQuoted };
      pieces.push(open);
    }
  };
  while (lexing.at < line.length) {
    const character = line[lexing.at] ?? '';
    if (/[\s;|()<>]/.test(character) || (character === '&' && !/^&[>\d]/.test(line.slice(lexing.at)))) break;
    if (character === "'") {
      const end = line.indexOf("'", lexing.at + 1);
      if (end < 0) {
        lexing.reason = 'a quote is opened and not closed';
        lexing.at = line.length;
        break;
      }
      add(line.slice(lexing.at + 1, end), true);
      lexing.at = end + 1;
    } else if (character === '"') {
      lexing.at++;
      add(readDoubleQuoted(lexing), true);
    } else if (character === '\\') {
      add(line[lexing.at + 1] ?? '', true);
      lexing.at += 2;
    } else if (character === '$' || character === '`') {
      const value = expand(lexing);
      const [first = '', ...more] = value.split(/[ \t\n]+/);
      if (value !== '') add(first, false);
      for (const part of more) {
        open = null;
        if (part !== '') add(part, false);
      }
    } else {
      add(character, false);
      lexing.at++;
    }
  }
  return pieces;
}

function readDoubleQuoted(lexing: Lexing): string {
  const { line } = lexing;
  let text = '';
  while (lexing.at < line.length) {
    const character = line[lexing.at] ?? '';
    if (character === '"') {
      lexing.at++;
      return text;
    }
    if (character === '\\' && /["\\$`]/.test(line[lexing.at + 1] ?? '')) {
      text += line[lexing.at + 1];
      lexing.at += 2;
    } else if (character === '$' || character === '`') text += expand(lexing);
    else {
      text += character;
      lexing.at++;
    }
  }
  lexing.reason = 'a quote is opened and not closed';
  return text;
}

/** Value of what begins with '$' or a backquote; '' with a reason when it cannot be known. */
function expand(lexing: Lexing): string {
  const rest = lexing.line.slice(lexing.at);
  if (rest.startsWith('$(') || rest.startsWith('`')) {
    lexing.at += lengthOfSubstitution(rest);
    lexing.reason ??= 'the output of a command is needed for it';
    return '';
  }
  const match = /^\$(?:\{(\w+)(?::?([-=])([^}]*))?\}|(\w+|[@*#?!$]))/.exec(rest);
  if (!match) {
    lexing.at++;
    if (rest.startsWith('${')) lexing.reason ??= 'this kind of expansion cannot be evaluated';
    return '$';
  }
  const name = match[1] ?? (/^\d/.test(match[4] ?? '') ? (match[4] ?? '').slice(0, 1) : (match[4] ?? ''));
  lexing.at += match[1] === undefined ? 1 + name.length : match[0].length;
  const value = lexing.lookup(name);
  if (value !== null) return value;
  if (match[2] !== undefined && !/[$`]/.test(match[3] ?? '')) return (match[3] ?? '').replace(/^(["'])(.*)\1$/, '$2');
  lexing.reason ??= `the value of $${name} is not known here`;
  return '';
}

function lengthOfSubstitution(text: string): number {
  if (text.startsWith('`')) {
    const end = text.indexOf('`', 1);
    return end < 0 ? text.length : end + 1;
  }
  let depth = 0;
  for (let at = 1; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return at + 1;
  }
  return text.length;
}
