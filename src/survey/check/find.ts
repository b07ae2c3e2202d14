// What two readings of a host show to be wrong, or worth knowing. Pure.

import type { Rule } from '../../model/ruleset.js';
import { duration } from '../../text/time.js';
import type { MovedRule, Observation, WatchedSocket } from './observe.js';

export interface CheckEvidence {
  readonly label: string;
  readonly says: string;
  /** The command or file that showed it. */
  readonly source: string;
}

export interface CheckFinding {
  readonly class: 'stuck-socket' | 'invalid-dropped' | 'table' | 'statistics' | 'leftover' | 'close-wait';
  readonly confidence: 'certain' | 'likely' | 'possible';
  /** false: worth knowing, nothing to mend here. */
  readonly isTrouble: boolean;
  readonly title: string;
  readonly summary: string;
  readonly evidence: readonly CheckEvidence[];
  /** Words behind the program's name, or a command of its own where isForeign. */
  readonly next: { readonly command: string; readonly isForeign: boolean } | null;
}

/** Closing or opening, and our segment is not acknowledged. */
const UNANSWERED: ReadonlySet<string> = new Set(['FIN-WAIT-1', 'LAST-ACK', 'CLOSING', 'SYN-SENT', 'SYN-RECV']);
/** Each in a finding of its own, up to so many. */
const MOST_TOLD = 10;
const FULL = 0.95;
const FILLING = 0.8;

/** Worst first. */
export function findIn(seen: Observation): readonly CheckFinding[] {
  const watched = duration(seen.endedAtUs - seen.startedAtUs);
  const dropping = seen.rules.filter(({ rule }) => dropsInvalid(rule));
  const moving = dropping.filter(({ packets }) => packets !== null && packets > 0);
  return [
    ...stuckSockets(seen, dropping, watched),
    ...tableFindings(seen),
    ...statisticsFindings(seen, watched),
    ...moving.map((one) => invalidDropped(one, watched)),
    ...closeWaits(seen, watched),
  ].sort((a, b) => Number(b.isTrouble) - Number(a.isTrouble));
}

function dropsInvalid({ conditions, verdict, isOurs }: Rule): boolean {
  const asks = conditions.some(
    ({ field, isNegated, values }) => field === 'ctstate' && !isNegated && values.includes('INVALID'),
  );
  return asks && !isOurs && (verdict === 'DROP' || verdict === 'REJECT');
}

const ruleName = ({ table, chain, userNumber }: Rule) => `${table} ${chain} rule ${userNumber}`;
const address = (host: string, port: number | null) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
const flowText = ({ local, peer, socket }: WatchedSocket) =>
  `tcp ${address(local, socket.lport)} > ${address(peer, socket.pport)}`;

function socketWords({ socket }: WatchedSocket): string {
  const unsent = socket.info['notsent'];
  return [
    socket.state,
    unsent === undefined ? null : `${unsent} unsent`,
    unsent === undefined && socket.sendQ !== null && socket.sendQ > 0 ? `${socket.sendQ} in the send queue` : null,
    socket.timer === null ? null : `${socket.timer} timer`,
    socket.retrans === null || socket.retrans === 0 ? null : `${socket.retrans} tries`,
  ]
    .filter((word) => word !== null)
    .join(', ');
}

function stuckSockets(seen: Observation, dropping: readonly MovedRule[], watched: string): readonly CheckFinding[] {
  const stuck = seen.stuck.filter(({ socket }) => UNANSWERED.has(socket.state));
  const ordered = [...stuck].sort((a, b) => Number(b.entry === null) - Number(a.entry === null));
  const told = ordered.slice(0, MOST_TOLD).map((one) => stuckSocket(one, seen, dropping, watched));
  const left = ordered.slice(MOST_TOLD);
  if (left.length === 0) return told;
  const withoutEntry = left.filter(({ entry }) => entry === null).length;
  return [
    ...told,
    {
      class: 'stuck-socket',
      confidence: 'certain',
      isTrouble: true,
      title: `${left.length} more sockets wait for an answer`,
      summary: `They were in the same state ${watched} later. ${withoutEntry} of those that were looked up have no entry.`,
      evidence: [],
      next: { command: 'bundle case.tar --for 60s', isForeign: false },
    },
  ];
}

function stuckSocket(
  one: WatchedSocket,
  seen: Observation,
  dropping: readonly MovedRule[],
  watched: string,
): CheckFinding {
  const { state } = one.socket;
  const own = dropping.filter(({ hook }) => hook === 'OUTPUT');
  const isClosing = state !== 'SYN-SENT' && state !== 'SYN-RECV';
  const isLost = one.entry === null;
  const isDropped = isLost && isClosing && own.length > 0;
  const moved = own.find(({ packets }) => (packets ?? 0) > 0);
  return {
    class: 'stuck-socket',
    // How long it stands so was seen; what it means is inferred, and with its entry unknown there are several meanings.
    confidence: (isDropped && moved !== undefined) || (!isLost && one.entry !== undefined) ? 'likely' : 'possible',
    isTrouble: true,
    title: isLost
      ? `${state} for ${watched} at least, and no entry: ${flowText(one)}`
      : `${state} for ${watched} at least: ${flowText(one)}`,
    summary: meaning(one, isDropped ? (moved ?? own[0]!).rule : null),
    evidence: [
      { label: 'socket', says: `${socketWords(one)}; the same ${watched} before`, source: 'ss -tanoei' },
      ...(one.entry === undefined
        ? []
        : [{ label: 'entry', says: one.entry ?? 'none, in either direction (zone 0)', source: 'conntrack -G' }]),
      ...(seen.isTracking !== false ? [] : [{ label: 'entry', says: 'nothing is tracked here', source: 'rules' }]),
      ...(isLost ? own.map(({ rule, packets, source }) => ruleEvidence(rule, packets, watched, source)) : []),
    ],
    next: { command: 'bundle case.tar --for 60s', isForeign: false },
  };
}

