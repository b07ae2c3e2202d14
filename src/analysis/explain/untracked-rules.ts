// Rules that keep packets from the tracker, or send them to another zone of it: with one, a direction that is not in the table may have
// been here all the same.

import type { Rule } from '../../model/ruleset.js';
import type { LookAlike } from './argument.js';
import { ruledOutBy } from './argument.js';
import { ASK } from './ask.js';
import type { Case } from './case.js';

/** NOTRACK, CT --notrack, notrack; CT --zone and ct zone set. */
export function isUntracking(rule: Rule): boolean {
  return /\bNOTRACK\b|--notrack\b|\bnotrack\b/.test(rule.text);
}

function setsZone(rule: Rule): boolean {
  return /--zone(?:-orig|-reply)?\b|\bct (?:original |reply )?zone set\b/.test(rule.text);
}

export function rulesThat(subject: Case, test: (rule: Rule) => boolean): readonly Rule[] {
  return subject.host.rules.rulesets
    .flatMap((ruleset) => ruleset.chains)
    .flatMap((chain) => chain.rules)
    .filter(test);
}

/** The part of a snapshot that shows a ruleset was read whole; undefined when none was. */
export function rulesRead(subject: Case) {
  return subject.host.parts.find((part) => part.part.startsWith('rules:') && part.state === 'read');
}

/** 'The other direction is untracked, or in another zone', ruled out by a ruleset that has no such rule. */
export function notUntracked(subject: Case): LookAlike {
  const found = rulesThat(subject, (rule) => isUntracking(rule) || setsZone(rule));
  return ruledOutBy(
    'untrackable',
    'no rule here keeps packets from the tracker or sends them to another zone',
    found.length > 0 ? [] : [subject.cite.absence(rulesRead(subject), 'no NOTRACK and no zone in the ruleset')],
    ASK.ruleset,
  );
}
