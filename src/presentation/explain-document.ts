// The screen of ctwhy explain: what was looked at, the finding that matters most in full, the others one line each.

import type { Quiet, ToldFinding } from '../model/finding.js';
import { displayWidth } from '../text/display-width.js';
import { wrapCommand } from '../text/wrap.js';
import { type Line, type Segment, segment, spread, wrap } from './document.js';
import type { Role } from './styles.js';

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
  /** The same with the filter, within which findings are numbered. */
  readonly againWords: string;
  /** Whether there is evidence of entries, events, rules or sockets. */
  readonly showsTables: boolean;
  /** Packets that were read, whatever was found of them. */
  readonly packetCount: number;
  /** What evidence without a packet shows by itself. */
  readonly present: readonly { readonly says: string; readonly source: string }[];
  /** Of a host where nothing is wrong: what is ordinary, and which faults would have been seen; NULL: something is. */
  readonly quiet: Quiet | null;
  /** Columns to lay out for. */
  readonly width: number;
}

const LABEL = 14;
const INDENT = '   ';
/** Where sentences behind a label stand. */
const BODY = ' '.repeat(INDENT.length + LABEL);
const COMMAND_INDENT = ' '.repeat(5);

function outcomeSegments({ finding }: ToldFinding): readonly Segment[] {
  const fate: Readonly<Record<string, Segment>> = {
    dropped: segment('bad', finding.droppedBy?.answer == null ? 'DROPPED' : `REJECTED (${finding.droppedBy.answer})`),
    forwarded: segment('plain', 'FORWARDED'),
    delivered: segment('good', 'DELIVERED'),
    unknown: segment('warn', 'fate unknown'),
  };
  return [
    segment(finding.outcome === 'INVALID' ? 'warn' : 'plain', finding.outcome),
    segment('plain', '   '),
    fate[finding.fate]!,
  ];
}

function labelled(label: string, text: string, { width }: ExplainOptions, role: Role = 'plain'): readonly Line[] {
  return wrap(text, width, BODY).map((line, index) => [
    segment(role, index === 0 ? `${INDENT}${label.padEnd(LABEL)}${line.slice(BODY.length)}` : line),
  ]);
}

function storyLines(told: ToldFinding, { isVerbose, width }: ExplainOptions): readonly Line[] {
  return told.story.flatMap((row) => [
    ...spread({
      lead: [segment('dim', `${INDENT}${row.label.padEnd(LABEL)}`)],
      text: segment('plain', row.says),
      right: row.source === '' ? [] : [segment('dim', row.source)],
      width,
    }),
    ...(isVerbose ? row.raw.map((text): Line => [segment('dim', `${BODY}${text}`)]) : []),
  ]);
}

/** Commands on lines of their own; what separates them in one text is a semicolon. */
function commandLines(command: string, { width }: ExplainOptions): readonly Line[] {
  return wrapCommand(command, width, COMMAND_INDENT).map((text) => [segment('cmd', text)]);
}

function fixLines(told: ToldFinding, options: ExplainOptions): readonly Line[] {
  const lines: Line[] = [];
  const now = told.finding.remedies.filter((remedy) => remedy.when === 'now');
  const lasting = told.finding.remedies.filter((remedy) => remedy.when === 'lasting');
  const shownRemedies = options.withFixes ? [...now, ...lasting] : now.slice(0, 1);
  for (const remedy of shownRemedies) {
    const price = remedy.price === '' ? '' : `; costs ${remedy.price}`;
    lines.push(...labelled(remedy.when === 'now' ? 'Fix now' : 'For good', `${remedy.text}${price}`, options));
    if (remedy.command !== '') lines.push(...commandLines(remedy.command, options));
    if (options.withFixes && remedy.undo !== '')
      lines.push([segment('plain', `${INDENT}Take back`)], ...commandLines(remedy.undo, options));
  }
  if (!options.withFixes && lasting.length > 0) {
    const more = `${options.programName} explain ${told.finding.id}${options.againWords === '' ? '' : ` ${options.againWords}`} --fix`;
    lines.push(...labelled('For good', lasting[0]!.text, options), [segment('plain', BODY), segment('cmd', more)]);
  }
  return lines;
}

