// The screen of ctwhy check: what was looked at, the findings, each with what showed it, and what could not be seen.

import { type Line, segment, spread, wrap } from './document.js';

export interface ToldCheck {
  readonly head: string;
  readonly counts: string;
  readonly findings: readonly {
    readonly confidence: string;
    readonly isTrouble: boolean;
    readonly title: string;
    readonly summary: string;
    readonly evidence: readonly { readonly label: string; readonly says: string; readonly source: string }[];
    /** A whole command line. */
    readonly next: string | null;
  }[];
  /** 'rules of nft: needs root'. */
  readonly unseen: readonly string[];
  /** What to type where there is nothing to find, or not enough to see. */
  readonly further: readonly (readonly [says: string, command: string])[];
  readonly width: number;
}

const LABEL = 10;
const INDENT = '   ';

export function checkDocument(told: ToldCheck): readonly Line[] {
  const { findings, unseen, width } = told;
  const trouble = findings.filter(({ isTrouble }) => isTrouble).length;
  const beside = ' '.repeat(11);
  const lookedAt = [told.head, told.counts].flatMap((text) => wrap(text, width, beside));
  return [
    ...lookedAt.map(
      (line, at): Line => [segment('plain', at === 0 ? `Looked at  ${line.slice(beside.length)}` : line)],
    ),
    '',
    ...wrap(headline(told, trouble), width, '').map((line): Line => [segment(trouble > 0 ? 'head' : 'plain', line)]),
    ...findings.flatMap((one, at) => findingLines(one, at + 1, width)),
    ...(unseen.length === 0 ? [] : ['', [segment('warn', 'Not seen')] as Line]),
    ...unseen.flatMap((text) => wrap(text, width, INDENT)),
    '',
    ...told.further.map(
      ([says, command]): Line => [segment('plain', `${INDENT}${says.padEnd(24)}`), segment('cmd', command)],
    ),
    'Nothing was changed by this check.',
  ];
}

function headline({ findings, unseen }: ToldCheck, trouble: number): string {
  if (findings.length > 0)
    return `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}, ${trouble === 1 ? '1 needs' : `${trouble} need`} you`;
  const whole = 'o socket hangs in opening or closing, no INVALID is dropped, nothing is full.';
  return unseen.length === 0 ? `N${whole}` : `Of what could be seen, n${whole}`;
}

function findingLines(one: ToldCheck['findings'][number], number: number, width: number): readonly Line[] {
  return [
    '',
    ...spread({
      lead: [segment('head', `${String(number).padEnd(INDENT.length)}`)],
      text: segment(one.isTrouble ? 'head' : 'plain', one.title),
      right: [segment(one.confidence === 'certain' ? 'head' : 'plain', one.confidence)],
      width,
    }),
    ...wrap(one.summary, width, INDENT),
    ...one.evidence.flatMap(({ label, says, source }) =>
      spread({
        lead: [segment('dim', `${INDENT}${label.padEnd(LABEL)}`)],
        text: segment('plain', says),
        right: [segment('dim', source)],
        width,
      }),
    ),
    ...(one.next === null
      ? []
      : [[segment('plain', `${INDENT}${'Next'.padEnd(LABEL)}`), segment('cmd', one.next)] as Line]),
  ];
}
