// Documents (explain, path, timeline, reasons show, first run): lines of segments with a role each, printed the same to
// a terminal and into a pipe. All foreign text passes safeLine here, so no document can forget it.

import { safeLine } from '../text/terminal-safe.js';
import type { OutputStream } from './streams.js';
import { type Role, styleFor } from './styles.js';

export interface Segment {
  readonly role: Role;
  readonly text: string;
}
/** One line, left to right; a plain string is one segment without a role. */
export type Line = readonly Segment[] | string;

export function segment(role: Role, text: string): Segment {
  return { role, text };
}

function widthOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, one) => sum + one.text.length, 0);
}

/** A line with its last part at the right edge (record names, confidence); below it where there is no room. */
export function spread(left: readonly Segment[], right: Segment, width = 80): readonly Line[] {
  const gap = width - widthOf(left) - right.text.length;
  if (gap >= 1) return [[...left, segment('plain', ' '.repeat(gap)), right]];
  return [left, [segment('plain', ' '.repeat(Math.max(1, width - right.text.length))), right]];
}

/** Wraps prose at blanks; a word longer than the width keeps its own line, uncut. */
export function wrap(text: string, width: number, indent = ''): readonly string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/ +/)) {
    if (word === '') continue;
    if (line.length > indent.length && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  if (line.length > indent.length) lines.push(line);
  return lines;
}

/** Prints a document; blanks at line ends are dropped. */
export function printDocument(stream: OutputStream, lines: readonly Line[]): void {
  const style = styleFor(stream.isColoured);
  for (const line of lines) {
    const segments = typeof line === 'string' ? [segment('plain', line)] : line;
    let last = segments.length - 1;
    while (last >= 0 && segments[last]!.text.trimEnd() === '') last--;
    const text = segments
      .slice(0, last + 1)
      .map((one, index) => style(one.role, safeLine(index === last ? one.text.trimEnd() : one.text)))
      .join('');
    stream.write(`${text}\n`);
  }
}
