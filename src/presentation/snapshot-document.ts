// The screen of ctwhy snapshot show: one snapshot, its groups first, what could not be read last.

import { duration, rfc3339 } from '../text/time.js';
import { type Line, segment, wrap } from './document.js';
import { absentParts, partWords, pressureWords, snapshotWords, type TakenWords } from './snapshot-taken.js';

export interface ShownSnapshot {
  readonly facts: TakenWords & {
    readonly host: string;
    readonly kernel: string | null;
    readonly madeBy: string;
  };
  readonly groups: readonly {
    readonly list: string;
    readonly proto: string;
    readonly state: string | null;
    readonly isAssured: boolean;
    readonly isUnreplied: boolean;
    readonly entries: number;
  }[];
  readonly parts: readonly {
    readonly part: string;
    readonly state: 'read' | 'failed' | 'cannot-show';
    readonly atUs: number | null;
    readonly tookUs: number | null;
    readonly why: string | null;
  }[];
  readonly statistics: ReadonlyMap<string, number>;
  readonly sockets: readonly SocketWords[];
}

export interface SocketWords {
  readonly state: string;
  readonly local: string;
  readonly lport: number;
  readonly peer: string;
  readonly pport: number;
  readonly sendQ: number | null;
  readonly timer: string | null;
  readonly outcome: string;
}

/** Counters that tell of trouble, in the order of `conntrack -S`. */
const TROUBLE = ['invalid', 'insert_failed', 'drop', 'early_drop', 'error', 'clash_resolve', 'chaintoolong'];

/** 'tcp FIN-WAIT-1  192.0.2.1:40000 > 198.51.100.1:80   1 in the send queue'. */
export function socketLine(socket: SocketWords): string {
  const address = (host: string, port: number) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
  const queue = socket.sendQ === null || socket.sendQ === 0 ? '' : `   ${socket.sendQ} in the send queue`;
  const timer = socket.timer === null ? '' : `, timer ${socket.timer}`;
  return `tcp ${socket.state}  ${address(socket.local, socket.lport)} > ${address(socket.peer, socket.pport)}${queue}${timer}`;
}

export function snapshotDocument(shown: ShownSnapshot, width: number): readonly Line[] {
  const { facts, parts } = shown;
  const where = [`host ${facts.host}`, ...(facts.netns === null ? [] : [`netns ${facts.netns}`])];
  if (facts.kernel !== null) where.push(`kernel ${facts.kernel.split('-')[0]}`);
  const time =
    facts.takenAtUs === null ? 'time not known' : `${rfc3339(facts.takenAtUs).slice(0, 19).replace('T', ' ')} UTC`;
  const lines: Line[] = [
    [segment('head', snapshotWords(facts)), segment('plain', `    ${time}    ${where.join(', ')}`)],
    '',
    `  table       ${pressureWords(facts.entryCount, facts.entryMax)}`,
  ];
  for (const list of [...new Set(shown.groups.map((group) => group.list))]) {
    const groups = shown.groups.filter((group) => group.list === list);
    const total = groups.reduce((sum, { entries }) => sum + entries, 0);
    lines.push('', [segment('head', `  ${list === 'main' ? 'Entries' : `Entries, ${list} list`} ${total}`)]);
    for (const group of groups) {
      const flags = [...(group.isAssured ? ['[ASSURED]'] : []), ...(group.isUnreplied ? ['[UNREPLIED]'] : [])];
      lines.push(
        `    ${String(group.entries).padStart(8)}  ${[group.proto, group.state ?? '', ...flags].filter((word) => word !== '').join(' ')}`,
      );
    }
  }
  const without = shown.sockets.filter(({ outcome }) => outcome === 'no-entry');
  if (without.length > 0) {
    lines.push('', [segment('head', `  Socket without entry ${without.length}`)]);
    lines.push(...without.map((socket) => `    ${socketLine(socket)}`));
  }
  const trouble = TROUBLE.flatMap((name) => {
    const value = shown.statistics.get(name);
    return value === undefined ? [] : [`${name} ${value}`];
  });
  if (trouble.length > 0) lines.push('', ...labelled('since boot', trouble.join('  '), width));
  const read = parts.filter(({ state }) => state === 'read');
  const slowest = read.reduce((most, { tookUs }) => Math.max(most, tookUs ?? 0), 0);
  lines.push(
    '',
    ...labelled(
      'read',
      `${read.map(({ part }) => partWords(part)).join(', ')}${slowest === 0 ? '' : `; each within ${duration(slowest)}`}`,
      width,
    ),
    ...read
      .filter(({ why }) => why !== null)
      .flatMap(({ part, why }) => labelled('in part', `${partWords(part)}: ${why}`, width)),
    ...absentParts(parts, width),
  );
  return lines;
}

function labelled(label: string, text: string, width: number): readonly Line[] {
  return wrap(text, width - 14).map((part, at) => [
    segment('dim', `  ${(at === 0 ? label : '').padEnd(12)}`),
    segment('plain', part),
  ]);
}
