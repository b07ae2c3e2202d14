// The screen of ctwhy explain: what was looked at, the finding that matters most in full, the others one line each.

import type { ToldFinding } from '../model/finding.js';
import { type Line, type Segment, segment, spread, wrap } from './document.js';

export interface LookedAt {
  /** 'finwait-deleted.tar, host vm, kernel 6.18.44, 08:29:56 - 08:30:00 UTC', in parts that may be wrapped. */
  readonly head: readonly string[];
  readonly counts: string;
  readonly notes: readonly string[];
}

export interface ExplainOptions {
  readonly programName: string;
  /** Findings to open; the first when empty and not all. */
  readonly opened: readonly number[];
  readonly isAll: boolean;
  readonly isVerbose: boolean;
  readonly withFixes: boolean;
  /** Whether the command line left some packets out. */
  readonly isFiltered: boolean;
  /** Words of commands this program has: only those are named. */
  readonly knownCommands: readonly string[];
  /** '-r case.tar' to repeat in printed commands; empty for the store. */
  readonly readWords: string;
  /** Whether there is evidence of entries, events, rules or sockets. */
  readonly showsTables: boolean;
  /** What evidence without a packet shows by itself. */
  readonly present: readonly { readonly says: string; readonly source: string }[];
}

const LABEL = 14;
const INDENT = '   ';

function outcomeSegments({ finding }: ToldFinding): readonly Segment[] {
  const fate: Readonly<Record<string, Segment>> = {
    dropped: segment('bad', 'DROPPED'),
    forwarded: segment('plain', 'FORWARDED'),
    delivered: segment('good', 'DELIVERED'),
    unknown: segment('warn', 'fate unknown'),
  };
  return [
    segment(finding.outcome === 'INVALID' ? 'warn' : 'plain', finding.outcome),
    segment('plain', '    '),
    fate[finding.fate]!,
  ];
}

function labelled(label: string, text: string, width = 80): readonly Line[] {
  return wrap(text, width - INDENT.length - LABEL).map(
    (line, index) => `${INDENT}${(index === 0 ? label : '').padEnd(LABEL)}${line}`,
  );
}

function storyLines(told: ToldFinding, isVerbose: boolean): readonly Line[] {
  return told.story.flatMap((row) => {
    const left = [segment('dim', `${INDENT}${row.label.padEnd(LABEL)}`), segment('plain', row.says)];
    // Rule texts are never cut and stand alone; long sentences wrap with their source on the first line.
    const room = 80 - INDENT.length - LABEL - row.source.length - 1;
    const [head, ...rest] = row.source === '' ? [row.says] : wrap(row.says, Math.max(30, room));
    const lines: Line[] =
      row.source === ''
        ? [left]
        : [
            ...spread([left[0]!, segment('plain', head ?? '')], segment('dim', row.source)),
            ...rest.map((text) => `${INDENT}${' '.repeat(LABEL)}${text}`),
          ];
    return isVerbose
      ? [...lines, ...row.raw.map((text) => [segment('dim', `${INDENT}${' '.repeat(LABEL)}${text}`)])]
      : lines;
  });
}

function fixLines(told: ToldFinding, options: ExplainOptions): readonly Line[] {
  const lines: Line[] = [];
  const now = told.finding.remedies.filter((remedy) => remedy.when === 'now');
  const lasting = told.finding.remedies.filter((remedy) => remedy.when === 'lasting');
  const shownRemedies = options.withFixes ? [...now, ...lasting] : now.slice(0, 1);
  for (const remedy of shownRemedies) {
    lines.push(
      ...labelled(
        remedy.when === 'now' ? 'Fix now' : 'For good',
        `${remedy.text}${remedy.price === '' ? '' : `; costs ${remedy.price}`}`,
      ),
    );
    if (remedy.command !== '') lines.push(...commandLines(remedy.command));
    if (options.withFixes && remedy.undo !== '')
      lines.push([segment('plain', `${INDENT}${'take back'.padEnd(LABEL)}`), segment('cmd', remedy.undo)]);
  }
  if (!options.withFixes && lasting.length > 0) {
    const more = `${options.programName} explain ${told.finding.id}${options.readWords === '' ? '' : ` ${options.readWords}`} --fix`;
    lines.push(...labelled('For good', lasting[0]!.text), [
      segment('plain', `${INDENT}${' '.repeat(LABEL)}`),
      segment('cmd', more),
    ]);
  }
  return lines;
}

