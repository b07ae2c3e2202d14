// Is there a sign that an entry keeps its flow away from what the rules say today? A flow with such a sign must not be called ordinary, nor be
// left open without a word of it. causes/stale-entry/ argues the class, and asks for more: an entry without an answer that is not translated,
// its rule on the packet's way. So a sign may be here where no cause says anything; what a cause argues is always a sign here, too.

import type { EvidenceItem } from '../../model/finding.js';
import type { EntryRow } from '../../store/evidence-reader.js';
import type { SiblingEntry } from '../../store/flow-reader.js';
import type { Case } from './case.js';
import { entryMoment, firstPacket } from './flow-facts.js';

export interface StaleSign {
  /** 'its entry is not translated, while …' */
  readonly says: string;
  readonly evidence: readonly EvidenceItem[];
}

type Ends = Pick<
  SiblingEntry,
  'src' | 'sport' | 'dst' | 'dport' | 'replySrc' | 'replySport' | 'replyDst' | 'replyDport'
>;

function isPlainInverse(ends: Ends): boolean {
  return ends.replySrc === ends.dst && ends.replyDst === ends.src && ends.replySport === ends.dport;
}

/** Which side of an entry is translated to what: siblings with other answers than ours make ours suspect. */
function translation(ends: Ends): string {
  const to = ends.replySrc === ends.dst && ends.replySport === ends.dport ? '' : `to ${ends.replySrc}`;
  const from = ends.replyDst === ends.src ? '' : `as ${ends.replyDst}`;
  return `${to} ${from}`.trim();
}

/** A translating rule of today that this flow's first packet would meet. */
function meetsNatRule(subject: Case) {
  const walk = subject.host.rules.walk(firstPacket(subject), subject.flow, null);
  return (
    walk?.steps.find((step) => step.kind === 'rule' && step.result === 'match' && step.rule?.verdict === 'NAT') ?? null
  );
}

/** NULL: nothing here speaks for a stale entry. */
export function staleSign(subject: Case): StaleSign | null {
  const own = subject.siblings.filter((one) => one.isOwn);
  const entry = own.find((one) => one.isUnreplied || one.proto === 17);
  if (entry === undefined) return null;
  const row = subject.entries.find((one: EntryRow) => one.versionId === entry.versionId);
  const cited = row === undefined ? null : subject.cite.entry(row, entryMoment(subject, row).atUs);
  if (cited === null) return null;
  const mine = translation(entry);
  const others = subject.siblings.filter((one) => !one.isOwn);
  const translated = others.filter((one) => translation(one) !== '');
  if (isPlainInverse(entry) && translated.length > 0)
    return {
      says: `its entry is not translated (reply source ${entry.replySrc}), while another to the same destination is (${translation(translated[0]!)})`,
      evidence: [cited],
    };
  if (isPlainInverse(entry)) {
    const met = meetsNatRule(subject);
    const rule = met?.rule ?? null;
    if (rule !== null)
      return {
        says: `its entry is not translated, though a rule of today would translate it (${rule.text})`,
        evidence: [cited],
      };
  }
  // Every other flow to there is sent elsewhere: the backend of this entry may be one of yesterday.
  if (mine !== '' && others.length > 1 && others.every((one) => translation(one) !== mine))
    return { says: `its entry is translated ${mine}, and no other flow to there is`, evidence: [cited] };
  return null;
}