/** Connection, packets, state and fate: on one line where they fit. */
function packetLines(told: ToldFinding, { width }: ExplainOptions): readonly Line[] {
  const subject = `${INDENT}${told.flowText}   ${told.packetText}`;
  const outcome = outcomeSegments(told);
  const length = outcome.reduce((sum, one) => sum + one.text.length, 0);
  return displayWidth(subject) + 3 + length <= width
    ? [[segment('plain', `${subject}   `), ...outcome]]
    : [subject, [segment('plain', INDENT), ...outcome]];
}

/** Which kind of fault it is by its stable name, and how sure that is where it differs from the headline. */
function classLines({ finding }: ToldFinding): readonly Line[] {
  if (finding.class === 'unresolved' || finding.class === 'normal') return [];
  const sure = finding.causeConfidence === finding.confidence ? '' : ` (${finding.causeConfidence})`;
  return [[segment('dim', `${INDENT}${finding.class}${finding.cause === null ? '' : `: ${finding.cause}${sure}`}`)]];
}

function closingLines({ finding, notKnown }: ToldFinding, options: ExplainOptions): readonly Line[] {
  const lines: Line[] = [];
  if (finding.ruledOut.length > 0) {
    const ruledOut = finding.ruledOut.map((one) => `${one.cause} (${one.because})`).join('; ');
    lines.push(...labelled('Ruled out', ruledOut, options));
  }
  if (notKnown.length > 0) lines.push(...labelled('Not known', notKnown.join('; '), options, 'warn'));
  const missing = options.isVerbose ? finding.missing : finding.missing.slice(0, 2);
  if (missing.length > 0)
    lines.push(
      ...labelled('To be sure', missing.map((one) => one.what).join('; '), options),
      ...missing.flatMap((one) => commandLines(one.ask, options)),
    );
  return lines;
}

function fullFinding(told: ToldFinding, options: ExplainOptions): readonly Line[] {
  const { finding } = told;
  const { width } = options;
  const lines: Line[] = [
    ...spread({
      lead: [segment('plain', String(finding.id).padEnd(INDENT.length))],
      text: segment('head', finding.title),
      right: [segment(finding.confidence, finding.confidence)],
      width,
    }),
    ...packetLines(told, options),
    ...classLines(told),
    '',
    ...wrap(finding.summary, width - 2, INDENT),
    '',
    ...storyLines(told, options),
  ];
  const closing = closingLines(told, options);
  if (closing.length > 0) lines.push('', ...closing);
  const fixes = fixLines(told, options);
  if (fixes.length > 0) lines.push('', ...fixes);
  const has = (words: string) => options.knownCommands.includes(words);
  const suffix = options.againWords === '' ? '' : ` ${options.againWords}`;
  const also = told.follow.filter(has).map((words) => `${options.programName} ${words} ${finding.id}${suffix}`);
  if (also.length > 0)
    lines.push(
      '',
      ...also.map(
        (command, index): Line => [
          segment('plain', `${INDENT}${(index === 0 ? 'See also' : '').padEnd(LABEL)}`),
          segment('cmd', command),
        ],
      ),
    );
  return lines;
}

function shortFinding({ finding }: ToldFinding, { width }: ExplainOptions): readonly Line[] {
  const stopped = finding.droppedBy?.answer == null ? finding.fate : 'rejected';
  const fate = finding.fate === 'unknown' ? '' : `, ${stopped}`;
  // What only tables tell has no packet to count.
  const count = finding.packets.count === 0 ? '' : `${finding.packets.count} `;
  return spread({
    lead: [segment('plain', `${String(finding.id).padEnd(3)}${finding.confidence.padEnd(9)}`)],
    text: segment('plain', finding.title),
    right: [segment('dim', `${count}${finding.outcome}${fate}`)],
    width,
  });
}

/** Evidence that names no packet, a line or two each with its place. */
function presentLines({ present, width }: ExplainOptions): readonly Line[] {
  if (present.length === 0) return [];
  const lines = present.flatMap(({ says, source }) =>
    spread({ lead: [segment('plain', '  ')], text: segment('plain', says), right: [segment('dim', source)], width }),
  );
  return ['What is here shows:', ...lines, ''];
}

