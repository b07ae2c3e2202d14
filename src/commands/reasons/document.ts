// What does `ctwhy reasons show` say about one entry? A page of 80 columns, as segments that the presentation gives their style.

import { holds, type KernelVersion, rangeText } from '../../catalogue/kernel-version.js';
import { evidenceOf, type MessageFormat, outcomeOf, type Reason, type ReasonEvidence } from '../../catalogue/reason.js';
import { wrapText } from '../../text/wrap.js';

export type SegmentRole = 'head' | 'dim' | 'cmd' | 'warn' | 'plain';

export interface Segment {
  readonly role: SegmentRole;
  readonly text: string;
}

/** One line; its segments stand side by side. An empty line has none. */
export type DocumentLine = readonly Segment[];

const INDENT = '  ';
const BULLET = '  - ';

const SHOWN_BY: Readonly<Record<ReasonEvidence, string>> = {
  'log-invalid': 'a log_invalid line',
  helper: 'a line of the helper',
  debug: 'dynamic debug only',
  printk: 'a kernel message',
  silent: 'nothing: silent',
};

const OUTCOME_MEANS: Readonly<Record<string, string>> = {
  INVALID: 'the packet has no entry; rules see INVALID',
  NEW: 'the packet matches NEW',
  RELATED: 'the packet matches RELATED',
  UNTRACKED: 'the packet matches UNTRACKED',
  ACCEPT: 'the packet keeps its entry; it is not INVALID',
  DROP: 'conntrack drops the packet; no later rule sees it',
  HELD: 'the packet waits; no rule sees it yet',
  EVICTION: 'another entry is removed',
  NO_MESSAGE: 'explains why a message is missing',
};

/** A command line as a whole: starts with a program's name and has no sentence around it. */
const COMMAND = /^(?:ctwhy|sysctl -w|modprobe|iptables|ip6tables|ethtool -K|nft (?:add|insert))\b[^:]*$/;

/** The page for one entry, for a kernel or (null) for all of them. Lines are at most `width` columns wide. */
export function reasonDocument(reason: Reason, kernel: KernelVersion | null, width = 80): readonly DocumentLine[] {
  return [
    title(reason, kernel, width),
    [],
    ...paragraph(reason.condition, width),
    [],
    ...outcomeLines(reason, kernel, width),
    ...messageLines(reason, kernel, width),
    ...section('How to see it', [reason.howSeen], width),
    ...section('Likely causes', reason.likelyCauses, width),
    ...section('Check', reason.checks, width),
    ...section('Remedy', reason.remedies, width),
    ...footer(reason, kernel, width),
  ];
}

/** The text of a document without styles. */
export function documentText(lines: readonly DocumentLine[]): string {
  return lines.map((line) => line.map((segment) => segment.text).join('')).join('\n');
}

function title(reason: Reason, kernel: KernelVersion | null, width: number): DocumentLine {
  const outcomes = outcomeOf(reason, kernel);
  const answer = outcomes.length === 0 ? 'not on this kernel' : outcomes.join(' or ');
  const proto = reason.proto.join(', ');
  const gap = Math.max(2, width - reason.id.length - proto.length - 2 - answer.length);
  return [
    { role: 'head', text: reason.id },
    { role: 'dim', text: `${' '.repeat(gap)}${proto}  ` },
    { role: outcomes.includes('INVALID') || outcomes.includes('DROP') ? 'warn' : 'plain', text: answer },
  ];
}

