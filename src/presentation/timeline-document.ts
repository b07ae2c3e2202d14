// The screen of ctwhy timeline: one connection, one line per thing.

import { dateOf, duration, timeOfDay } from '../text/time.js';
import { type Line, segment, spread } from './document.js';
import type { Role } from './styles.js';

export interface TimelineLine {
  readonly atUs: number | null;
  readonly uptimeUs: number | null;
  readonly isSameInstant: boolean;
  readonly source: string;
  readonly sign: string;
  readonly says: string;
  readonly state: string | null;
  readonly record: string;
  readonly raw: readonly string[];
}

export interface TimelineHead {
  readonly flow: string;
  readonly notes: readonly string[];
  readonly isVerbose: boolean;
  readonly width: number;
}

const SIGNS: Readonly<Record<string, Role>> = { '+': 'good', '-': 'bad' };
const COMPUTED = ['calc', 'note'];

function after(row: TimelineLine, before: TimelineLine | null): string {
  if (row.isSameInstant) return '=';
  if (before === null || row.atUs === null || before.atUs === null || row.atUs < before.atUs) return '';
  return `+${duration(row.atUs - before.atUs)}`;
}

export function timelineDocument(rows: readonly TimelineLine[], head: TimelineHead): readonly Line[] {
  const dates = [...new Set(rows.filter((row) => row.atUs !== null).map((row) => dateOf(row.atUs!)))];
  const lines: Line[] = [
    [segment('head', head.flow), segment('dim', `    ${dates.length === 1 ? `${dates[0]} ` : ''}UTC`)],
    ...head.notes.map((note) => [segment('dim', note)]),
  ];
  if (rows.some((row) => row.isSameInstant))
    lines.push([segment('dim', '= the same instant within the error of the clocks')]);
  lines.push('', [segment('head', `  ${'TIME'.padEnd(dates.length > 1 ? 20 : 14)}${'AFTER'.padEnd(10)}SOURCE`)]);
  let before: TimelineLine | null = null;
  let date = '';
  for (const row of rows) {
    if (dates.length > 1 && row.atUs !== null && dateOf(row.atUs) !== date) {
      date = dateOf(row.atUs);
      lines.push([segment('dim', `  ${date}`)]);
    }
    const time =
      row.atUs !== null ? timeOfDay(row.atUs) : row.uptimeUs !== null ? `[${(row.uptimeUs / 1e6).toFixed(3)}]` : '';
    const left = `  ${time.padEnd(dates.length > 1 ? 20 : 14)}${after(row, before).padEnd(10)}`;
    const isComputed = COMPUTED.includes(row.source);
    const sign = row.sign === ' ' ? '' : row.sign;
    const state = row.state ?? '';
    lines.push(
      ...spread({
        lead: [
          segment('dim', left),
          segment(isComputed ? 'dim' : 'plain', row.source.padEnd(7)),
          segment(SIGNS[row.sign] ?? 'plain', sign.padEnd(2)),
        ],
        text: segment(isComputed ? 'dim' : 'plain', row.says),
        right: [
          ...(state === ''
            ? []
            : [segment(state === 'INVALID' ? 'warn' : 'plain', row.record === '' ? state : `${state}  `)]),
          ...(row.record === '' ? [] : [segment('dim', row.record)]),
        ],
        width: head.width,
      }),
    );
    if (head.isVerbose) for (const raw of row.raw) lines.push([segment('dim', `      ${raw}`)]);
    if (row.atUs !== null) before = row;
  }
  return lines;
}
