// What ctwhy snapshot take prints: a few lines on one, or a line each time.

import { duration, rfc3339, timeOfDay } from '../text/time.js';
import { type Line, segment, wrap } from './document.js';

export interface TakenWords {
  readonly id: number;
  readonly name: string | null;
  readonly netns: string | null;
  readonly takenAtUs: number | null;
  readonly tookUs: number | null;
  readonly entryCount: number | null;
  readonly entryMax: number | null;
}

export interface TakenParts {
  readonly parts: readonly {
    readonly part: string;
    readonly state: 'read' | 'failed' | 'cannot-show';
    readonly records: number;
    readonly why: string | null;
  }[];
  readonly sockets: { readonly asked: number; readonly withoutEntry: number };
}

/** How full the table is: '12 of 262144 (0 %)'. */
export function pressureWords(count: number | null, max: number | null): string {
  if (count === null) return 'not read';
  if (max === null || max === 0) return String(count);
  return `${count} of ${max} (${Math.round((count / max) * 100)} %)`;
}

/** 'S3 before'. */
export function snapshotWords({ id, name }: { readonly id: number; readonly name: string | null }): string {
  return name === null ? `S${id}` : `S${id} ${name}`;
}

const PARTS: Readonly<Record<string, string>> = {
  'list:main': 'entries',
  'list:dying': 'dying list',
  'list:unconfirmed': 'unconfirmed list',
  stats: 'statistics',
  sysctl: 'settings',
  counters: 'counters of the stack',
  'rules:mixed:nft': 'rules (nft)',
  'rules:ip:legacy': 'rules (iptables-legacy)',
  'rules:ip6:legacy': 'rules (ip6tables-legacy)',
  'rules:ip:nft': 'rules (iptables-nft)',
  'rules:ip6:nft': 'rules (ip6tables-nft)',
};

/** A part as people call it. */
export function partWords(part: string): string {
  return PARTS[part] ?? part;
}

const COUNTED: ReadonlyArray<readonly [string, string]> = [
  ['list:main', 'entries'],
  ['expectations', 'expectations'],
  ['sockets', 'sockets'],
  ['sysctl', 'settings'],
  ['routes', 'routes'],
];

export function takenDocument(
  facts: TakenWords,
  { parts, sockets }: TakenParts,
  { programName, width }: { readonly programName: string; readonly width: number },
): readonly Line[] {
  const at = facts.takenAtUs === null ? '' : `    ${timeOfDay(facts.takenAtUs)} UTC`;
  const took = facts.tookUs === null ? '' : `, read in ${duration(facts.tookUs)}`;
  const read = COUNTED.flatMap(([part, word]) => {
    const found = parts.find((one) => one.part === part && one.state === 'read');
    return found === undefined ? [] : [`${found.records} ${word}`];
  });
  const lines: Line[] = [
    [
      segment('head', snapshotWords(facts)),
      segment('plain', `${at}${facts.netns === null ? '' : `    netns ${facts.netns}`}${took}`),
    ],
    '',
    `  table       ${pressureWords(facts.entryCount, facts.entryMax)}`,
    ...row('read', read.join(', '), width),
  ];
  if (sockets.asked > 0)
    lines.push([
      segment('plain', '  no entry    '),
      segment(
        sockets.withoutEntry > 0 ? 'warn' : 'plain',
        `${sockets.withoutEntry} of ${sockets.asked} sockets that no list names`,
      ),
    ]);
  lines.push(...absentParts(parts, width), '', [
    segment('plain', '  '),
    segment('cmd', `${programName} snapshot show S${facts.id}`),
    segment('plain', '      '),
    segment('cmd', `${programName} snapshot diff`),
  ]);
  return lines;
}

function row(label: string, text: string, width: number, role: 'plain' | 'warn' = 'plain'): readonly Line[] {
  return wrap(text, width - 14).map((part, at) => [
    segment('plain', `  ${(at === 0 ? label : '').padEnd(12)}`),
    segment(role, part),
  ]);
}

/** What could not be read, and what this kernel cannot show: last, and always. */
export function absentParts(
  parts: readonly { readonly part: string; readonly state: string; readonly why: string | null }[],
  width: number,
): readonly Line[] {
  return [
    ...parts
      .filter(({ state }) => state === 'failed')
      .flatMap(({ part, why }) => row('not read', `${partWords(part)}: ${why ?? ''}`, width, 'warn')),
    ...parts
      .filter(({ state }) => state === 'cannot-show')
      .flatMap(({ part, why }) => row('cannot show', `${partWords(part)}: ${why ?? ''}`, width, 'warn')),
  ];
}

export interface LiveState {
  readonly facts: TakenWords;
  readonly sums: ReadonlyMap<string, number>;
  /** Entries seen first in this snapshot. */
  readonly born: number;
}

const WATCHED = ['invalid', 'insert_failed', 'drop', 'early_drop'] as const;

/** One line for one of many snapshots: counters as what came since the one before, '-' where that cannot be told. */
export function liveLine(
  now: LiveState,
  before: LiveState | null,
): { readonly text: string; readonly json: Readonly<Record<string, unknown>> } {
  const { facts } = now;
  const sinceS =
    before === null || facts.takenAtUs === null || before.facts.takenAtUs === null
      ? null
      : (facts.takenAtUs - before.facts.takenAtUs) / 1e6;
  const perS = sinceS === null || sinceS <= 0 ? null : now.born / sinceS;
  const deltas = Object.fromEntries(
    WATCHED.map((name) => {
      const [late, early] = [now.sums.get(name), before?.sums.get(name)];
      return [name, late === undefined || early === undefined ? null : late < early ? 'reset' : late - early];
    }),
  );
  const words = WATCHED.map((name) => {
    const delta = deltas[name] ?? null;
    return `${name} ${delta === null ? '-' : typeof delta === 'number' ? `+${delta}` : delta}`;
  });
  const rate = perS === null ? 'new -' : `new ${perS < 10 ? perS.toFixed(1) : Math.round(perS)}/s`;
  const time = facts.takenAtUs === null ? '' : timeOfDay(facts.takenAtUs, 0);
  return {
    text: `S${facts.id}  ${time}  ${pressureWords(facts.entryCount, facts.entryMax)}  ${rate}  ${words.join('  ')}`,
    json: {
      id: `S${facts.id}`,
      takenAt: facts.takenAtUs === null ? null : rfc3339(facts.takenAtUs),
      entries: facts.entryCount,
      max: facts.entryMax,
      newPerSecond: perS === null ? null : Math.round(perS * 10) / 10,
      ...deltas,
    },
  };
}