/** What a socket that nobody answers means, by its state and its entry. @param dropping a rule that drops what is INVALID on its way out */
function meaning({ socket, entry }: WatchedSocket, dropping: Rule | null): string {
  const isOpening = socket.state === 'SYN-SENT' || socket.state === 'SYN-RECV';
  if (entry === undefined)
    return 'The peer acknowledges nothing, or what is sent is dropped on the way; its entry was not looked up.';
  if (entry !== null)
    return isOpening
      ? 'Nobody answers.'
      : 'The peer acknowledges nothing. The entry is there, so this host takes it for a known connection: look at the way to the peer.';
  if (isOpening)
    return 'Conntrack has no entry for it: its SYN was dropped before the entry was confirmed, or passes untracked.';
  const lost = 'Conntrack knows nothing of this connection any more';
  return dropping === null
    ? `${lost}: its FIN is INVALID to every rule that asks.`
    : `${lost}, so its FIN is INVALID, and ${ruleName(dropping)} drops what is INVALID on its way out: the peer hears nothing.`;
}

function ruleEvidence(rule: Rule, packets: number | null, watched: string, source: string): CheckEvidence {
  const counted = packets === null ? 'no counter' : `${packets} more packets in ${watched}`;
  return { label: 'rule', says: `${ruleName(rule)}, ${counted}: ${rule.text}`, source };
}

function invalidDropped({ rule, packets, source }: MovedRule, watched: string): CheckFinding {
  return {
    class: 'invalid-dropped',
    confidence: 'certain',
    isTrouble: true,
    title: `${ruleName(rule)} dropped ${packets} INVALID ${packets === 1 ? 'packet' : 'packets'} in ${watched}`,
    summary: 'Its counter moves now. Whose packets, and why they are INVALID, the counter does not say.',
    evidence: [ruleEvidence(rule, packets, watched, source)],
    next: { command: 'log-invalid enable -p tcp --for 5min', isForeign: false },
  };
}

function tableFindings({ count, max }: Observation): readonly CheckFinding[] {
  if (count === null || max === null || max === 0 || count / max < FILLING) return [];
  const share = Math.floor((count / max) * 100);
  return [
    {
      class: 'table',
      confidence: 'certain',
      isTrouble: true,
      title: `the table is ${count / max >= FULL ? 'full' : 'filling up'}: ${count} of ${max} entries, ${share} %`,
      summary:
        'A full table drops the first packet of every new connection; from 95 % on, entries that are not assured go early.',
      evidence: [{ label: 'count', says: `${count} of ${max}`, source: 'nf_conntrack_count, nf_conntrack_max' }],
      next: { command: 'bundle case.tar --for 60s', isForeign: false },
    },
  ];
}

const STATISTICS: Readonly<Record<string, { readonly says: string; readonly isTrouble: boolean }>> = {
  drop: { says: 'packets were dropped because an entry could not be made', isTrouble: true },
  early_drop: { says: 'entries were thrown out to make room', isTrouble: true },
  insert_failed: { says: 'new entries were refused when they were to be inserted', isTrouble: true },
  chaintoolong: { says: 'entries were not inserted: their hash chain was too long', isTrouble: true },
  clash_resolve: { says: 'clashes between packets of one flow were resolved', isTrouble: false },
  invalid: { says: 'packets were refused as INVALID', isTrouble: false },
  error: { says: 'packets failed the checks that come before tracking', isTrouble: false },
  icmp_error: { says: 'packets failed the checks that come before tracking', isTrouble: false },
};

function statisticsFindings({ statistics }: Observation, watched: string): readonly CheckFinding[] {
  return Object.entries(STATISTICS).flatMap(([name, { says, isTrouble }]): readonly CheckFinding[] => {
    const grown = statistics?.[name] ?? 0;
    if (grown === 0) return [];
    const source = '/proc/net/stat/nf_conntrack';
    return [
      {
        class: 'statistics',
        confidence: 'certain',
        isTrouble,
        title: `${grown} ${says} in ${watched}`,
        summary: `The tracker's own counter '${name}', over all CPUs of this namespace.`,
        evidence: [{ label: 'counter', says: `${name} +${grown}`, source }],
        next: name === 'invalid' ? { command: 'log-invalid enable -p tcp --for 5min', isForeign: false } : null,
      },
    ];
  });
}

/** Half-closed: somebody's program has not closed yet. */
const HALF_CLOSED = [
  ['CLOSE-WAIT', 'The peer has closed; the program here does not close its end.'],
  ['FIN-WAIT-2', 'This end has closed; the program at the other end does not.'],
] as const;

function closeWaits({ stuck }: Observation, watched: string): readonly CheckFinding[] {
  return HALF_CLOSED.flatMap(([state, says]): readonly CheckFinding[] => {
    const own = stuck.filter(({ socket }) => socket.state === state);
    if (own.length === 0) return [];
    const lost = own.filter(({ entry }) => entry === null).length;
    return [
      {
        class: 'close-wait',
        confidence: 'certain',
        isTrouble: lost > 0,
        title: `${own.length} ${own.length === 1 ? 'socket' : 'sockets'} in ${state} for ${watched} at least`,
        summary: lost === 0 ? says : `${says} ${lost} have no entry: the FIN, when it comes, will be INVALID.`,
        evidence: own.slice(0, MOST_TOLD).map((one) => ({
          label: 'socket',
          says: `${flowText(one)}${one.entry === null ? ', no entry' : ''}`,
          source: 'ss -tanoei',
        })),
        next: null,
      },
    ];
  });
}
