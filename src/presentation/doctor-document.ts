// The screen of `ctwhy doctor`: questions answered, cures with their price, what would keep them, what never shows, what to watch out for.

import type { AnsweredQuestion, AnswerWord, Cure, Diagnosis, Keep } from '../model/diagnosis.js';
import { type Line, type Segment, segment, wrap } from './document.js';
import type { Role } from './styles.js';

const WIDTH = 80;
/** Columns of the screen, from 0. */
const AT = { answer: 42, why: 48, mark: 75, price: 55, label: 25 } as const;

const ROLES: Readonly<Record<AnswerWord, Role>> = { yes: 'good', part: 'warn', no: 'warn', unknown: 'warn' };

export interface DoctorHead {
  /** 'host vm, kernel 6.18.44, iptables 1.8.9 (nf_tables), netns c' */
  readonly title: string;
  readonly isLive: boolean;
  readonly keep: readonly Keep[];
  readonly unseen: readonly { readonly what: string; readonly why: string }[];
  /** How to type a cure here: program name, sudo, namespace. */
  readonly typed: (command: string) => string;
}

export function doctorDocument(diagnosis: Diagnosis, head: DoctorHead): readonly Line[] {
  const cures = numberedCures(diagnosis.questions);
  const asks = [...new Set(diagnosis.questions.flatMap(({ ask }) => ask?.split('; ') ?? []))];
  return [
    ...wrap(head.title, WIDTH).map((line): Line => [segment('head', line)]),
    '',
    [segment('head', `  ${'CAN IT TELL ...'.padEnd(AT.answer - 2)}NOW`)],
    ...diagnosis.questions.flatMap((question) => questionLines(question, cures)),
    ...cureLines(cures, head),
    ...(asks.length === 0
      ? []
      : [
          '',
          [segment('head', '  TO KNOW IT, PLEASE ASK FOR')],
          ...asks.map((ask): Line => [segment('cmd', `  ${ask}`)]),
        ]),
    ...keepLines(head.keep),
    ...(diagnosis.never.length + diagnosis.watchOut.length + head.unseen.length > 0 ? [''] : []),
    ...labelled(
      'NEVER ON THIS KERNEL',
      diagnosis.never.map(({ what, why }) => [segment('plain', `${what} (${why})`)]),
    ),
    ...labelled(
      'WATCH OUT',
      diagnosis.watchOut.map(({ says, command }) => [
        segment('plain', says),
        ...(command === null ? [] : [segment('cmd', head.typed(command))]),
      ]),
      'warn',
    ),
    ...labelled(
      'NOT SEEN',
      head.unseen.map(({ what, why }) => [segment('plain', `${what}: ${why}`)]),
      'warn',
    ),
    ...okLines(diagnosis.ok),
    head.isLive ? '  Nothing was changed by this check.' : '  These files were only read.',
  ];
}

/** Equal commands share a number, and say their price once. */
function numberedCures(questions: readonly AnsweredQuestion[]): ReadonlyMap<string, { number: number; cure: Cure }> {
  const cures = new Map<string, { number: number; cure: Cure }>();
  for (const { cure, word } of questions)
    if (cure !== undefined && word !== 'yes' && !cures.has(cure.command))
      cures.set(cure.command, { number: cures.size + 1, cure });
  return cures;
}

function questionLines(
  { question, word, why, cure }: AnsweredQuestion,
  cures: ReadonlyMap<string, { number: number }>,
): readonly Line[] {
  const number = cure === undefined || word === 'yes' ? undefined : cures.get(cure.command)?.number;
  const mark = number === undefined ? '' : `[${number}]`;
  const said = word === 'unknown' ? `not known: ${why}` : why;
  const [first = '', ...more] = wrap(said, AT.mark - AT.why - 1);
  return [
    [
      segment('plain', `  ${question}`.padEnd(AT.answer)),
      segment(ROLES[word], (word === 'unknown' ? '?' : word).padEnd(AT.why - AT.answer)),
      segment('plain', mark === '' ? first : `${first.padEnd(AT.mark - AT.why)}${mark}`),
    ],
    ...more.map((line): Line => `${' '.repeat(AT.why)}${line}`),
  ];
}

function cureLines(
  cures: ReadonlyMap<string, { readonly number: number; readonly cure: Cure }>,
  { typed }: DoctorHead,
): readonly Line[] {
  if (cures.size === 0) return [];
  const lines: Line[] = ['', [segment('head', `  ${'TO MEND IT'.padEnd(AT.price - 2)}PRICE`)]];
  for (const { number, cure } of cures.values()) {
    const command = typed(cure.command);
    const start = `  ${String(number).padEnd(3)}`;
    const prices = wrap(cure.price, WIDTH - AT.price);
    const isRoomy = start.length + command.length < AT.price;
    lines.push([
      segment('plain', start),
      segment('cmd', isRoomy ? command.padEnd(AT.price - start.length) : command),
      ...(isRoomy ? [segment('plain', prices[0] ?? '')] : []),
    ]);
    const rest = isRoomy ? prices.slice(1) : wrap(cure.price, WIDTH - AT.label);
    for (const line of rest) lines.push(`${' '.repeat(isRoomy ? AT.price : AT.label)}${line}`);
  }
  return lines;
}

/** What a person may write into /etc; it is never written for them. */
function keepLines(keep: readonly Keep[]): readonly Line[] {
  if (keep.length === 0) return [];
  const lines: Line[] = ['', [segment('head', '  TO KEEP IT OVER A REBOOT, WRITE YOURSELF')]];
  for (const file of new Set(keep.map((one) => one.file))) {
    lines.push(`  ${file}`);
    for (const one of keep) if (one.file === file) lines.push([segment('cmd', `    ${one.line}`)]);
  }
  return lines;
}

function labelled(label: string, items: readonly (readonly Segment[])[], role: Role = 'head'): readonly Line[] {
  const lines: Line[] = [];
  for (const item of items)
    for (const [index, part] of item.entries()) {
      const isCommand = part.role === 'cmd';
      for (const [at, text] of (isCommand ? [part.text] : wrap(part.text, WIDTH - AT.label)).entries()) {
        const isFirst = lines.length === 0 && index === 0 && at === 0;
        const start = isFirst ? `  ${label}`.padEnd(AT.label) : ' '.repeat(AT.label);
        lines.push([segment(isFirst ? role : 'plain', start), segment(part.role, text)]);
      }
    }
  return lines;
}

function okLines(ok: readonly string[]): readonly Line[] {
  if (ok.length === 0) return [];
  return wrap(ok.join('; '), WIDTH, '      ').map(
    (line, index): Line => [segment('dim', index === 0 ? `  ok  ${line.slice(6)}` : line)],
  );
}
