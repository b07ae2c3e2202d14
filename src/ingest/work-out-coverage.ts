// From when to when could each source have shown something? Worked out from what was read; manifests say it themselves.

import { holds, parseKernelVersion, since } from '../catalogue/kernel-version.js';
import { addCoverage, type CoverageState, forgetCoverageOfSource } from '../store/coverage.js';
import { coverageFacts, MOST_LOSSES, type SourceFacts } from '../store/coverage-facts.js';
import type { Db } from '../store/open-store.js';
import { isDoubtful } from './kernel-limits.js';
import { filterOfCommand } from './listing-commands.js';
import { type LogTimes, openLogTimes, type TimeSpan } from './log-span.js';
import type { CoverageStatement } from './statements.js';

const STATES: readonly CoverageState[] = ['complete', 'limited', 'lost', 'cannot-show', 'off'];

/** Numbers nf_conntrack_log_invalid takes, by what they let through; 255 is every protocol. */
const LOG_INVALID_NAMES: Readonly<Record<string, string>> = {
  '1': 'icmp',
  '6': 'tcp',
  '17': 'udp',
  '33': 'dccp',
  '58': 'icmpv6',
  '132': 'sctp',
  '136': 'udplite',
};

/** Writes the coverage of a host's sources anew. Called after the clocks were placed. */
export function workOutCoverage(
  db: Db,
  hostId: number,
  sourceIds: readonly number[],
  kernelRelease: string | null,
): void {
  for (const sourceId of sourceIds) {
    forgetCoverageOfSource(db, sourceId);
    const facts = coverageFacts(db, sourceId);
    const times = openLogTimes(db, sourceId, facts.lines, facts.onlyHost);
    for (const row of [...logRows(facts, times), ...eventRows(facts, kernelRelease), ...readingRows(facts)])
      addCoverage(db, { hostId, sourceId, bootId: facts.bootId, namespaceId: facts.namespaceId, ...row });
  }
}

/** What a manifest states is taken as it is; a state it cannot mean is 'limited'. */
export function stateCoverage(
  db: Db,
  { hostId, namespaceId }: { readonly hostId: number; readonly namespaceId: number | null },
  statements: readonly CoverageStatement[],
): void {
  for (const { what, fromUs, toUs, state, why } of statements) {
    const known = STATES.find((one) => one === state);
    addCoverage(db, {
      hostId,
      sourceId: null,
      bootId: null,
      namespaceId,
      what,
      fromAtUs: fromUs,
      toAtUs: toUs,
      state: known ?? 'limited',
      lost: null,
      why: known === undefined ? `the manifest says '${state}'${why === null ? '' : `: ${why}`}` : why,
    });
  }
}

interface Row {
  readonly what: string;
  readonly fromAtUs: number | null;
  readonly toAtUs: number | null;
  readonly state: CoverageState;
  readonly lost: number | null;
  readonly why: string | null;
}

/** Events of these are sent for entries only that were born while somebody listened (nf_conntrack_events=2 is the default). */
const EVENTS_ON_DEMAND = since('5.19');

/** Which messages a notice speaks of; others tell nothing of the log. */
const LOSS_OF: Readonly<Record<string, string>> = {
  // net_ratelimit() and its like hold back the kernel's own warnings; LOG, TRACE and log_invalid do not ask it.
  'callbacks-suppressed': 'notices',
  'messages-suppressed': 'notices',
  'audit-lost': 'audit',
};

interface Loss extends TimeSpan {
  readonly what: string;
  readonly count: number | null;
  readonly text: string;
}

function lossesOf(facts: SourceFacts, times: LogTimes): readonly Loss[] {
  // journald limits services, never the kernel (journald-server.c: server_dispatch_message() is not on the kernel's way).
  const losses = facts.losses.filter(
    ({ notice, unit }) => notice !== 'journal-suppressed' || unit === null || /kernel|klog/.test(unit),
  );
  const around = times.around(losses.map(({ line }) => line));
  return losses.map(({ line, atUs, count, text, notice }) => {
    const beside = around.get(line);
    return {
      what: LOSS_OF[notice ?? ''] ?? 'log',
      fromAtUs: least([beside?.fromAtUs ?? null, atUs]),
      toAtUs: most([beside?.toAtUs ?? null, atUs]),
      count,
      text,
    };
  });
}

/** What is left of a span without its holes. */
function pieces({ fromAtUs, toAtUs }: TimeSpan, holes: readonly TimeSpan[]): readonly TimeSpan[] {
  if (fromAtUs === null || toAtUs === null) return [{ fromAtUs, toAtUs }];
  const left: TimeSpan[] = [];
  let from = fromAtUs;
  for (const hole of [...holes].sort((a, b) => (a.fromAtUs ?? 0) - (b.fromAtUs ?? 0))) {
    if (hole.fromAtUs !== null && hole.fromAtUs > from)
      left.push({ fromAtUs: from, toAtUs: Math.min(hole.fromAtUs, toAtUs) });
    from = Math.max(from, hole.toAtUs ?? toAtUs);
  }
  if (from < toAtUs || left.length === 0) left.push({ fromAtUs: Math.min(from, toAtUs), toAtUs });
  return left;
}