/** What is ordinary here, and which silence means something. */
function quietLines({ quiet, width }: ExplainOptions): readonly Line[] {
  if (quiet === null) return [];
  const rows = (label: string, all: readonly string[]): readonly Line[] =>
    all.flatMap((text, index) =>
      wrap(text, width - LABEL).map(
        (line, at): Line => [
          segment('plain', `${(index === 0 && at === 0 ? label : '').padEnd(LABEL)}${at === 0 ? '' : '  '}${line}`),
        ],
      ),
    );
  return [
    ...rows('Ordinary', quiet.normal),
    ...rows('Would show', quiet.wouldShow),
    ...rows('Would not', quiet.wouldNot),
    '',
  ];
}

/** What a host is told that nothing is wrong with. */
function quietHead(told: readonly ToldFinding[], options: ExplainOptions): readonly Line[] {
  const ordinary = told.filter((one) => one.finding.class === 'normal');
  const noises = told.filter((one) => one.finding.class !== 'normal');
  const count = ordinary.reduce((sum, one) => sum + one.finding.packets.count, 0);
  if (noises.length === 0)
    return [
      [segment('good', 'Nothing wrong.'), segment('plain', `  ${count} new, all ordinary, 0 INVALID.`)],
      '',
      ...quietLines(options),
    ];
  const words = `explain ${noises[0]!.finding.id}${options.againWords === '' ? '' : ` ${options.againWords}`}`;
  return [
    [
      segment('good', 'Nothing wrong.'),
      segment('plain', '  What stands out is noise, as every host on a network has:'),
    ],
    ...noises.flatMap((one) => shortFinding(one, options)),
    '',
    ...quietLines(options),
    [segment('plain', 'More'.padEnd(LABEL)), segment('cmd', `${options.programName} ${words}`)],
  ];
}

/** What was read and could not show a packet that is INVALID or NEW. */
function whyNothing({ packetCount, present, showsTables }: ExplainOptions): string {
  if (packetCount > 0)
    return `Of the ${packetCount === 1 ? 'packet' : `${packetCount} packets`} here nothing says the state: a LOG line has it only through its rule (iptables-save -c, nft -a list ruleset), a message of conntrack through the kernel's release (uname -r).`;
  const told = 'Packets are told by a kernel log (log_invalid, LOG or TRACE lines), a trace, or NFLOG';
  if (present.length > 0) return `${told}: without one nothing here says what became of any packet.`;
  return `${told}; ${showsTables ? 'what is here tells of the tables only' : 'nothing of that kind, and nothing of the tables, is here'}.`;
}

/** The whole document. */
export function explainDocument(
  told: readonly ToldFinding[],
  lookedAt: LookedAt,
  options: ExplainOptions,
): readonly Line[] {
  const lines: Line[] = [];
  const prefix = 'Looked at  ';
  const head = wrap(lookedAt.head.join(', '), options.width - prefix.length);
  for (const [index, text] of head.entries())
    lines.push([segment('dim', `${index === 0 ? prefix : ' '.repeat(prefix.length)}${text}`)]);
  for (const text of [lookedAt.counts, ...lookedAt.notes].flatMap((note) => wrap(note, options.width - prefix.length)))
    lines.push([segment('dim', `${' '.repeat(prefix.length)}${text}`)]);
  lines.push('');
  const troubles = told.filter((one) => !one.isNoise);
  const noises = told.filter((one) => one.isNoise && one.finding.class !== 'normal');
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
      ...wrap(whyNothing(options), options.width - 2),
      ...(options.present.length > 0
        ? [
            [segment('plain', 'To be sure: '), segment('cmd', 'journalctl -k -o short-precise > kern.log')],
            [segment('plain', 'More:       '), segment('cmd', `${options.programName} query --list`)],
          ]
        : [[segment('plain', 'What there is: '), segment('cmd', `${options.programName} query --list`)]]),
    );
    return lines;
  }
  if (troubles.length === 0 && options.opened.length === 0) {
    lines.push(...quietHead(told, options));
    if (noises.length > 0 && !options.isAll) return lines;
  } else if (told.length > 1 && options.opened.length === 0) {
    lines.push(
      [segment('head', `${told.length} findings, ${troubles.length} ${troubles.length === 1 ? 'needs' : 'need'} you`)],
      ...told.flatMap((one) => shortFinding(one, options)),
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