/** A command on lines of its own, continued with a backslash where it is long; an option keeps its value. */
function commandLines(command: string): readonly Line[] {
  const lines: string[] = [];
  for (const part of command.split(/ (?=-)|(?<=;) /)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + part.length <= 70 && !last.endsWith(';'))
      lines[lines.length - 1] = `${last} ${part}`;
    else lines.push(part);
  }
  return lines.map((text, index) => [
    segment(
      'cmd',
      `     ${index > 0 && !lines[index - 1]!.endsWith(';') ? '  ' : ''}${text}${index < lines.length - 1 && !text.endsWith(';') ? ' \\' : ''}`,
    ),
  ]);
}

function fullFinding(told: ToldFinding, options: ExplainOptions): readonly Line[] {
  const { finding } = told;
  const lines: Line[] = [
    ...spread(
      [segment('plain', `${finding.id}  `), segment('head', finding.title)],
      segment(finding.confidence, finding.confidence),
    ),
    ...spread([segment('plain', `${INDENT}${told.flowText}   ${told.packetText}`)], segment('plain', '')).slice(0, 1),
    [
      segment('plain', INDENT),
      ...outcomeSegments(told),
      ...(finding.class === 'unresolved'
        ? []
        : [
            segment(
              'dim',
              `    class ${finding.class}${finding.cause === null ? '' : `, cause ${finding.cause} (${finding.causeConfidence})`}`,
            ),
          ]),
    ],
    '',
    ...wrap(finding.summary, 80 - INDENT.length - 2).map((text) => `${INDENT}${text}`),
    '',
    ...storyLines(told, options.isVerbose),
  ];
  const closing: Line[] = [];
  if (finding.ruledOut.length > 0)
    closing.push(...labelled('Ruled out', finding.ruledOut.map((one) => `${one.cause} (${one.because})`).join('; ')));
  if (told.notKnown.length > 0)
    closing.push(...labelled('Not known', told.notKnown.join('; ')).map((line) => [segment('warn', line as string)]));
  if (finding.missing.length > 0) {
    closing.push(...labelled('To be sure', finding.missing[0]!.what));
    for (const one of finding.missing.slice(0, options.isVerbose ? undefined : 2))
      closing.push([segment('cmd', `     ${one.ask}`)]);
  }
  if (closing.length > 0) lines.push('', ...closing);
  const fixes = fixLines(told, options);
  if (fixes.length > 0) lines.push('', ...fixes);
  const has = (words: string) => options.knownCommands.includes(words);
  const suffix = options.readWords === '' ? '' : ` ${options.readWords}`;
  const also = ['timeline', 'path']
    .filter(has)
    .map((words) => `${options.programName} ${words} ${finding.id}${suffix}`);
  if (also.length > 0 && finding.flow !== null)
    lines.push(
      '',
      ...also.map((command, index) => [
        segment('plain', `${INDENT}${(index === 0 ? 'See also' : '').padEnd(LABEL)}`),
        segment('cmd', command),
      ]),
    );
  return lines;
}

function shortFinding(told: ToldFinding): Line {
  const { finding } = told;
  const fate = finding.fate === 'unknown' ? '' : `, ${finding.fate}`;
  const right = `${finding.packets.count} ${finding.outcome}${fate}`;
  const start = `${String(finding.id).padEnd(3)}${finding.confidence.padEnd(9)}`;
  // The whole title stands above the finding when it is opened.
  const room = 80 - start.length - right.length - 2;
  const title = finding.title.length > room ? `${finding.title.slice(0, room - 1).trimEnd()}…` : finding.title;
  return [segment('plain', `${start}${title}`.padEnd(80 - right.length)), segment('dim', right)];
}