function outcomeLines(reason: Reason, kernel: KernelVersion | null, width: number): readonly DocumentLine[] {
  const where = kernel === null ? 'Any kernel' : `Kernel ${kernel.release}`;
  const outcomes = outcomeOf(reason, kernel);
  const shown = evidenceOf(reason, kernel);
  if (outcomes.length === 0) {
    return [
      heading('Outcome'),
      ...item(`${where}: has no such check (${rangeText(reason.versions)})`, 'warn', width),
      [],
    ];
  }
  const answers = outcomes.map((outcome) => `${outcome}: ${OUTCOME_MEANS[outcome] ?? outcome}`);
  const lines = [
    heading('Outcome'),
    ...answers.flatMap((answer) => item(answer, 'plain', width)),
    ...item(`Shown by ${shown.map((evidence) => SHOWN_BY[evidence]).join(', or ')}`, 'plain', width),
  ];
  const isOpen = outcomes.length > 1 || shown.length > 1;
  const changes = [
    ...reason.outcomeByVersion.map((entry) => `${rangeText(entry.versions)}: ${entry.outcome}`),
    ...reason.evidenceByVersion.map((entry) => `${rangeText(entry.versions)}: shown by ${SHOWN_BY[entry.evidence]}`),
  ];
  const backports =
    kernel?.isBackported === true ? [`${where} carries backports: behaves like ${kernel.from} to ${kernel.to}`] : [];
  const notes = [...backports, ...(isOpen || kernel === null ? changes : [])];
  return [...lines, ...notes.flatMap((note) => item(note, isOpen ? 'warn' : 'dim', width)), []];
}

function messageLines(reason: Reason, kernel: KernelVersion | null, width: number): readonly DocumentLine[] {
  if (reason.formats.length === 0) return [heading('Message'), ...item('none on any kernel', 'dim', width), []];
  return [heading('Message'), ...reason.formats.flatMap((format) => messageLine(format, kernel, width)), []];
}

function messageLine(format: MessageFormat, kernel: KernelVersion | null, width: number): readonly DocumentLine[] {
  const isHere = holds(format.versions, kernel) !== 'no';
  const text = format.text.trim();
  const note = `${rangeText(format.versions)}${format.channel === 'debug' ? ', debug' : ''}`;
  const role: SegmentRole = isHere ? 'plain' : 'dim';
  const lines = wrapText(text, width, INDENT, `${INDENT}  `);
  const last = lines.at(-1) ?? '';
  const room = width - last.length - note.length;
  const before = lines.slice(0, -1).map((line): DocumentLine => [{ role, text: line }]);
  if (room >= 2)
    return [
      ...before,
      [
        { role, text: last },
        { role: 'dim', text: `${' '.repeat(room)}${note}` },
      ],
    ];
  return [...before, [{ role, text: last }], [{ role: 'dim', text: note.padStart(width) }]];
}

function section(name: string, items: readonly string[], width: number): readonly DocumentLine[] {
  if (items.length === 0) return [];
  return [heading(name), ...items.flatMap((text) => item(text, COMMAND.test(text) ? 'cmd' : 'plain', width)), []];
}

function footer(reason: Reason, kernel: KernelVersion | null, width: number): readonly DocumentLine[] {
  const { file, function: name, version } = reason.source;
  const wasRefused = reason.outcome === 'ACCEPT' && outcomeOf(reason, kernel).includes('INVALID');
  const counter = reason.counter ?? (wasRefused ? 'invalid' : 'none');
  const facts = [
    `Counter   ${counterName(counter)}`,
    `Source    ${file}: ${name}, v${version}`,
    `Proof     ${reason.verifiedOn === null ? 'read in the sources' : `reproduced on ${reason.verifiedOn}`}`,
  ];
  return facts.flatMap((fact) =>
    wrapText(fact.slice(10), width, fact.slice(0, 10)).map((text): DocumentLine => [{ role: 'dim', text }]),
  );
}

function counterName(counter: string): string {
  return counter === 'error' ? 'error (icmp_error in /proc/net/stat/nf_conntrack)' : counter;
}

function heading(text: string): DocumentLine {
  return [{ role: 'head', text }];
}

function paragraph(text: string, width: number): readonly DocumentLine[] {
  return wrapText(text, width).map((line): DocumentLine => [{ role: 'plain', text: line }]);
}

function item(text: string, role: SegmentRole, width: number): readonly DocumentLine[] {
  if (role === 'cmd') return [[{ role, text: `${INDENT}  ${text}` }]];
  return wrapText(text, width, BULLET).map((line): DocumentLine => [{ role, text: line }]);
}
