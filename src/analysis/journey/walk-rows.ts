// The rows of a walk through the rules: what the packet met, what it passed by, and where it ended, whoever asked for the walk.

import type { JourneyRow } from '../../model/journey.js';
import { isOwnTable } from '../ruleset/ours.js';
import { isBeforeConntrack } from '../ruleset/packet-facts.js';
import type { Walk, WalkStep } from '../ruleset/walk.js';

const EVERY_HOOK: Readonly<Record<string, readonly string[]>> = {
  input: ['PREROUTING', 'INPUT'],
  forward: ['PREROUTING', 'FORWARD', 'POSTROUTING'],
  output: ['OUTPUT', 'POSTROUTING'],
};

function place(step: WalkStep): string {
  const family = step.family === 'ip' || step.family === 'ip6' ? '' : `${step.family} `;
  const number = step.rule === null ? (step.kind === 'policy' ? 'policy' : 'end') : String(step.rule.userNumber);
  return `${family}${step.table} ${step.chain} ${number}`;
}

/** Why a rule did not match, beside its text: the condition is read there. */
function withoutCondition({ rule, because }: WalkStep): string {
  const said = rule?.conditions.find((condition) => because.startsWith(`${condition.text}: `));
  return said === undefined || (rule?.conditions.length ?? 0) > 1 ? because : because.slice(said.text.length + 2);
}

export interface Telling {
  /** Rules one expected, marked where the packet passed them by. */
  readonly wanted: ReadonlySet<unknown>;
  /** What conntrack said, shown where it looks at the packet; NULL: nothing to show. */
  readonly conntrack: Omit<JourneyRow, 'hook'> | null;
  /** What routing decided, shown behind PREROUTING; NULL: nothing to show. */
  readonly routing: Omit<JourneyRow, 'hook'> | null;
  /** How it is known that a rule matched, or decided. */
  how(step: WalkStep): string;
}

/** Rows of a walk, in the order in which the packet meets them. */
export function walkRows(walk: Walk, { wanted, conntrack, routing, how }: Telling): readonly JourneyRow[] {
  const rows: JourneyRow[] = [];
  let hook = '';
  let isStateTold = conntrack === null;
  let isRoutingTold = routing === null;
  const push = (row: Omit<JourneyRow, 'hook'>, at: string) => {
    rows.push({ ...row, hook: at === hook ? '' : at });
    hook = at;
  };
  const tellState = () => {
    if (isStateTold || conntrack === null) return;
    isStateTold = true;
    push(conntrack, 'conntrack');
  };
  const tellRouting = () => {
    if (isRoutingTold || routing === null) return;
    isRoutingTold = true;
    push(routing, 'routing');
  };
  let passed: WalkStep[] = [];
  const closePassed = () => {
    const first = passed[0];
    if (first === undefined) return;
    // One rule passed by is worth a line; of several only -v tells each.
    for (const step of passed)
      push(
        {
          place: place(step),
          result: 'no match',
          how: step.because,
          detail: [],
          kind: passed.length === 1 ? 'step' : 'quiet',
          raw: [],
        },
        first.hook.toLowerCase(),
      );
    passed = [];
  };
  for (const step of walk.steps) {
    // Where a packet was logged by a rule of ours, the walk knows our rules.
    if (step.rule?.isOurs === true || isOwnTable(step.table)) continue;
    const isEnd =
      walk.end.hook === step.hook &&
      walk.end.chain === step.chain &&
      walk.end.table === step.table &&
      (walk.end.rule === null ? step.kind === 'policy' : step.rule === walk.end.rule) &&
      walk.end.fate !== 'accepted';
    const isTracked = !isBeforeConntrack(step.hook, step.priority);
    const isRouted = step.hook === 'INPUT' || step.hook === 'FORWARD';
    if ((isTracked && !isStateTold) || (isRouted && !isRoutingTold)) closePassed();
    if (isTracked) tellState();
    if (isRouted) tellRouting();
    if (step.kind === 'rule' && step.result === 'no-match' && !wanted.has(step.rule)) {
      if (passed.length > 0 && (passed[0]!.chain !== step.chain || passed[0]!.table !== step.table)) closePassed();
      passed.push(step);
      continue;
    }
    closePassed();
    const at = step.hook.toLowerCase();
    if (step.kind === 'skipped') {
      push(
        {
          place: `${step.table} ${step.chain}`,
          result: 'not asked',
          how: step.because,
          detail: [],
          kind: 'quiet',
          raw: [],
        },
        at,
      );
      continue;
    }
    const result =
      step.kind !== 'rule'
        ? (step.verdict ?? (step.kind === 'return' ? 'returns' : ''))
        : step.result === 'no-match'
          ? 'no match'
          : step.result === 'unknown' && !step.isTaken
            ? 'cannot tell'
            : (step.verdict ?? 'goes on');
    const isQuiet = !isEnd && ((step.kind === 'policy' && result === 'ACCEPT') || step.kind === 'return');
    const kind = step.rule !== null && wanted.has(step.rule) ? 'wanted' : isEnd ? 'end' : isQuiet ? 'quiet' : 'step';
    const isMatch = step.result === 'match' || step.isTaken;
    const why = step.kind === 'rule' && !isMatch ? withoutCondition(step) : how(step);
    push(
      {
        place: place(step),
        result,
        how: why,
        detail: step.rule === null ? [] : [step.rule.text],
        kind,
        raw: [],
      },
      at,
    );
    if (isEnd) break;
  }
  closePassed();
  tellState();
  if (walk.end.fate === 'accepted') tellRouting();
  if (walk.end.fate !== 'accepted' && walk.end.hook !== null) {
    const path = Object.values(EVERY_HOOK).find(
      (hooks) =>
        hooks.includes(walk.end.hook!) &&
        walk.steps.every((step) => hooks.includes(step.hook) || step.hook === 'INGRESS'),
    );
    const left = path?.slice(path.indexOf(walk.end.hook) + 1) ?? [];
    if (left.length > 0)
      rows.push({
        hook: 'not reached',
        place: left.map((name) => name.toLowerCase()).join(', '),
        result: '',
        how: '',
        detail: [],
        kind: 'step',
        raw: [],
      });
  }
  return rows;
}
