// A replay as lines of the screen, as rows for the row formats, and as JSON (ctwhy.replay/1).

import { type Bases, rangeWords, shown } from '../../analysis/replay/numbers.js';
import { citedBy, isWrong, type Replay, type ReplayRow } from '../../analysis/replay/replay.js';
import { whyWords } from '../../analysis/replay/why.js';
import type { ReplayLine } from '../../presentation/replay-document.js';
import type { Cell } from '../../presentation/rows.js';
import { rfc3339 } from '../../text/time.js';
import type { CheckName } from '../../tracker/outcome.js';
import { ACK } from '../../tracker/packet.js';
import { type Amount, onlyAmount, type SeqRange, upperEnd } from '../../tracker/unseen/range.js';
import type { End, SideRange } from '../../tracker/unseen/world.js';

const CHECKS: readonly CheckName[] = ['I', 'II', 'III', 'IV'];
const RULE_WORDS: Readonly<Record<string, string>> = {
  state: '',
  'max-retrans': 'retransmissions',
  rst: 'RST',
  'inexact-rst': 'RST',
  unacknowledged: 'unacknowledged data',
  'zero-window': 'window 0',
  'no-reply-yet': 'no reply yet',
  lowered: 'lowered',
  unreplied: '',
  replied: '',
  stream: 'stream',
};

function amountWords(value: Amount): string {
  if (value.lo === value.hi) return String(value.lo);
  return value.hi >= 2 ** 30 ? `${value.lo}+` : `${value.lo}..${value.hi}`;
}

function seconds(ms: number): string {
  return String(Math.round(ms / 100) / 10);
}

export function timeoutWords(row: {
  readonly timeoutMs: Amount | null;
  readonly timeoutRule?: ReplayRow['timeoutRule'];
}): string {
  if (row.timeoutMs === null) return '';
  const { lo, hi } = row.timeoutMs;
  const words = lo === hi ? `${seconds(lo)} s` : `${seconds(lo)}..${seconds(hi)} s`;
  const rule = RULE_WORDS[row.timeoutRule ?? 'state'] ?? '';
  return rule === '' ? words : `${words} (${rule})`;
}

export function stateWords(states: readonly string[]): string {
  if (states.length === 0) return '';
  if (states.length === 1) return states[0]!;
  return states.length > 2 ? 'not known' : states.join('|');
}

function changeWords(row: ReplayRow): string {
  const before = stateWords(row.stateBefore);
  const after = stateWords(row.stateAfter);
  if (before === after || before === '') return after;
  return `${before} > ${after}`;
}

function sideWords(sign: '>' | '<', side: SideRange | null, end: End, bases: Bases): string {
  if (side === null) return '';
  const isUnseen = side.maxWin.hi === 0;
  if (isUnseen) return `${sign} not seen yet`;
  const window = `${amountWords(side.maxWin)}${onlyAmount(side.scale) === 0 ? '' : `, scale ${amountWords(side.scale)}`}`;
  return `${sign} end ${rangeWords(side.end, end, bases)} maxend ${rangeWords(side.maxEnd, end, bases)} maxwin ${window}`;
}

function verdictWords(row: ReplayRow): string {
  if (row.verdict === null) return 'cannot know';
  return row.isIgnored && row.failed === null ? `${row.verdict}, ignored` : row.verdict;
}

function observedWords(row: ReplayRow): string | null {
  const { observed, message } = row.packet;
  const said = message !== null ? `"${message}"` : observed.verdict;
  if (said === null) return null;
  if (row.agreement === 'disagrees') return `recorded: ${said}; the model DISAGREES`;
  if (row.agreement === 'narrows') {
    const alone = row.verdicts.length > 2 ? 'could not tell' : row.verdicts.join(' or ');
    return `recorded: ${said}; the model alone: ${alone}`;
  }
  return `recorded: ${said}; the model agrees`;
}

function boundWords(row: ReplayRow, bases: Bases): string {
  const { bounds, packet } = row;
  if (bounds === null || packet.segment === null) return '';
  const from = packet.segment.from;
  const to: End = from === 0 ? 1 : 0;
  const above = (range: SeqRange | null, end: End) => rangeWords(range, end, bases);
  if (CHECKS.every((check) => bounds[check] === null)) return '';
  return `bounds: SEQ < ${above(bounds.I, from)}, end > ${above(bounds.II, from)}, ACK < ${above(bounds.III, to)}, ACK > ${above(bounds.IV, to)}`;
}

function numberWords(number: number | null, end: End, bases: Bases): string {
  return number === null ? '?' : String(shown(number, end, bases));
}

/** Seconds after the first packet. */
function timeWords({ rows }: Replay, { packet }: ReplayRow): string {
  const startUs = rows[0]?.packet.atUs ?? null;
  return packet.atUs === null || startUs === null ? '' : ((packet.atUs - startUs) / 1e6).toFixed(3);
}

/** What this kernel prints, where the record beside it does not say it already. */
function messageWords(row: ReplayRow): string | null {
  if (row.message === null) return null;
  return row.packet.message !== null && row.agreement !== 'disagrees' ? null : row.message;
}

