// How does a line look on a narrower terminal? Prose breaks at blanks and hangs below its column, a command goes on behind a
// backslash so that it can still be pasted; nothing is ever cut off.

import { displayWidth, headOf } from '../text/display-width.js';
import { safeLine } from '../text/terminal-safe.js';
import { wrapCommand } from '../text/wrap.js';
import type { Role } from './styles.js';

export interface Segment {
  readonly role: Role;
  readonly text: string;
}

/** Narrower than this nothing is laid out: the terminal may wrap. */
const NARROWEST = 20;

function widthOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, one) => sum + displayWidth(one.text), 0);
}

/** Where lines that go on begin: below the last column that starts in the left half, else a little behind the indentation. */
function hangOf(text: string, width: number): number {
  const indent = /^ */.exec(text)![0].length;
  let hang = Math.min(indent + 2, width >> 1);
  for (const column of text.matchAll(/(?<=\S) {2,}(?=\S)/g)) {
    const at = displayWidth(text.slice(0, column.index + column[0].length));
    if (at <= width >> 1) hang = at;
  }
  return hang;
}

/** Pieces of segments that may part at blanks: words with the blanks before them. */
function* piecesOf(segments: readonly Segment[]): Generator<Segment> {
  for (const { role, text } of segments)
    for (const [piece] of text.matchAll(/ *[^ ]+| +/g)) yield { role, text: piece };
}

function breakProse(segments: readonly Segment[], width: number): readonly (readonly Segment[])[] {
  const text = segments.map((one) => one.text).join('');
  const rest = ' '.repeat(hangOf(text, width));
  const lines: Segment[][] = [[]];
  let used = 0;
  let isFresh = true;
  const start = () => {
    lines.push([{ role: 'plain', text: rest }]);
    used = rest.length;
    isFresh = true;
  };
  for (const piece of piecesOf(segments)) {
    const word = piece.text.trimStart();
    if (used + displayWidth(piece.text) > width && word !== '' && !isFresh) start();
    let left = isFresh && lines.length > 1 ? word : piece.text;
    while (used + displayWidth(left) > width) {
      const room = width - used;
      const head = headOf(left, room);
      if (left.trim() === '' || room < 1) break;
      lines.at(-1)!.push({ role: piece.role, text: head });
      left = left.slice(head.length);
      start();
    }
    lines.at(-1)!.push({ role: piece.role, text: left });
    used += displayWidth(left);
    if (word !== '') isFresh = false;
  }
  return lines;
}

/** The line as one or more lines that fit, with foreign text made harmless. */
export function fitSegments(given: readonly Segment[], width: number): readonly (readonly Segment[])[] {
  const segments = given.map(({ role, text }) => ({ role, text: safeLine(text) }));
  while (segments.length > 0 && segments.at(-1)!.text.trimEnd() === '') segments.pop();
  if (segments.length === 0) return [[]];
  if (widthOf(segments) <= width || width < NARROWEST) return [segments];
  const last = segments.at(-1)!;
  const before = segments.slice(0, -1);
  // A command behind its label: it goes on below itself.
  if (last.role === 'cmd') {
    const isLabelled = before.length > 0 && widthOf(before) <= width >> 1;
    const whole = isLabelled || before.length === 0 ? last.text : last.text.trimStart();
    const indent = isLabelled ? ' '.repeat(widthOf(before)) : /^ */.exec(before.length === 0 ? whole : '    ')![0];
    const lines = wrapCommand(whole.trimStart(), width, indent);
    const commands = lines.map((text): Segment[] => [{ role: 'cmd', text }]);
    if (before.length === 0) return commands;
    if (!isLabelled) return [...fitSegments(before, width), ...commands];
    return [[...before, { role: 'cmd', text: lines[0]!.slice(indent.length) }], ...commands.slice(1)];
  }
  return breakProse(segments, width);
}
