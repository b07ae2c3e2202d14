// Every question of `ctwhy doctor`, asked of one set of facts. Pure: a live host and a bundle give the same answers.

import type { AnsweredQuestion, Diagnosis, Keep } from '../../model/diagnosis.js';
import type { HostFacts } from '../../model/host-setup.js';
import { inOrder } from './in-order.js';
import { never } from './never.js';
import { asked, type Question } from './question.js';
import { everyPacket, lastNight } from './questions/coverage.js';
import { howMuch, howOld, tableFull, whoRemoved } from './questions/entries.js';
import { whyOthersInvalid, whyTcpInvalid } from './questions/invalid.js';
import { whichRuleDrops, whichState } from './questions/rules.js';
import { watchOut } from './watch-out.js';

/** In the order of the screen. */
export const QUESTIONS: readonly Question[] = [
  whyTcpInvalid,
  whyOthersInvalid,
  whichRuleDrops,
  whichState,
  everyPacket,
  whoRemoved,
  howOld,
  howMuch,
  tableFull,
  lastNight,
];

export function diagnose(facts: HostFacts): Diagnosis {
  const subject = asked(facts);
  return {
    questions: QUESTIONS.filter(({ isOfHostOnly }) => facts.from === 'host' || isOfHostOnly !== true).map(
      ({ id, words, answer }): AnsweredQuestion => ({ id, question: words, ...answer(subject) }),
    ),
    never: never(subject),
    watchOut: watchOut(subject),
    ok: inOrder(facts),
  };
}

const settingOf = (line: string) => line.split(/\s*=/)[0]!;

/**
 * The lines that would make all of it outlive a reboot, those left out that are there already. Of two values for one setting the larger
 * one stands: log_invalid is never narrowed.
 */
export function linesToKeep(questions: readonly AnsweredQuestion[], kept: ReadonlySet<string>): readonly Keep[] {
  const bySetting = new Map<string, Keep>();
  for (const keep of questions.flatMap((question) => question.keep ?? [])) {
    const known = bySetting.get(settingOf(keep.line));
    const value = (line: string) => Number(line.split('=')[1] ?? 0);
    if (known === undefined || value(keep.line) > value(known.line)) bySetting.set(settingOf(keep.line), keep);
  }
  return [...bySetting.values()].filter(({ line }) => !kept.has(line));
}
