// The screen of ctwhy replay: a packet a line with its verdict, below it the windows and bounds in grey, and why it went wrong in words.

import { type Line, segment, wrap } from './document.js';
import type { Role } from './styles.js';

export interface ReplayLine {
  readonly number: number;
  readonly time: string;
  readonly sign: '>' | '<';
  readonly flags: string;
  readonly seq: string;
  readonly ack: string;
  readonly length: string;
  readonly window: string;
  readonly state: string;
  readonly verdict: string;
  readonly timeout: string;
  /** Windows of both ends behind the packet, then the bounds of the check: each as one piece. */
  readonly windows: readonly string[];
  readonly bounds: string;
  readonly message: string | null;
  readonly why: readonly string[];
  readonly observed: string | null;
  readonly isGap: boolean;
  readonly isFirstWrong: boolean;
  readonly isWrong: boolean;
  readonly isKnown: boolean;
  /** The kernel answered otherwise than the model. */
  readonly isContradicted: boolean;
  readonly record: string;
}

export interface ReplayHead {
  readonly flow: string;
  readonly notes: readonly string[];
  readonly width: number;
  readonly isVerbose: boolean;
  readonly summary: readonly { readonly label: string; readonly says: string }[];
  readonly see: readonly string[];
}

/** Every packet is printed up to so many; of longer connections the beginning, and what is around a wrong one. */
const PRINTED_WHOLE = 60;
const AROUND = 5;

const WIDE = 100;

interface Columns {
  readonly hasTime: boolean;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  readonly state: number;
}

function columnsFor(lines: readonly ReplayLine[], width: number): Columns {
  const widest = (pick: (line: ReplayLine) => string, name: string) =>
    lines.reduce((most, line) => Math.max(most, pick(line).length), name.length);
  const isWide = width >= WIDE;
  return {
    hasTime: isWide,
    seq: Math.min(
      widest((line) => line.seq, 'SEQ'),
      isWide ? 12 : 10,
    ),
    ack: Math.min(
      widest((line) => line.ack, 'ACK'),
      isWide ? 12 : 10,
    ),
    window: isWide
      ? Math.min(
          widest((line) => line.window, 'WIN'),
          6,
        )
      : 0,
    state: Math.min(
      widest((line) => line.state, 'STATE'),
      isWide ? 27 : 26,
    ),
  };
}

function left(text: string, width: number): string {
  return text.padEnd(width);
}

function right(text: string, width: number): string {
  return text.padStart(width);
}

function headOf(columns: Columns): string {
  return [
    ` ${right('#', 4)}`,
    ...(columns.hasTime ? [left('TIME', 9)] : []),
    left('  PACKET', 13),
    right('SEQ', columns.seq),
    right('ACK', columns.ack),
    right('LEN', 5),
    ...(columns.window > 0 ? [right('WIN', columns.window)] : []),
    left('STATE', columns.state),
    'VERDICT',
  ].join(' ');
}

function verdictRole(line: ReplayLine): Role {
  if (!line.isKnown) return 'warn';
  return line.verdict.startsWith('INVALID') ? 'warn' : line.verdict.startsWith('DROP') ? 'bad' : 'plain';
}

function packetLines(line: ReplayLine, columns: Columns, head: ReplayHead): readonly Line[] {
  const mark = line.isFirstWrong ? '*' : line.isGap ? '~' : ' ';
  const main = [
    `${mark}${right(String(line.number), 4)}`,
    ...(columns.hasTime ? [left(line.time, 9)] : []),
    left(`${line.sign} ${line.flags}`, 13),
    right(line.seq, columns.seq),
    right(line.ack, columns.ack),
    right(line.length, 5),
    ...(columns.window > 0 ? [right(line.window, columns.window)] : []),
    left(line.state, columns.state),
  ].join(' ');
  const room = head.width - main.length - 1 - line.verdict.length - 1;
  const timeout = line.timeout === '' ? '' : room >= line.timeout.length ? ` ${line.timeout}` : '';
  const lines: Line[] = [
    [
      segment(line.isFirstWrong ? 'head' : 'plain', `${main} `),
      segment(verdictRole(line), line.verdict),
      segment('dim', timeout),
    ],
  ];
  const indent = '        ';
  const dim = (text: string) => [segment('dim', `${indent}${text}`)];
  const together = line.windows.join('    ');
  if (indent.length + together.length <= head.width) {
    if (together !== '') lines.push(dim(together));
  } else for (const window of line.windows) lines.push(dim(window));
  if (line.bounds !== '') lines.push(...wrap(line.bounds, head.width - indent.length).map(dim));
  if (timeout === '' && line.timeout !== '') lines.push(dim(`lives ${line.timeout}`));
  if (line.message !== null) lines.push(...wrap(`kernel log: ${line.message}`, head.width, indent));
  if (line.observed !== null)
    for (const text of wrap(line.observed, head.width, indent))
      lines.push([segment(line.isContradicted ? 'bad' : 'dim', text)]);
  for (const text of line.why) lines.push(...wrap(text, head.width, indent));
  if (head.isVerbose && line.record !== '') lines.push(dim(line.record));
  return lines;
}

