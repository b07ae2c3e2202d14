// Prose and commands on lines of a given width: prose parts at blanks, a command goes on behind a backslash. Nothing is cut off.

import { displayWidth, headOf } from './display-width.js';
import { safeText } from './terminal-safe.js';

/**
 * Wraps prose at blanks; a word longer than a line is broken, so that no line passes the width. Blanks within a line stay as they are.
 * @param first leads the first line @param rest leads the others
 */
export function wrapText(text: string, width: number, first = '', rest = ' '.repeat(displayWidth(first))): string[] {
  const lines: string[] = [];
  let line = first;
  let isFresh = true;
  const start = () => {
    lines.push(line);
    line = rest;
    isFresh = true;
  };
  for (const [, blanks = '', word = ''] of text.matchAll(/(\s*)(\S+)/g)) {
    if (!isFresh && displayWidth(line + blanks + word) > width) start();
    let left = isFresh ? word : blanks + word;
    while (displayWidth(line) + displayWidth(left) > width && width - displayWidth(rest) >= 8) {
      const head = headOf(left, width - displayWidth(line));
      line += head;
      left = left.slice(head.length);
      start();
    }
    line += left;
    isFresh = false;
  }
  lines.push(line);
  return lines;
}

/** Words of a shell command; quoted text and what is escaped stay in one word. */
function shellWords(command: string): readonly string[] {
  return command.match(/(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\]|['"])+/g) ?? [];
}

/** Pieces that a line should not break: an option with its value, a redirection with its file. */
function shellPieces(words: readonly string[], width: number): readonly string[] {
  const pieces: string[] = [];
  for (const word of words) {
    const last = pieces.at(-1);
    const isOpen =
      last !== undefined &&
      (/^-{1,2}[A-Za-z][\w-]*(?: \S+)?$/.test(last) ? !last.includes(' ') : /^[<>|]+$/.test(last));
    if (isOpen && !/^-{1,2}[A-Za-z]/.test(word) && last.length + 1 + word.length <= width)
      pieces[pieces.length - 1] = `${last} ${word}`;
    else pieces.push(word);
  }
  return pieces;
}

/**
 * A command for pasting, on lines of at most `width` columns: a line that goes on ends in a backslash, commands joined by `;` stand on lines
 * of their own, a remark behind `#` on lines that each are one. Only a single word that is wider stays wider, for a break would change it.
 */
export function wrapCommand(command: string, width: number, indent = ''): string[] {
  if (displayWidth(indent) + displayWidth(command) <= width) return [indent + command];
  const words = shellWords(command);
  const remark = words.indexOf('#');
  return remark < 0
    ? wrapWords(words, width, indent)
    : [
        ...wrapWords(words.slice(0, remark), width, indent),
        ...wrapText(words.slice(remark + 1).join(' '), width, `${indent}# `, `${indent}# `),
      ];
}

function wrapWords(words: readonly string[], width: number, indent: string): string[] {
  const room = Math.max(1, width - displayWidth(indent) - 2);
  const lines: string[] = [];
  let line = '';
  const end = (tail: string) => {
    if (line !== '') lines.push(line + tail);
    line = '';
  };
  for (const piece of shellPieces(words, room - 2)) {
    const lead = line === '' && !(lines.at(-1)?.endsWith(';') ?? true) ? '  ' : '';
    if (line !== '' && displayWidth(line) + 1 + displayWidth(piece) > room) {
      end(' \\');
      line = `  ${piece}`;
    } else line = line === '' ? lead + piece : `${line} ${piece}`;
    if (piece.endsWith(';')) end('');
  }
  end('');
  return lines.map((text) => indent + text);
}

/** Sentences for a person, made harmless: on a terminal they fit it, elsewhere (scripts, logs) each stays on its line. */
export function fitSentences(text: string, to: { readonly isTerminal: boolean; readonly width: number }): string {
  const lines = safeText(text).split('\n');
  const fitted = to.isTerminal
    ? lines.flatMap((line) => wrapText(line.trimStart(), to.width, /^ */.exec(line)![0]))
    : lines;
  return `${fitted.join('\n')}\n`;
}