/** Evidence that names no packet, a line or two each with its place. */
function presentLines({ present }: ExplainOptions): readonly Line[] {
  if (present.length === 0) return [];
  const lines = present.flatMap(({ says, source }) => {
    const [head, ...rest] = wrap(says, Math.max(40, 80 - 2 - source.length - 2));
    return [
      ...spread([segment('plain', `  ${head ?? ''}`)], segment('dim', source)),
      ...rest.map((text): Line => `    ${text}`),
    ];
  });
  return ['What is here shows:', ...lines, ''];
}

/** The whole document. */
export function explainDocument(
  told: readonly ToldFinding[],
  lookedAt: LookedAt,
  options: ExplainOptions,
): readonly Line[] {
  const lines: Line[] = [];
  const prefix = 'Looked at  ';
  const head = wrap(lookedAt.head.join(', '), 80 - prefix.length);
  for (const [index, text] of head.entries())
    lines.push([segment('dim', `${index === 0 ? prefix : ' '.repeat(prefix.length)}${text}`)]);
  for (const text of [lookedAt.counts, ...lookedAt.notes].flatMap((note) => wrap(note, 80 - prefix.length)))
    lines.push([segment('dim', `${' '.repeat(prefix.length)}${text}`)]);
  lines.push('');
  const troubles = told.filter((one) => one.finding.class !== 'normal');
  if (told.length === 0 && options.isFiltered) {
    lines.push([segment('head', 'No INVALID and no NEW packet'), segment('plain', ' fits what was asked for.')], '', [
      segment('plain', 'Without the filter: '),
      segment('cmd', `${options.programName} explain${options.readWords === '' ? '' : ` ${options.readWords}`}`),
    ]);
    return lines;
  }
  if (told.length === 0) {
    lines.push(
      [segment('head', 'No INVALID and no NEW packet'), segment('plain', ' in what was looked at.')],
      '',
      ...presentLines(options),
      ...wrap(
        options.present.length > 0
          ? 'Packets are told by a kernel log (log_invalid, LOG or TRACE lines), a trace, or NFLOG: without one nothing here says what became of any packet.'
          : `Packets are told by a kernel log (log_invalid, LOG or TRACE lines), a trace, or NFLOG; ${options.showsTables ? 'what is here tells of the tables only' : 'nothing of that kind, and nothing of the tables, is here'}.`,
        78,
      ).map((text): Line => text),
      ...(options.present.length > 0
        ? [
            [segment('plain', 'To be sure: '), segment('cmd', 'journalctl -k -o short-precise > kern.log')],
            [segment('plain', 'More:       '), segment('cmd', `${options.programName} query --list`)],
          ]
        : [[segment('plain', 'What there is: '), segment('cmd', `${options.programName} query --list`)]]),
    );
    return lines;
  }
  if (troubles.length === 0) {
    const count = told.reduce((sum, one) => sum + one.finding.packets.count, 0);
    lines.push([segment('good', 'Nothing wrong.'), segment('plain', `  ${count} new, all ordinary, 0 INVALID.`)]);
  } else if (told.length > 1 && options.opened.length === 0) {
    lines.push(
      [segment('head', `${told.length} findings, ${troubles.length} ${troubles.length === 1 ? 'needs' : 'need'} you`)],
      ...told.map(shortFinding),
      '',
    );
  }
  const opened = options.isAll
    ? told
    : options.opened.length > 0
      ? told.filter((one) => options.opened.includes(one.finding.id))
      : // The first that is wrong: a notice comes behind what was argued, but before what is ordinary.
        (troubles.length > 0 ? troubles : told).slice(0, 1);
  for (const [index, one] of opened.entries()) lines.push(...(index > 0 ? [''] : []), ...fullFinding(one, options));
  return lines;
}