/** One row as a line of the screen. */
export function lineOf(replay: Replay, row: ReplayRow, bases: Bases): ReplayLine {
  const { packet } = row;
  const { segment } = packet;
  const from = packet.from;
  const to: End = from === 0 ? 1 : 0;
  const payload = segment?.payload ?? null;
  const hasAck = segment !== null && (segment.flags & ACK) !== 0;
  return {
    number: row.number,
    time: timeWords(replay, row),
    sign: from === 0 ? '>' : '<',
    flags:
      packet.flagWords === null
        ? (packet.datagram?.proto ?? '')
        : packet.flagWords === ''
          ? 'no flags'
          : packet.flagWords,
    seq: segment === null ? '' : numberWords(segment.seq, from, bases),
    ack: hasAck ? numberWords(segment.ack, to, bases) : '',
    length: payload === null ? String(packet.len ?? '') : amountWords(payload),
    window: segment === null ? '' : segment.window === null ? '?' : String(segment.window),
    state: changeWords(row),
    verdict: verdictWords(row),
    timeout: timeoutWords(row),
    windows: [sideWords('>', row.sidesAfter[0], 0, bases), sideWords('<', row.sidesAfter[1], 1, bases)].filter(
      (text) => text !== '',
    ),
    bounds: boundWords(row, bases),
    message: messageWords(row),
    why: whyWords(replay, row, bases),
    observed: observedWords(row),
    isGap: row.isAfterGap,
    isFirstWrong: replay.wrongAt === row.number - 1,
    isWrong: isWrong(row),
    isKnown: row.verdict !== null,
    isContradicted: row.agreement === 'disagrees',
    record: [...new Set(citedBy(row).map((item) => item.source))].join(', '),
  };
}

export const REPLAY_COLUMNS: readonly string[] = [
  'number',
  'at',
  'direction',
  'flags',
  'seq',
  'ack',
  'len',
  'window',
  'state_before',
  'state_after',
  'verdict',
  'possible',
  'reason',
  'message',
  'timeout',
  'observed',
  'agreement',
  'end_orig',
  'maxend_orig',
  'maxwin_orig',
  'end_reply',
  'maxend_reply',
  'maxwin_reply',
  'is_wrong',
  'record',
];

/** The same as cells, in the order of REPLAY_COLUMNS. */
export function cellsOf(replay: Replay, row: ReplayRow, bases: Bases): readonly Cell[] {
  const line = lineOf(replay, row, bases);
  const side = (at: End) => row.sidesAfter[at];
  const figures = (at: End): readonly Cell[] => {
    const one = side(at);
    return one === null
      ? [null, null, null]
      : [rangeWords(one.end, at, bases), rangeWords(one.maxEnd, at, bases), amountWords(one.maxWin)];
  };
  return [
    row.number,
    row.packet.atUs === null ? null : rfc3339(row.packet.atUs),
    line.sign === '>' ? 'orig' : 'reply',
    line.flags,
    line.seq,
    line.ack,
    line.length,
    line.window,
    stateWords(row.stateBefore),
    stateWords(row.stateAfter),
    row.verdict,
    row.verdicts.join(' '),
    row.reasonId,
    row.message,
    line.timeout,
    row.packet.message ?? row.packet.observed.verdict,
    row.agreement,
    ...figures(0),
    ...figures(1),
    line.isWrong ? 1 : 0,
    line.record,
  ];
}

function jsonRange(range: SeqRange | null): { readonly from: number; readonly to: number | null } | null {
  return range === null ? null : { from: range.from, to: upperEnd(range) };
}

function jsonSide(side: SideRange | null) {
  return side === null
    ? null
    : {
        end: jsonRange(side.end),
        maxEnd: jsonRange(side.maxEnd),
        maxWin: side.maxWin,
        scale: side.scale,
        isLiberal: side.isLiberal,
      };
}

/** One packet of ctwhy.replay/1: sequence numbers absolute, ranges as { from, to }, `to` null where no upper end is known. */
export function jsonOf(replay: Replay, row: ReplayRow, bases: Bases): Readonly<Record<string, unknown>> {
  const { packet } = row;
  const { segment } = packet;
  return {
    number: row.number,
    at: packet.atUs === null ? null : rfc3339(packet.atUs),
    direction: packet.from === 0 ? 'original' : 'reply',
    flags: packet.flagWords,
    seq: segment?.seq ?? null,
    ack: segment === null || (segment.flags & ACK) === 0 ? null : segment.ack,
    window: segment?.window ?? null,
    payload: segment?.payload ?? null,
    isAfterGap: row.isAfterGap,
    verdict: row.verdict,
    possible: row.verdicts,
    stateBefore: row.stateBefore,
    stateAfter: row.stateAfter,
    reason: row.reasonId,
    message: row.message,
    isIgnored: row.isIgnored,
    failed: row.failed,
    isForgiven: row.isForgiven,
    bounds:
      row.bounds === null ? null : Object.fromEntries(CHECKS.map((check) => [check, jsonRange(row.bounds![check])])),
    sides: { original: jsonSide(row.sidesAfter[0]), reply: jsonSide(row.sidesAfter[1]) },
    timeoutMs: row.timeoutMs,
    timeoutRule: row.timeoutRule,
    expiredMs: row.expiredMs,
    observed:
      packet.observed.verdict === null && packet.message === null
        ? null
        : { verdict: packet.observed.verdict, reason: packet.observed.reasonId, message: packet.message },
    agreement: row.agreement,
    isWrong: isWrong(row),
    why: whyWords(replay, row, bases),
    evidence: citedBy(row),
  };
}
