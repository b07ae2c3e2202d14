// The screen of ctwhy path: hook, rule, result, and how each is known.

import type { Journey, JourneyRow } from '../model/journey.js';
import { type Line, type Segment, segment, wrap } from './document.js';
import type { Role } from './styles.js';

export interface PathHead {
  readonly flow: string;
  /** 'SYN, 3 tries, wan0 > lan0'. */
  readonly packets: string;
  readonly state: string | null;
  readonly fate: string;
  readonly isVerbose: boolean;
  readonly see: readonly string[];
}

const KNOWN: Readonly<Record<Journey['known'], string>> = {
  trace: 'read off the trace',
  rules: 'worked out from rules, counters and LOG lines (no trace here)',
  lines: 'from the lines of the log alone (no trace, no ruleset here)',
};

function resultRole(row: JourneyRow): Role {
  if (/^(DROP|REJECT)/.test(row.result)) return 'bad';
  if (row.result === 'ACCEPT') return 'good';
  return row.result === 'no match' || row.result === 'returns' ? 'dim' : 'plain';
}

function rowLines(row: JourneyRow, isVerbose: boolean): readonly Line[] {
  const hook = (row.kind === 'wanted' ? 'wanted' : row.hook).padEnd(13);
  const left = `  ${hook}${row.place}`;
  const resultAt = 54;
  const howAt = 66;
  const segments: Segment[] = [
    segment('dim', `  ${hook}`),
    segment(row.kind === 'wanted' ? 'head' : 'plain', row.place),
  ];
  const lines: Line[] = [];
  if (row.result === '' && row.how === '') lines.push(segments);
  else if (left.length < resultAt) {
    segments.push(segment('plain', ' '.repeat(resultAt - left.length)), segment(resultRole(row), row.result));
    const used = resultAt + row.result.length;
    segments.push(
      segment('plain', ' '.repeat(Math.max(1, Math.min(howAt, 80 - row.how.length) - used))),
      segment('dim', row.how),
    );
    lines.push(segments);
  } else {
    lines.push(segments, [
      segment('plain', ' '.repeat(resultAt)),
      segment(resultRole(row), row.result),
      segment('plain', ' '.repeat(Math.max(1, Math.min(howAt, 80 - row.how.length) - resultAt - row.result.length))),
      segment('dim', row.how),
    ]);
  }
  // Rule texts wrap below and are never cut.
  for (const text of row.detail) lines.push(...wrap(text, 78, ' '.repeat(17)).map((part) => [segment('plain', part)]));
  if (isVerbose) for (const raw of row.raw) lines.push([segment('dim', `                 ${raw}`)]);
  return lines;
}

export function pathDocument(journey: Journey, head: PathHead): readonly Line[] {
  const fateRole: Role = head.fate === 'dropped' ? 'bad' : head.fate === 'unknown' ? 'warn' : 'good';
  const lines: Line[] = [
    [segment('head', head.flow), segment('plain', `   ${head.packets}`)],
    [
      segment(head.state === 'INVALID' ? 'warn' : 'plain', `${head.state ?? 'state not known'}    `),
      segment(fateRole, head.fate === 'unknown' ? 'fate not recorded' : head.fate.toUpperCase()),
      segment('plain', journey.endedBy === null ? '' : ` by ${journey.endedBy}`),
    ],
    [segment('dim', KNOWN[journey.known])],
    '',
    [segment('head', `  ${'HOOK'.padEnd(13)}${'RULE'.padEnd(51)}HOW WE KNOW`)],
  ];
  const shown = journey.rows.filter((row) => head.isVerbose || row.kind !== 'quiet');
  lines.push(...shown.flatMap((row) => rowLines(row, head.isVerbose)));
  const quiet = journey.rows.length - shown.length;
  if (quiet > 0)
    lines.push([
      segment('dim', `  ${''.padEnd(13)}${quiet} more step${quiet === 1 ? '' : 's'} that changed nothing: -v`),
    ]);
  if (journey.expectation.length > 0)
    lines.push(
      '',
      ...journey.expectation.flatMap((text) => wrap(text, 76, '  ').map((part) => [segment('plain', part)])),
    );
  if (journey.notes.length > 0)
    lines.push('', ...journey.notes.flatMap((text) => wrap(text, 76, '  ').map((part) => [segment('warn', part)])));
  if (head.see.length > 0)
    lines.push('', ...head.see.map((command) => [segment('plain', '  '), segment('cmd', command)]));
  return lines;
}