/** The lines to print, and how many were left out in front of each. */
function choose(lines: readonly ReplayLine[]): readonly { readonly line: ReplayLine; readonly leftOut: number }[] {
  const isNear = lines.map(() => lines.length <= PRINTED_WHOLE);
  let wrongs = 0;
  lines.forEach((line, at) => {
    const isEdge = at < AROUND || at >= lines.length - 2;
    if (line.isWrong) wrongs += 1;
    const counts = line.isWrong && wrongs <= AROUND;
    if (!isEdge && !counts) return;
    for (let near = at - (counts ? AROUND : 0); near <= at + (counts ? 1 : 0); near += 1) {
      if (near >= 0 && near < lines.length) isNear[near] = true;
    }
  });
  let leftOut = 0;
  return lines.flatMap((line, at) => {
    if (!isNear[at]) {
      leftOut += 1;
      return [];
    }
    const chosen = { line, leftOut };
    leftOut = 0;
    return [chosen];
  });
}

export function replayDocument(lines: readonly ReplayLine[], head: ReplayHead): readonly Line[] {
  const columns = columnsFor(lines, head.width);
  return [
    [segment('head', head.flow)],
    ...head.notes.flatMap((note) => wrap(note, head.width).map((text) => [segment('dim', text)])),
    '',
    [segment('head', headOf(columns).trimEnd())],
    ...choose(lines).flatMap(({ line, leftOut }) => [
      ...(leftOut > 0 ? [[segment('dim', `      ... ${leftOut} packets like these (-o table shows all)`)]] : []),
      ...packetLines(line, columns, head),
    ]),
    '',
    ...legend(lines),
    ...head.summary.flatMap(({ label, says }) =>
      wrap(says, head.width - LABEL).map((text, at) => `${at === 0 ? left(label, LABEL) : ' '.repeat(LABEL)}${text}`),
    ),
    ...head.see.map((command) => [segment('plain', left('See also', LABEL)), segment('cmd', command)]),
  ];
}

const LABEL = 13;

function legend(lines: readonly ReplayLine[]): readonly Line[] {
  const words = [
    ...(lines.some((line) => line.isFirstWrong) ? ['* the first that went wrong'] : []),
    ...(lines.some((line) => line.isGap) ? ['~ others may have gone by unseen in front of it'] : []),
  ];
  return words.length === 0 ? [] : [[segment('dim', words.join('    '))]];
}

export interface ChangeLine {
  readonly number: number;
  readonly packet: string;
  /** 'verdict INVALID > ESTABLISHED', 'timeout 300 s > 600 s'. */
  readonly changes: readonly string[];
  readonly isBetter: boolean;
}

/** The difference that other settings make. */
export function whatIfDocument(
  changes: readonly ChangeLine[],
  head: { readonly title: string; readonly notes: readonly string[]; readonly width: number },
): readonly Line[] {
  return [
    ...wrap(head.title, head.width).map((text) => [segment('head', text)]),
    ...changes.flatMap((change): readonly Line[] => [
      [segment('plain', ` ${right(String(change.number), 4)} ${change.packet}`)],
      ...change.changes.flatMap((text) =>
        wrap(text, head.width, '        ').map((line) => [segment(change.isBetter ? 'good' : 'warn', line)]),
      ),
    ]),
    '',
    ...head.notes.flatMap((note) => wrap(note, head.width)),
  ];
}
