// The screen of ctwhy snapshot diff: groups before rows, changes only, and last, always, what cannot be shown.

import { duration, timeOfDay } from '../text/time.js';
import { type Line, segment, spread, wrap } from './document.js';
import {
  andMore,
  type ChangesWords,
  type DiffOptions,
  entryBlock,
  firstOf,
  idleWords,
  leftWords,
} from './snapshot-diff-entries.js';
import { type SocketWords, socketLine } from './snapshot-document.js';
import { partWords, snapshotWords, type TakenWords } from './snapshot-taken.js';

interface RuleWords {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly text: string;
}

interface FactWords {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface DiffWords {
  readonly from: TakenWords;
  readonly to: TakenWords;
  readonly fromEntries: number | null;
  readonly toEntries: number | null;
  readonly changes: {
    readonly gone: ChangesWords;
    readonly born: ChangesWords;
    readonly changed: ChangesWords;
    readonly stuck: ChangesWords;
    readonly refreshed: number | null;
    readonly untouched: number | null;
  } | null;
  readonly statistics:
    | readonly {
        readonly name: string;
        readonly cpu: number;
        readonly before: number;
        readonly after: number;
        readonly delta: number | null;
        readonly isReset: boolean;
      }[]
    | null;
  readonly counters: readonly {
    readonly family: string;
    readonly table: string;
    readonly chain: string;
    readonly userNumber: number;
    readonly text: string;
    readonly isPolicy: boolean;
    readonly packets: number;
    readonly wasReset: boolean;
    readonly isRounded: boolean;
  }[];
  readonly countedRules: number;
  readonly rulesAdded: readonly RuleWords[] | null;
  readonly rulesRemoved: readonly RuleWords[] | null;
  readonly settings:
    | readonly { readonly name: string; readonly before: string | null; readonly after: string | null }[]
    | null;
  readonly facts: { readonly added: readonly FactWords[]; readonly removed: readonly FactWords[] };
  readonly factKinds: readonly string[];
  readonly socketsWithoutEntry: readonly SocketWords[];
  readonly entriesWithoutSocket:
    | readonly {
        readonly state: string | null;
        readonly local: string;
        readonly lport: number;
        readonly peer: string;
        readonly pport: number;
      }[]
    | null;
  readonly absent: readonly {
    readonly part: string;
    readonly state: string;
    readonly why: string | null;
    readonly snapshot: 'from' | 'to' | 'both';
  }[];
  readonly notes: readonly string[];
}

/** Counters of trouble are told even when they stand still: that they did is an answer. */
const TOLD = ['invalid', 'drop', 'early_drop', 'insert_failed', 'error', 'clash_resolve'];

export function snapshotDiffDocument(diff: DiffWords, options: DiffOptions): readonly Line[] {
  const { width } = options;
  const lines: Line[] = [
    headLine(diff),
    ...diff.notes.flatMap((note) => warning(note, width)),
    '',
    ...countTable(diff),
    '',
  ];
  const { changes } = diff;
  if (changes !== null) {
    lines.push(
      ...entryBlock('Gone', changes.gone, options, leftWords),
      ...entryBlock('New', changes.born, options, () => null),
      ...entryBlock('Changed', changes.changed, options, () => null),
      ...entryBlock('Stuck, no packet in between', changes.stuck, options, (row) => idleWords(row, diff.to.takenAtUs)),
    );
    if (changes.refreshed !== null && changes.refreshed + (changes.untouched ?? 0) > 0)
      lines.push(
        `  Kept ${changes.refreshed + (changes.untouched ?? 0)}   refreshed ${changes.refreshed}, untouched ${changes.untouched}`,
      );
  }
  lines.push(...socketBlocks(diff, options));
  lines.push(
    ...counterBlock(diff, options),
    ...ruleBlock(diff, options),
    ...settingBlock(diff, options),
    ...factBlock(diff, options),
  );
  lines.push(...sameLine(diff, width), ...absentBlock(diff, width));
  return lines;
}

function headLine({ from, to }: DiffWords): Line {
  const time = ({ takenAtUs }: TakenWords) => (takenAtUs === null ? 'time not known' : timeOfDay(takenAtUs, 0));
  const days = [from, to].map(({ takenAtUs }) => (takenAtUs === null ? null : Math.floor(takenAtUs / 86_400e6)));
  const apart =
    from.takenAtUs === null || to.takenAtUs === null || days[0] === days[1]
      ? ''
      : `    ${duration(to.takenAtUs - from.takenAtUs)} apart`;
  const netns = to.netns === null ? '' : `    netns ${to.netns}`;
  const took = Math.max(from.tookUs ?? 0, to.tookUs ?? 0);
  return [
    segment(
      'head',
      `S${from.id} ${time(from)}${from.name === null ? '' : ` ${from.name}`}    S${to.id} ${time(to)}${to.name === null ? '' : ` ${to.name}`}`,
    ),
    segment('dim', `${netns}${apart}${took === 0 ? '' : `    each read within ${duration(took)}`}`),
  ];
}

function countTable(diff: DiffWords): readonly Line[] {
  const row = (name: string, before: string, after: string, change: string, isChanged: boolean): Line => [
    segment('plain', `  ${name.padEnd(14)}${before.padStart(9)}${after.padStart(9)}`),
    segment(isChanged ? 'head' : 'dim', `   ${change}`),
  ];
  const lines: Line[] = [
    [segment('dim', `  ${''.padEnd(14)}${`S${diff.from.id}`.padStart(9)}${`S${diff.to.id}`.padStart(9)}   change`)],
  ];
  if (diff.fromEntries !== null && diff.toEntries !== null) {
    const change = diff.toEntries - diff.fromEntries;
    const { entryMax } = diff.to;
    const share =
      entryMax === null || entryMax === 0
        ? ''
        : `   of ${entryMax} (${Math.round((diff.toEntries / entryMax) * 100)} %)`;
    lines.push(
      row('entries', String(diff.fromEntries), String(diff.toEntries), `${signed(change)}${share}`, change !== 0),
    );
  }
  if (diff.statistics === null) return [...lines, '  statistics    not read in both, or of different boots'];
  const still: string[] = [];
  for (const name of new Set([...TOLD, ...diff.statistics.map((one) => one.name)])) {
    const cpus = diff.statistics.filter((one) => one.name === name);
    if (cpus.length === 0) continue;
    const sum = (pick: 'before' | 'after') => cpus.reduce((total, one) => total + one[pick], 0);
    const moved = cpus.filter(({ delta, isReset }) => isReset || delta !== 0);
    if (moved.length === 0) {
      if (TOLD.includes(name)) still.push(name);
      continue;
    }
    const reset = cpus.filter(({ isReset }) => isReset);
    const where =
      cpus.length === 1
        ? ''
        : moved.length === 1
          ? `   all on CPU ${moved[0]!.cpu}`
          : `   ${moved.map(({ cpu, delta }) => `CPU ${cpu} ${delta === null ? 'reset' : signed(delta)}`).join(', ')}`;
    const change =
      reset.length > 0
        ? `was reset, at least ${sum('after')} since`
        : `${signed(cpus.reduce((total, { delta }) => total + (delta ?? 0), 0))}${where}`;
    lines.push(row(name, String(sum('before')), String(sum('after')), change, true));
  }
  if (still.length > 0) lines.push([segment('dim', `  ${still.join('  ')}   no change`)]);
  return lines;
}

function signed(value: number): string {
  return value === 0 ? 'no change' : value > 0 ? `+${value}` : String(value);
}

function socketBlocks({ socketsWithoutEntry, entriesWithoutSocket }: DiffWords, options: DiffOptions): readonly Line[] {
  const lines: Line[] = [];
  if (socketsWithoutEntry.length > 0) {
    const isAsked = socketsWithoutEntry.every(({ outcome }) => outcome === 'no-entry');
    lines.push(
      [
        segment('bad', `  Socket without entry ${socketsWithoutEntry.length}`),
        segment('dim', isAsked ? '' : '   by the listings alone'),
      ],
      ...firstOf(socketsWithoutEntry, options).map((socket) => `    ${socketLine(socket)}`),
      ...andMore(socketsWithoutEntry.length, options),
    );
  }
  if (entriesWithoutSocket !== null && entriesWithoutSocket.length > 0)
    lines.push(
      [segment('warn', `  Entry without socket ${entriesWithoutSocket.length}`)],
      ...firstOf(entriesWithoutSocket, options).map(
        ({ state, ...ends }) =>
          `    ${socketLine({ ...ends, state: state ?? '', sendQ: null, timer: null, outcome: 'no-entry' })}`,
      ),
      ...andMore(entriesWithoutSocket.length, options),
    );
  return lines;
}

function counterBlock(diff: DiffWords, options: DiffOptions): readonly Line[] {
  if (diff.counters.length === 0) return [];
  const lines: Line[] = [[segment('head', `  Rules that counted ${diff.counters.length} of ${diff.countedRules}`)]];
  for (const one of firstOf(diff.counters, options)) {
    const place = `${one.family === 'ip' ? '' : `${one.family} `}${one.table} ${one.chain} ${one.isPolicy ? 'policy' : one.userNumber}`;
    const count = `${one.isRounded ? 'about ' : ''}${one.wasReset ? 'at least ' : ''}+${one.packets}`;
    lines.push(
      ...spread({
        lead: [segment('plain', `    ${place.padEnd(24)}  ${count.padStart(7)}   `)],
        text: segment('plain', one.text.replace(/^-A \S+ /, '')),
        right: [],
        width: options.width,
      }),
    );
  }
  return [...lines, ...andMore(diff.counters.length, options)];
}

function ruleBlock({ rulesAdded, rulesRemoved }: DiffWords, options: DiffOptions): readonly Line[] {
  const changed = [
    ...(rulesRemoved ?? []).map((rule) => ['-', rule] as const),
    ...(rulesAdded ?? []).map((rule) => ['+', rule] as const),
  ];
  if (changed.length === 0) return [];
  return [
    [segment('head', `  Rules changed ${changed.length}`)],
    ...firstOf(changed, options).map(
      ([sign, rule]) => `    ${sign} ${rule.family} ${rule.table} ${rule.chain}  ${rule.text}`,
    ),
    ...andMore(changed.length, options),
  ];
}

function settingBlock({ settings }: DiffWords, options: DiffOptions): readonly Line[] {
  if (settings === null || settings.length === 0) return [];
  return [
    [segment('head', `  Settings changed ${settings.length}`)],
    ...firstOf(settings, options).map(
      ({ name, before, after }) => `    ${name}   ${before ?? 'not there'} -> ${after ?? 'not there'}`,
    ),
    ...andMore(settings.length, options),
  ];
}

const KINDS: Readonly<Record<string, string>> = {
  address: 'addresses',
  link: 'links',
  route: 'routes',
  rule: 'routing rules',
  neigh: 'neighbours',
  offload: 'offload settings',
};
const FACT_WORDS = [
  'type',
  'local',
  'prefixlen',
  'dst',
  'src',
  'gateway',
  'dev',
  'ifname',
  'table',
  'priority',
  'prefsrc',
  'metric',
  'lladdr',
];

function factLine({ kind, data }: FactWords): string {
  const words = FACT_WORDS.flatMap((name) => (data[name] === undefined ? [] : [`${name} ${String(data[name])}`]));
  return `${kind} ${words.join(' ')}`;
}

function factBlock({ facts }: DiffWords, options: DiffOptions): readonly Line[] {
  const changed = [
    ...facts.removed.map((fact) => ['-', fact] as const),
    ...facts.added.map((fact) => ['+', fact] as const),
  ];
  if (changed.length === 0) return [];
  return [
    [segment('head', `  Addresses and routes changed ${changed.length}`)],
    ...firstOf(changed, options).map(([sign, fact]) => `    ${sign} ${factLine(fact)}`),
    ...andMore(changed.length, options),
  ];
}

function sameLine(diff: DiffWords, width: number): readonly Line[] {
  const changedKinds = new Set([...diff.facts.added, ...diff.facts.removed].map(({ kind }) => kind));
  const same = [
    ...(diff.settings?.length === 0 ? ['settings'] : []),
    ...(diff.rulesAdded?.length === 0 && diff.rulesRemoved?.length === 0 ? ['rule texts'] : []),
    ...diff.factKinds.filter((kind) => !changedKinds.has(kind)).map((kind) => KINDS[kind] ?? kind),
    ...(diff.changes !== null &&
    diff.changes.gone.entries + diff.changes.born.entries + diff.changes.changed.entries === 0
      ? ['entries']
      : []),
  ];
  if (same.length === 0) return [];
  return labelled('Same', same.join(', '), width, 'dim');
}

function absentBlock({ absent, from, to }: DiffWords, width: number): readonly Line[] {
  return absent.flatMap(({ part, state, why, snapshot }) => {
    const of = snapshot === 'both' ? '' : ` (${snapshotWords(snapshot === 'from' ? from : to)})`;
    return labelled(
      state === 'failed' ? 'Not read' : 'Cannot show',
      `${partWords(part)}${of}${why === null ? '' : `: ${why}`}`,
      width,
      'warn',
    );
  });
}

function labelled(label: string, text: string, width: number, role: 'dim' | 'warn'): readonly Line[] {
  return wrap(text, width - 16).map((part, at) => [segment(role, `  ${(at === 0 ? label : '').padEnd(14)}${part}`)]);
}

function warning(text: string, width: number): readonly Line[] {
  return wrap(text, width).map((part) => [segment('warn', part)]);
}
