// What an ingest says when it is done: per file what was recognised and what was not, and what a full answer still lacks.

import { duration } from '../text/time.js';
import { type Line, segment, spread } from './document.js';

/** The part of an ingest's report that is shown. */
export interface IngestSummary {
  readonly sources: readonly {
    readonly name: string;
    readonly outcome: 'read' | 'continued' | 'known' | 'nothing' | 'skipped';
    readonly why: string | null;
    readonly lines: number;
    readonly forms: readonly { readonly form: string; readonly records: number; readonly unread: number }[];
    readonly unrecognisedLines: number;
    readonly unreadLines: number;
    readonly firstUnread: { readonly line: number; readonly reason: string; readonly text: string } | null;
    readonly clock: { readonly kind: string; readonly method: string; readonly errorUs: number | null } | null;
  }[];
  readonly hosts: readonly {
    readonly name: string;
    readonly isAssumed: boolean;
    readonly kernel: string | null;
    readonly isKernelGuessed?: true;
  }[];
  readonly isAnythingNew: boolean;
  readonly missing: readonly { readonly what: string; readonly proves: string; readonly ask: string }[];
  readonly durationMs: number;
}

const CLOCK_WORDS: Readonly<Record<string, string>> = {
  epoch: 'epoch',
  'boot-time': 'uptime, placed by the boot time',
  'clock-samples': 'uptime and wall time, tied by the lines that have both',
  'shared-records': 'tied by packets that another source has, too',
  'assumed-year': 'local time, year assumed',
  'assumed-zone': 'local time, zone assumed to be UTC',
  unplaced: 'since boot, not placed',
};

/** What people can state where files do not tell it; once for all files. */
const CLOCK_HINTS: Readonly<Record<string, string>> = {
  unplaced: 'times since boot are not placed: ingest again with --boot-time TIME (uptime -s)',
  'assumed-year': 'the year is assumed: ingest with --year YEAR, --tz ZONE',
  'assumed-zone': 'the zone is assumed to be UTC: ingest with --tz ZONE',
};

function sourceLines(source: IngestSummary['sources'][number], isVerbose: boolean): readonly Line[] {
  const forms = source.forms.map((form) => `${form.form} ${form.records}`).join(', ');
  const what =
    source.outcome === 'known'
      ? 'nothing new'
      : source.outcome === 'skipped'
        ? `skipped: ${source.why ?? ''}`
        : source.outcome === 'nothing'
          ? (source.why ?? 'no known form')
          : forms === ''
            ? source.lines === 0
              ? 'an empty list: its command ended well and showed nothing'
              : 'nothing'
            : forms;
  const isTrouble = source.outcome === 'skipped' || source.outcome === 'nothing';
  const lines: Line[] = [
    [segment('plain', `  ${source.name.padEnd(30)} `), segment(isTrouble ? 'warn' : 'plain', what)],
  ];
  if (source.why !== null && !isTrouble) lines.push([segment('warn', `    ${source.why}`)]);
  if (source.unreadLines > 0) {
    lines.push([
      segment('warn', `    ${source.unreadLines} unread`),
      segment(
        'plain',
        source.firstUnread === null
          ? ''
          : `, the first is line ${source.firstUnread.line}: ${source.firstUnread.reason}`,
      ),
    ]);
    if (source.firstUnread !== null) lines.push([segment('dim', `      ${source.firstUnread.text.slice(0, 200)}`)]);
  }
  const clock = source.clock;
  if (clock !== null && (isVerbose || !['epoch', 'boot-time'].includes(clock.method)) && clock.kind !== 'none') {
    const error = clock.errorUs === null ? '' : `, good to ${duration(clock.errorUs)}`;
    lines.push([
      segment(
        clock.method === 'unplaced' ? 'warn' : 'dim',
        `    clock ${CLOCK_WORDS[clock.method] ?? clock.method}${error}`,
      ),
    ]);
  }
  if (isVerbose && source.unrecognisedLines > 0)
    lines.push([
      segment('dim', `    ${source.unrecognisedLines} of ${source.lines} lines are no evidence of any known form`),
    ]);
  return lines;
}

/** At most so many hosts are named one by one. */
const MOST_HOSTS = 12;

/** A line for each host whose evidence it was: a central log holds many. */
function hostLines(hosts: IngestSummary['hosts']): readonly Line[] {
  if (hosts.length === 0) return ['  host none'];
  const more = hosts.length - MOST_HOSTS;
  return [
    ...hosts
      .slice(0, MOST_HOSTS)
      .map(
        ({ name, isAssumed, kernel, isKernelGuessed }) =>
          `  host ${name}${isAssumed ? ' (assumed: no file names it)' : ''}, kernel ${kernel ?? 'not known (--kernel)'}${isKernelGuessed === true ? ' (a guess: --kernel)' : ''}`,
      ),
    ...(more > 0 ? [`  and ${more} more hosts`] : []),
  ];
}

/** @param programName for the command named at the end */
export function ingestDocument(
  report: IngestSummary,
  options: { readonly programName: string; readonly isVerbose: boolean; readonly width: number },
): readonly Line[] {
  const read = report.sources.filter((source) => source.outcome === 'read' || source.outcome === 'continued').length;
  const unread = report.sources.reduce((sum, source) => sum + source.unreadLines, 0);
  const many = report.sources.length > 1;
  const hints = [...new Set(report.sources.map(({ clock }) => CLOCK_HINTS[clock?.method ?? '']))].filter(
    (hint) => hint !== undefined,
  );
  const lines: Line[] = [
    ...spread({
      lead: [],
      text: segment(
        'head',
        report.isAnythingNew
          ? `Read ${read} of ${report.sources.length} source${many ? 's' : ''}`
          : `Nothing new in ${report.sources.length} source${many ? 's' : ''}`,
      ),
      right: [segment('dim', duration(report.durationMs * 1000))],
      width: options.width,
    }),
    ...report.sources.flatMap((source) => sourceLines(source, options.isVerbose)),
    '',
    ...hostLines(report.hosts),
    [segment(unread > 0 ? 'warn' : 'good', `  ${unread} line${unread === 1 ? '' : 's'} unread`)],
  ];
  for (const hint of hints) lines.push([segment('warn', `  ${hint}`)]);
  if (report.missing.length > 0) {
    lines.push('', [segment('head', '  For a full answer, ask for')]);
    for (const one of report.missing) {
      lines.push(
        [segment('plain', `  ${one.what.padEnd(22)} `), segment('dim', one.proves)],
        [segment('cmd', `      ${one.ask}`)],
      );
    }
  }
  lines.push('', [segment('plain', '  Next:  '), segment('cmd', `${options.programName} explain`)]);
  return lines;
}
