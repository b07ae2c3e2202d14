// All ways a packet can go where rules ask for what is not told of it, and on what each depends.

import type { Choice, Choose } from '../ruleset/choice.js';
import type { Walk } from '../ruleset/walk.js';

export interface Taken {
  readonly choice: Choice;
  /** Index of the way that was followed. */
  readonly way: number;
}

export interface Way<W extends Walk> {
  readonly walk: W;
  /** In the order in which the packet came by. */
  readonly taken: readonly Taken[];
}

/** Under these conditions the packet ends as this way does. */
export interface Outcome<W extends Walk> {
  readonly when: readonly Condition[];
  readonly way: Way<W>;
}

/** One of these answers to a choice. */
export interface Condition {
  readonly choice: Choice;
  readonly ways: readonly number[];
}

/** Beyond so many ways the packet is described too poorly for an answer. */
export const MOST_WAYS = 128;

/**
 * Walks once for every combination of answers that differ. The first way answers each choice with its first option.
 * @param walk with a function that answers choices; the same answers must give the same walk
 */
export function everyWay<W extends Walk>(
  walk: (choose: Choose) => W,
): { readonly ways: readonly Way<W>[]; readonly isCut: boolean } {
  const ways: Way<W>[] = [];
  const open: (readonly number[])[] = [[]];
  while (open.length > 0 && ways.length < MOST_WAYS) {
    const answers = open.shift() ?? [];
    const taken: Taken[] = [];
    const choose: Choose = (choice) => {
      const way = answers[taken.length] ?? 0;
      taken.push({ choice, way });
      return way;
    };
    ways.push({ walk: walk(choose), taken });
    for (let at = answers.length; at < taken.length; at++) {
      const before = taken.slice(0, at).map(({ way }) => way);
      const others = taken[at]?.choice.ways.length ?? 1;
      for (let way = 1; way < others; way++) open.push([...before, way]);
    }
  }
  return { ways, isCut: open.length > 0 };
}

/** Two ways that end at the same rule, policy or nowhere at all. */
export function isSameEnd(a: Walk, b: Walk): boolean {
  return (
    a.end.fate === b.end.fate &&
    a.end.hook === b.end.hook &&
    a.end.family === b.end.family &&
    a.end.table === b.end.table &&
    a.end.chain === b.end.chain &&
    a.end.rule === b.end.rule &&
    a.packet.dst === b.packet.dst &&
    a.packet.dport === b.packet.dport
  );
}

/** The ends of all ways, without the questions whose answer changes none. */
export function outcomesOf<W extends Walk>(
  ways: readonly Way<W>[],
  isSame: (a: W, b: W) => boolean,
  depth = 0,
): readonly Outcome<W>[] {
  const [first] = ways;
  if (first === undefined) return [];
  const asked = first.taken[depth];
  if (ways.length === 1 || asked === undefined) return [{ when: [], way: first }];
  const byAnswer = new Map<number, Way<W>[]>();
  for (const way of ways) {
    const answer = way.taken[depth]?.way ?? 0;
    byAnswer.set(answer, [...(byAnswer.get(answer) ?? []), way]);
  }
  // Answers that lead to the same one end are one.
  const groups: { ways: number[]; readonly outcomes: readonly Outcome<W>[] }[] = [];
  for (const [answer, those] of [...byAnswer].sort(([a], [b]) => a - b)) {
    const outcomes = outcomesOf(those, isSame, depth + 1);
    const same = groups.find((group) => areSame(group.outcomes, outcomes, isSame));
    if (same) same.ways.push(answer);
    else groups.push({ ways: [answer], outcomes });
  }
  const [only] = groups;
  if (groups.length === 1 && only) return only.outcomes;
  return groups.flatMap(({ ways: answers, outcomes }) =>
    outcomes.map(({ when, way }) => ({ when: [{ choice: asked.choice, ways: answers }, ...when], way })),
  );
}

function areSame<W extends Walk>(
  a: readonly Outcome<W>[],
  b: readonly Outcome<W>[],
  isSame: (a: W, b: W) => boolean,
): boolean {
  return (
    a.length === b.length &&
    a.every((one, at) => {
      const other = b[at]!;
      return (
        isSame(one.way.walk, other.way.walk) &&
        one.when.length === other.when.length &&
        one.when.every((condition, index) => {
          const their = other.when[index]!;
          return (
            their.choice.rule === condition.choice.rule &&
            their.choice.because === condition.choice.because &&
            their.ways.join() === condition.ways.join()
          );
        })
      );
    })
  );
}