/** A kernel log shows what lies between its first and its last line, but for what it says it lost. */
function logRows(facts: SourceFacts, times: LogTimes): readonly Row[] {
  if (facts.log === null && facts.losses.length === 0) return [];
  const losses = lossesOf(facts, times);
  const rows: Row[] = losses.map(({ what, fromAtUs, toAtUs, count, text }) => ({
    what,
    fromAtUs,
    toAtUs,
    state: 'lost',
    lost: count,
    why: text,
  }));
  if (facts.log === null) return rows;
  const lines = times.span();
  const span = {
    fromAtUs: least([lines.fromAtUs, facts.log.fromAtUs]),
    toAtUs: most([lines.toAtUs, facts.log.toAtUs]),
  };
  const isExcerpt = facts.log.total <= facts.log.rows;
  const holes = losses.filter(({ what }) => what === 'log');
  const limit = isExcerpt
    ? "only netfilter's lines are in it: perhaps an excerpt"
    : holes.length >= MOST_LOSSES || holes.some(({ fromAtUs, toAtUs }) => fromAtUs === null || toAtUs === null)
      ? 'lines were lost, and it is not known when'
      : null;
  const cover = (what: string, over: TimeSpan): void => {
    for (const piece of limit === null ? pieces(over, holes) : [over])
      rows.push({ what, ...piece, state: limit === null ? 'complete' : 'limited', lost: null, why: limit });
  };
  cover('log', span);
  if (facts.trace !== null) cover('trace', facts.trace);
  return rows;
}

function eventRows(facts: SourceFacts, kernelRelease: string | null): readonly Row[] {
  if (facts.isHeard) return [];
  const filter = facts.command === null ? null : filterOfCommand(facts.command);
  const isOnDemand =
    holds(EVENTS_ON_DEMAND, kernelRelease === null ? null : parseKernelVersion(kernelRelease)) !== 'no';
  return facts.events.flatMap(({ kind, fromAtUs, toAtUs }) => {
    const what = kind === 'expect' ? 'events:expect' : 'events';
    const span = { fromAtUs, toAtUs, lost: null };
    const rows: Row[] = [{ what, ...span, state: filter === null ? 'complete' : 'limited', why: filter }];
    if (isOnDemand && kind !== 'expect') {
      rows.push({
        what: 'events:older-entries',
        ...span,
        state: 'cannot-show',
        why: 'since 5.19 entries made before somebody listened send no events',
      });
    }
    return rows;
  });
}

/** What a value of nf_conntrack_log_invalid lets the kernel print. */
export function logInvalidCoverage(value: string): {
  readonly what: string;
  readonly state: CoverageState;
  readonly why: string;
} {
  const number = value.trim();
  const why = `nf_conntrack_log_invalid is ${number}`;
  if (number === '0') return { what: 'log-invalid:all', state: 'off', why };
  const name = number === '255' ? 'all' : (LOG_INVALID_NAMES[number] ?? number);
  return { what: `log-invalid:${name}`, state: 'complete', why };
}

/** What was read at one moment: lists, settings, rulesets. */
function readingRows(facts: SourceFacts): readonly Row[] {
  const rows: Row[] = [];
  const add = (what: string, atUs: number | null, state: CoverageState, why: string | null): void => {
    rows.push({ what, fromAtUs: atUs, toAtUs: atUs, state, lost: null, why });
  };
  for (const { part, state, atUs, why } of facts.parts) {
    const isLimited = why?.includes('only ') === true || isDoubtful(why);
    add(part, atUs, state === 'read' ? (isLimited ? 'limited' : 'complete') : 'cannot-show', why);
  }
  for (const { value, atUs } of facts.logInvalid) {
    const { what, state, why } = logInvalidCoverage(value);
    add(what, atUs, state, why);
  }
  for (const { text, atUs } of facts.limitedLogRules)
    add('log', atUs, 'limited', `a LOG rule is rate-limited: ${text}`);
  if (facts.offloaded > 0)
    add(
      'packets',
      facts.offloadedAtUs,
      'limited',
      `${facts.offloaded} offloaded flows: their packets pass no hook, no rule and no log`,
    );
  return rows;
}

function least(times: readonly (number | null)[]): number | null {
  const known = times.filter((at) => at !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function most(times: readonly (number | null)[]): number | null {
  const known = times.filter((at) => at !== null);
  return known.length === 0 ? null : Math.max(...known);
}
