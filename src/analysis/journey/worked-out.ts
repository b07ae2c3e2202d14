// The way of a packet that was not traced, worked out from the ruleset: what it met, what it passed by, and what could not be evaluated.

import type { JourneyRow } from '../../model/journey.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { messageAsPrinted } from '../explain/message-words.js';
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

/** Which lines of the log a rule printed, for 'how we know'. */
function loggedBy(subject: Case, packet: SeenPacket, step: WalkStep): string {
  const prefix = step.rule?.logPrefix;
  if (prefix === null || prefix === undefined) return 'by the ruleset';
  const at = packet.steps.findIndex((one) => one.prefix?.trimEnd() === prefix.trimEnd());
  return at < 0 ? 'no line of it in the log' : subject.cite.packet(packet.row, packet.steps, at).source;
}

function counterWords(subject: Case, step: WalkStep): string | null {
  if (
    step.rule === null ||
    subject.fate.rule === null ||
    step.rule.number !== subject.fate.rule.number ||
    step.rule.chain !== subject.fate.rule.chain ||
    step.rule.table !== subject.fate.rule.table
  )
    return null;
  const counters = subject.fate.evidence
    .filter((item) => item.kind === 'counter')
    .map((item) => Number.parseInt(item.text, 10));
  const [first, last] = [counters[0], counters.at(-1)];
  return first === undefined || last === undefined || counters.length < 2
    ? null
    : `counter +${last - first} for ${subject.count}`;
}

/** Why a rule did not match, beside its text: the condition is read there. */
function withoutCondition({ rule, because }: WalkStep): string {
  const said = rule?.conditions.find((condition) => because.startsWith(`${condition.text}: `));
  return said === undefined || (rule?.conditions.length ?? 0) > 1 ? because : because.slice(said.text.length + 2);
}

/** Rows of a walk. @param wanted rules one expected, marked where the packet passed them by */
export function workedOutRows(
  subject: Case,
  packet: SeenPacket,
  walk: Walk,
  wanted: ReadonlySet<unknown>,
): readonly JourneyRow[] {
  const rows: JourneyRow[] = [];
  let hook = '';
  let isStateTold = false;
  const push = (row: Omit<JourneyRow, 'hook'>, at: string) => {
    rows.push({ ...row, hook: at === hook ? '' : at });
    hook = at;
  };
  const told = packet.stateStep ?? packet.reasonStep;
  const tellState = () => {
    if (isStateTold || packet.state === null) return;
    isStateTold = true;
    const invalid = packet.steps.findIndex((step) => step.kind === 'log-invalid');
    const message = messageAsPrinted(packet, invalid);
    const cited = told === null ? null : subject.cite.packet(packet.row, packet.steps, told);
    push(
      {
        place: `${packet.state}${message === null ? '' : `: "${message}"`}`,
        result: '',
        how: cited?.source ?? '',
        detail: [],
        kind: 'step',
        raw: cited === null ? [] : [cited.text],
      },
      'conntrack',
    );
  };
  let passed: WalkStep[] = [];
  const closePassed = () => {
    const first = passed[0];
    if (first === undefined) return;
    const numbers = passed.map((step) => step.rule?.userNumber ?? 0);
    const which = passed.length === 1 ? String(numbers[0]) : `${numbers[0]}-${numbers.at(-1)}`;
    const why = passed.length === 1 ? first.because : `${passed.length} rules`;
    push(
      {
        place: `${first.table} ${first.chain} ${which}`,
        result: 'no match',
        how: why,
        detail: [],
        kind: passed.length === 1 ? 'step' : 'quiet',
        raw: [],
      },
      first.hook.toLowerCase(),
    );
    passed = [];
  };
  for (const step of walk.steps) {
    const isEnd =
      walk.end.hook === step.hook &&
      walk.end.chain === step.chain &&
      walk.end.table === step.table &&
      (walk.end.rule === null ? step.kind === 'policy' : step.rule === walk.end.rule) &&
      walk.end.fate !== 'accepted';
    if (step.table !== 'raw') tellState();
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
          : step.result === 'unknown'
            ? 'cannot tell'
            : (step.verdict ?? 'goes on');
    const isQuiet = !isEnd && ((step.kind === 'policy' && result === 'ACCEPT') || step.kind === 'return');
    const kind = step.rule !== null && wanted.has(step.rule) ? 'wanted' : isEnd ? 'end' : isQuiet ? 'quiet' : 'step';
    const how =
      step.result === 'no-match' || step.result === 'unknown'
        ? withoutCondition(step)
        : (counterWords(subject, step) ?? loggedBy(subject, packet, step));
    push(
      {
        place: place(step),
        result,
        how,
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
