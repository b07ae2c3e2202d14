// Documents (explain, path, timeline, reasons show, first run): lines of segments with a role each, printed the same to
// a terminal and into a pipe. All foreign text is made harmless and every line fits the width here, so no document can forget it.

import { displayWidth } from '../text/display-width.js';
import { wrapText } from '../text/wrap.js';
import { fitSegments, type Segment } from './fit.js';
import type { OutputStream } from './streams.js';
import { type Role, styleFor } from './styles.js';

export type { Segment } from './fit.js';

/** One line, left to right; a plain string is one segment without a role. */
export type Line = readonly Segment[] | string;

/** Documents grow no wider than this: longer lines of prose are hard to read. */
const WIDEST = 100;

/** The width to lay a document out for. */
export function documentWidth(stream: OutputStream): number {
  return Math.min(stream.width, WIDEST);
}

export function segment(role: Role, text: string): Segment {
  return { role, text };
}

function widthOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, one) => sum + displayWidth(one.text), 0);
}

/** Below this many columns a text beside its record would become a ribbon. */
const RIBBON = 20;

export interface Spread {
  /** What stands before the text (number, label, time); later lines are indented by as much. */
  readonly lead: readonly Segment[];
  readonly text: Segment;
  /** Record names, confidence: at the right edge of the first line, or below where that leaves no room. */
  readonly right: readonly Segment[];
  readonly width: number;
}

/** A text between what leads it and what stands at the right edge; it wraps in its own column. */
export function spread({ lead, text, right, width }: Spread): readonly Line[] {
  const from = widthOf(lead);
  const tail = widthOf(right);
  const room = Math.max(RIBBON, width - from);
  const rest = segment('plain', ' '.repeat(from));
  const line = (at: number, part: string): Segment[] => [...(at === 0 ? lead : [rest]), segment(text.role, part)];
  const atRightEdge = (segments: readonly Segment[]): Line => [
    ...segments,
    segment('plain', ' '.repeat(Math.max(1, width - widthOf(segments) - tail))),
    ...right,
  ];
  if (tail === 0) return wrapText(text.text, room).map((part, at) => line(at, part));
  const used = displayWidth(text.text);
  if (used + 2 + tail <= room) return [atRightEdge(line(0, text.text))];
  const beside = room - tail - 2;
  const longest = Math.max(...text.text.split(/\s+/).map(displayWidth));
  if (beside >= Math.max(RIBBON, longest)) {
    const [first = '', ...others] = wrapBeside(text.text, beside, room);
    return [atRightEdge(line(0, first)), ...others.map((part) => line(1, part))];
  }
  const parts = wrapText(text.text, room);
  const lines = parts.map((part, at) => line(at, part));
  const lastLine = lines.at(-1)!;
  return width - widthOf(lastLine) - tail >= 2
    ? [...lines.slice(0, -1), atRightEdge(lastLine)]
    : [...lines, atRightEdge([])];
}

/** Wraps with less room in the first line than in the others. */
function wrapBeside(text: string, firstWidth: number, width: number): readonly string[] {
  const first = wrapText(text, firstWidth)[0] ?? '';
  const others = text.trimStart().slice(first.length).trimStart();
  return others === '' ? [first] : [first, ...wrapText(others, width)];
}

/** Wraps prose at blanks, every line behind the indentation. */
export function wrap(text: string, width: number, indent = ''): readonly string[] {
  return wrapText(text, width, indent).filter((line) => line.trim() !== '');
}

/** Prints a document; blanks at line ends are dropped. */
export function printDocument(stream: OutputStream, lines: readonly Line[]): void {
  const style = styleFor(stream.isColoured);
  for (const line of lines) {
    for (const segments of fitSegments(typeof line === 'string' ? [segment('plain', line)] : line, stream.width)) {
      const last = segments.length - 1;
      const text = segments
        .map((one, index) => style(one.role, index === last ? one.text.trimEnd() : one.text))
        .join('');
      stream.write(`${text}\n`);
    }
  }
}
