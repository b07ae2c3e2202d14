// The same of packets that are NEW again and again: their entry is old and keeps them away from the rule that would translate them.

import type { SiblingEntry } from '../../../store/flow-reader.js';
import type { Verdict } from '../../explain/argument.js';
import type { Case } from '../../explain/case.js';
import { citePacket, entryMoment, isLocalOutput } from '../../explain/flow-facts.js';
import type { Cause } from '../cause.js';
import { argueStale, STALE_WORDS, type StaleSigns, translationWords } from './argue-stale.js';
import { translatingRule } from './nat-rule.js';

function entryOf(subject: Case, one: SiblingEntry) {
  const row = subject.entries.find((entry) => entry.versionId === one.versionId);
  return row === undefined ? null : subject.cite.entry(row, entryMoment(subject, row).atUs);
}

/** What speaks for a stale entry; NULL: nothing. */
export function staleSigns(subject: Case): StaleSigns | null {
  const own = subject.siblings.find((one) => one.isOwn && (one.isUnreplied || one.proto === 17));
  if (own === undefined) return null;
  const evidence = entryOf(subject, own);
  if (evidence === null || translationWords(own) !== '' || own.isUnreplied === 0) return null;
  const siblings = subject.siblings
    .filter((one) => !one.isOwn && translationWords(one) !== '')
    .sort((a, b) => Number(b.src === own.src) - Number(a.src === own.src));
  if (siblings.some((one) => one.replyDst === own.src && one.src !== own.src)) return null;
  // Without an interface it came by, a packet may be this host's own.
  const cameIn = subject.packets.some((packet) => packet.steps.some((step) => (step.inIf ?? '') !== ''));
  const isOwn = isLocalOutput(subject);
  const inIf = subject.packets.flatMap(({ steps }) => steps).find((step) => (step.inIf ?? '') !== '')?.inIf ?? null;
  const rule = translatingRule(subject.host, own, isOwn ? true : cameIn ? false : null, inIf);
  if (siblings.length === 0 && rule === null) return null;
  const later = subject.packets.length > 1 ? subject.packets.at(-1) : undefined;
  return {
    own,
    ownEvidence: [evidence],
    siblings: siblings.slice(0, 3).map((one) => ({ ...one, evidence: subject.siblingEvidence(one), isBeside: false })),
    rule,
    isOnItsWay: isOwn || cameIn,
    refresh:
      later === undefined
        ? null
        : {
            says: `${subject.count} packets of it are NEW, each refreshes the entry`,
            evidence: [citePacket(subject, later)],
          },
    pickedFrom: null,
  };
}

export const staleEntryOfPackets: Cause = {
  ...STALE_WORDS,
  argue(subject): Verdict | null {
    if (subject.outcome !== 'NEW') return null;
    const signs = staleSigns(subject);
    return signs === null ? null : argueStale(signs).verdict;
  },
};
