// Is, or was, a connection carried past conntrack by flow offload? Its entry says so, or a rule that sends such flows there.

import type { EvidenceItem } from '../../../model/finding.js';
import { type LookAlike, ruledOutBy } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { entryMoment } from '../../explain/flow-facts.js';
import { rulesRead, rulesThat } from '../../explain/untracked-rules.js';

const OFFLOADED = /\b(?:HW_)?OFFLOAD\b/;

/** The records that show [OFFLOAD] or [HW_OFFLOAD] on the entry of the flow. */
export function offloadMarks(subject: Case): readonly EvidenceItem[] {
  const events = subject.events
    .filter((event) => OFFLOADED.test(event.status ?? ''))
    .map((event) => subject.cite.event(event));
  const entries = subject.entries
    .filter((entry) => OFFLOADED.test(entry.status ?? ''))
    .map((entry) => subject.cite.entry(entry, entryMoment(subject, entry).atUs));
  return [...events, ...entries].filter((item): item is EvidenceItem => item !== null).slice(0, 3);
}

/** Rules that send flows into a flowtable or to an accelerator: 'flow add @f', -j FLOWOFFLOAD. */
export function offloadRules(subject: Case) {
  return rulesThat(subject, (rule) => /\bflow (?:add|offload) @|\bFLOWOFFLOAD\b/.test(rule.text));
}

/** 'Part of it was carried by flow offload', ruled out by a ruleset that offloads nothing and an entry without the mark. */
export function notOffloaded(subject: Case): LookAlike {
  const entry = subject.entries.find((one) => one.list === 'main');
  const cited = entry === undefined ? null : subject.cite.entry(entry, entryMoment(subject, entry).atUs);
  const isClean = offloadMarks(subject).length === 0 && offloadRules(subject).length === 0;
  const read = subject.cite.absence(rulesRead(subject), 'no rule that offloads flows');
  return ruledOutBy(
    'offload-blind-window',
    'no rule offloads flows, and its entry has no mark of it',
    isClean && cited !== null && read !== null ? [cited, read] : [],
    cited === null ? ASK.listing : ASK.ruleset,
  );
}
