// Entries that changed between two snapshots, on the screen: many by state and port, few one by one.

import { duration } from '../text/time.js';
import { type Line, segment } from './document.js';

export interface EntryWords {
  readonly proto: string;
  readonly state: string | null;
  readonly status: string | null;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
  readonly zone: number;
  readonly isTranslated: boolean;
  readonly wasState: string | null;
  readonly wasStatus: string | null;
  readonly leftS: number | null;
  readonly lastPacketAtUs: number | null;
}

export interface ChangesWords {
  readonly entries: number;
  readonly groups: readonly {
    readonly proto: string;
    readonly state: string | null;
    readonly wasState: string | null;
    readonly dport: number | null;
    readonly entries: number;
  }[];
  readonly rows: readonly EntryWords[];
}

export interface DiffOptions {
  readonly width: number;
  readonly programName: string;
  /** Every entry instead of ten of a group. */
  readonly allRows: boolean;
}

const MOST_ROWS = 10;
/** Fewer than this are shown one by one. */
const FEW = 10;
function statusWords(status: string | null): string {
  return status === null
    ? ''
    : status
        .split(' ')
        .map((word) => ` [${word}]`)
        .join('');
}

function entryLine(row: EntryWords): string {
  const end = (host: string, port: number | null) =>
    port === null ? host : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const was =
    row.wasState === row.state && row.wasStatus === row.status
      ? ''
      : row.wasState === null && row.wasStatus === null
        ? ''
        : `${row.wasState ?? ''}${statusWords(row.wasStatus)} -> `;
  const marks = [...(row.isTranslated ? ['translated'] : []), ...(row.zone === 0 ? [] : [`zone ${row.zone}`])];
  const state = `${was}${row.state ?? ''}${statusWords(row.status)}`.trim();
  return `${row.proto}${state === '' ? '' : ` ${state}`}  ${end(row.src, row.sport)} > ${end(row.dst, row.dport)}${marks.length === 0 ? '' : `   ${marks.join(', ')}`}`;
}

export function leftWords({ leftS }: EntryWords): string | null {
  if (leftS === null) return null;
  // Printed seconds are whole: a second on either side says nothing.
  if (leftS > 1) return `${leftS} s were left: it did not run out`;
  return leftS < -1 ? 'its time had run out' : null;
}

export function idleWords({ lastPacketAtUs, leftS }: EntryWords, toUs: number | null): string | null {
  const idle =
    lastPacketAtUs === null || toUs === null ? [] : [`last packet ${duration(toUs - lastPacketAtUs)} before`];
  const words = [...idle, ...(leftS === null ? [] : [`${leftS} s left`])];
  return words.length === 0 ? null : words.join(', ');
}

export function firstOf<T>(rows: readonly T[], { allRows }: DiffOptions): readonly T[] {
  return allRows ? rows : rows.slice(0, MOST_ROWS);
}

export function andMore(total: number, options: DiffOptions): readonly Line[] {
  const hidden = options.allRows ? 0 : total - MOST_ROWS;
  return hidden <= 0 ? [] : [[segment('dim', `    and ${hidden.toLocaleString('en')} more: --rows`)]];
}

export function entryBlock(
  title: string,
  changes: ChangesWords,
  options: DiffOptions,
  noteOf: (row: EntryWords) => string | null,
): readonly Line[] {
  if (changes.entries === 0) return [];
  const lines: Line[] = [[segment('head', `  ${title} ${changes.entries.toLocaleString('en')}`)]];
  if (changes.entries > FEW) {
    lines.push([segment('dim', '    by state and port')]);
    for (const group of firstOf(changes.groups, { ...options, allRows: false })) {
      const state =
        group.wasState !== null && group.wasState !== group.state
          ? `${group.wasState} -> ${group.state ?? ''}`
          : (group.state ?? '');
      const port = group.dport === null ? '' : `port ${group.dport}`;
      lines.push(
        `    ${group.entries.toLocaleString('en').padStart(9)}  ${[group.proto, state, port].filter((word) => word !== '').join(' ')}`,
      );
    }
    const hidden = changes.groups.length - MOST_ROWS;
    if (hidden > 0) lines.push([segment('dim', `    and ${hidden.toLocaleString('en')} more kinds`)]);
    if (!options.allRows) return [...lines, [segment('dim', '    each of them: --rows')]];
  }
  for (const row of firstOf(changes.rows, options)) {
    const note = noteOf(row);
    lines.push(`    ${entryLine(row)}`);
    if (note !== null) lines.push([segment('dim', `      ${note}`)]);
  }
  return lines;
}
