// The screen of ctwhy path: hook, rule, result, and how each is known.

import type { Journey, JourneyRow } from '../model/journey.js';
import { displayWidth } from '../text/display-width.js';
import { type Line, type Segment, segment, spread, wrap } from './document.js';
import type { Role } from './styles.js';

export interface PathHead {
  readonly flow: string;
  /** 'SYN, 3 tries, wan0 > lan0'. */
  readonly packets: string;
  /** Of which network namespace, where the evidence is of several; otherwise empty. */
  readonly netns: string;
  readonly state: string | null;
  readonly fate: string;
  readonly isVerbose: boolean;
  readonly see: readonly string[];
  /** Columns to lay out for. */
  readonly width: number;
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

const HOOK = 13;
/** Where rule texts stand, below the rule they are of. */
const DETAIL = ' '.repeat(17);
/** The lines of one row: hook, rule, result and how it is known; rule texts below. */
export function rowLines(
  row: JourneyRow,
  { isVerbose, width }: Pick<PathHead, 'isVerbose' | 'width'>,
): readonly Line[] {
  const hook = (row.kind === 'wanted' ? 'wanted' : row.hook).padEnd(HOOK);
  const lead = segment('dim', `  ${hook}`);
  const place = segment(row.kind === 'wanted' ? 'head' : 'plain', row.place);
  const resultAt = width - 26;
  const howAt = width - 14;
  const resultEnd = row.result === '' ? howAt - 2 : resultAt + displayWidth(row.result);
  // What is longer than its column stands in brackets below the rule.
  const isBeside = row.how !== '' && resultEnd + 1 + displayWidth(row.how) <= width;
  const right: Segment[] = [];
  if (row.result !== '') right.push(segment(resultRole(row), row.result));
  if (isBeside) {
    const from = Math.max(resultEnd + 1, Math.min(howAt, width - displayWidth(row.how)));
    if (right.length > 0) right.push(segment('plain', ' '.repeat(from - resultEnd)));
    right.push(segment('dim', row.how));
  }
  const tail = right.reduce((sum, one) => sum + displayWidth(one.text), 0);
  const at = row.result === '' ? Math.min(howAt, width - tail) : resultAt;
  const used = displayWidth(lead.text) + displayWidth(place.text);
  const lines: Line[] =
    right.length > 0 && used < at
      ? [[lead, place, segment('plain', ' '.repeat(at - used)), ...right]]
      : [...spread({ lead: [lead], text: place, right, width })];
  const below = row.how !== '' && !isBeside ? [`(${row.how})`] : [];
  // Rule texts wrap below and are never cut.
  for (const text of [...row.detail, ...below]) lines.push(...wrap(text, width - 2, DETAIL));
  if (isVerbose) for (const raw of row.raw) lines.push([segment('dim', `${DETAIL}${raw}`)]);
  return lines;
}

/** The words above the rows. */
export function rowsHead(width: number): Line {
  return [segment('head', `  ${'HOOK'.padEnd(HOOK)}${'RULE'.padEnd(Math.max(5, width - 2 - HOOK - 14))}HOW WE KNOW`)];
}

/** Rows as they are shown, and how many more -v would. */
export function rowsShown(rows: readonly JourneyRow[], head: Pick<PathHead, 'isVerbose' | 'width'>): readonly Line[] {
  const shown = rows.filter((row) => head.isVerbose || row.kind !== 'quiet');
  const quiet = rows.length - shown.length;
  const more: Line = [
    segment('dim', `  ${''.padEnd(HOOK)}${quiet} more step${quiet === 1 ? '' : 's'} that changed nothing: -v`),
  ];
  return [...shown.flatMap((row) => rowLines(row, head)), ...(quiet > 0 ? [more] : [])];
}

export function pathDocument(journey: Journey, head: PathHead): readonly Line[] {
  const fateRole: Role =
    head.fate === 'dropped' || head.fate === 'rejected' ? 'bad' : head.fate === 'unknown' ? 'warn' : 'good';
  const lines: Line[] = [
    [segment('head', head.flow), segment('plain', `   ${head.packets}`)],
    [
      segment(head.state === 'INVALID' ? 'warn' : 'plain', `${head.state ?? 'state not known'}    `),
      segment(fateRole, head.fate === 'unknown' ? 'fate not recorded' : head.fate.toUpperCase()),
      segment('plain', journey.endedBy === null ? '' : ` by ${journey.endedBy}`),
    ],
    [segment('dim', KNOWN[journey.known])],
    ...(head.netns === '' ? [] : wrap(head.netns, head.width).map((text): Line => [segment('dim', text)])),
    '',
    rowsHead(head.width),
    ...rowsShown(journey.rows, head),
  ];
  if (journey.expectation.length > 0)
    lines.push('', ...journey.expectation.flatMap((text) => wrap(text, head.width - 4, '  ')));
  if (journey.notes.length > 0)
    lines.push(
      '',
      ...journey.notes.flatMap((text) => wrap(text, head.width - 4, '  ').map((part) => [segment('warn', part)])),
    );
  if (head.see.length > 0)
    lines.push('', ...head.see.map((command) => [segment('plain', '  '), segment('cmd', command)]));
  return lines;
}
