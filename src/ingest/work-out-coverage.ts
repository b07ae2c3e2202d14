// From when to when could each source have shown something? Worked out from what was read; manifests say it themselves.

import { addCoverage, type CoverageState, forgetCoverageOfSource } from '../store/coverage.js';
import { coverageFacts, type SourceFacts } from '../store/coverage-facts.js';
import type { Db } from '../store/open-store.js';
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
    for (const row of rowsOf(facts, kernelRelease))
      addCoverage(db, { hostId, sourceId, bootId: facts.bootId, namespaceId: facts.namespaceId, ...row });
  }
}

/** What a manifest states is taken as it is; a state it cannot mean is 'limited'. */
export function stateCoverage(db: Db, hostId: number, statements: readonly CoverageStatement[]): void {
  for (const { what, fromUs, toUs, state, why } of statements) {
    const known = STATES.find((one) => one === state);
    addCoverage(db, {
      hostId,
      sourceId: null,
      bootId: null,
      namespaceId: null,
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

function rowsOf(facts: SourceFacts, kernelRelease: string | null): readonly Row[] {
  const rows: Row[] = [];
  const add = (
    what: string,
    from: number | null,
    to: number | null,
    state: CoverageState,
    why: string | null,
    lost: number | null = null,
  ): void => {
    rows.push({ what, fromAtUs: from, toAtUs: to, state, lost, why });
  };
  if (facts.log !== null) {
    const { fromAtUs, toAtUs, rows: lines, total } = facts.log;
    const isExcerpt = total <= lines;
    add(
      'log',
      fromAtUs,
      toAtUs,
      isExcerpt ? 'limited' : 'complete',
      isExcerpt ? "only netfilter's lines are in it: perhaps an excerpt" : null,
    );
  }
  for (const { atUs, kind, count, text } of facts.losses)
    add('log', atUs, atUs, 'lost', kind === 'suppressed' ? text : `kernel messages were lost: ${text}`, count);
  if (facts.trace !== null) add('trace', facts.trace.fromAtUs, facts.trace.toAtUs, 'complete', null);
  if (facts.events !== null) {
    const { fromAtUs, toAtUs } = facts.events;
    add('events', fromAtUs, toAtUs, facts.events.filter === null ? 'complete' : 'limited', facts.events.filter);
    if (!isOlderThan(kernelRelease, 5, 19)) {
      add(
        'events:older-entries',
        fromAtUs,
        toAtUs,
        'cannot-show',
        'since 5.19 entries made before somebody listened send no events',
      );
    }
  }
  for (const part of facts.parts) {
    const isFiltered = part.why?.includes('only ') === true;
    const state: CoverageState = part.state === 'read' ? (isFiltered ? 'limited' : 'complete') : 'cannot-show';
    add(part.part, part.atUs, part.atUs, state, part.why);
  }
  for (const { value, atUs } of facts.logInvalid) {
    const number = value.trim();
    if (number === '0') add('log-invalid', atUs, atUs, 'off', 'nf_conntrack_log_invalid is 0');
    else if (number === '255') add('log-invalid', atUs, atUs, 'complete', 'nf_conntrack_log_invalid is 255');
    else
      add(
        `log-invalid:${LOG_INVALID_NAMES[number] ?? number}`,
        atUs,
        atUs,
        'complete',
        `nf_conntrack_log_invalid is ${number}`,
      );
  }
  for (const rule of facts.limitedLogRules)
    add('log', rule.atUs, rule.atUs, 'limited', `a LOG rule is rate-limited: ${rule.text}`);
  if (facts.offloaded > 0) {
    add(
      'packets',
      facts.offloadedAtUs,
      facts.offloadedAtUs,
      'limited',
      `${facts.offloaded} offloaded flows: their packets pass no hook, no rule and no log`,
    );
  }
  return rows;
}

/** false for an unknown release: the answer is widened, not guessed. */
function isOlderThan(release: string | null, major: number, minor: number): boolean {
  const found = release === null ? null : /^(\d+)\.(\d+)/.exec(release);
  if (found === null || found === undefined) return false;
  const [x, y] = [Number(found[1]), Number(found[2])];
  return x < major || (x === major && y < minor);
}
