// Did the table hold an entry of the flow when a packet looked it up? Only records that could show it are believed, and each answer
// says how firm it is.

import type { EvidenceItem } from '../../model/finding.js';
import type { Case } from './case.js';
import {
  completeCoverage,
  destroyBefore,
  entryMoment,
  eventMoment,
  firstPacket,
  livesBefore,
  packetMoment,
} from './flow-facts.js';
import { isSurelyBefore, orderOf } from './order.js';

export interface TableAt {
  readonly hasEntry: 'yes' | 'no' | 'unknown';
  /** true: records show it for that very moment; false: it follows from records of other moments. */
  readonly isShown: boolean;
  readonly evidence: readonly EvidenceItem[];
}

const UNKNOWN: TableAt = { hasEntry: 'unknown', isShown: false, evidence: [] };

/** A DESTROY in front of the packet with no NEW between: shown where the stream of events was whole all the while. */
function afterDestroy(subject: Case): TableAt | null {
  const moment = packetMoment(firstPacket(subject));
  const destroy = destroyBefore(subject, moment);
  if (destroy === null) return null;
  const isReborn = subject.events.some(
    (event) =>
      event.kind === 'NEW' && event.sourceId === destroy.sourceId && event.line > destroy.line && isIn(event, moment),
  );
  if (isReborn) return null;
  const whole = completeCoverage(subject, 'events', destroy.atUs, moment.atUs);
  const covered = subject.cite.coverage(whole, 'events were listened to from then on, and show no new entry');
  // One that follows the packet within the events' delay may be the doing of something else.
  const isEarlier = isSurelyBefore(eventMoment(destroy), moment) || isOutOfTime(subject);
  return {
    hasEntry: 'no',
    isShown: isEarlier && covered !== null && destroy.atUs !== null && moment.atUs !== null,
    evidence: [subject.cite.event(destroy), ...(covered === null ? [] : [covered])],
  };
}

function isIn(event: Parameters<typeof eventMoment>[0], moment: Parameters<typeof orderOf>[1]): boolean {
  return orderOf(eventMoment(event), moment) !== 'after';
}

/** What was last heard of the entry let it live no longer than until the packet. */
function isOutOfTime(subject: Case): boolean {
  const moment = packetMoment(firstPacket(subject));
  const last = livesBefore(subject, moment)
    .filter((life) => life.livesUntilUs !== null)
    .at(-1);
  if (last === undefined || moment.atUs === null) return false;
  return last.livesUntilUs! + (last.moment.errorUs ?? 0) + (moment.errorUs ?? 0) <= moment.atUs;
}

/** An entry was listed or reported, would have lived on, and nothing took it: firm where events would have shown that. */
function stillAlive(subject: Case): TableAt | null {
  const moment = packetMoment(firstPacket(subject));
  if (moment.atUs === null) return null;
  const last = livesBefore(subject, moment)
    .filter((life) => life.livesUntilUs !== null)
    .at(-1);
  if (last === undefined || last.livesUntilUs! <= moment.atUs) return null;
  const after = subject.entries.find(
    (entry) => entry.list === 'main' && orderOf(entryMoment(subject, entry), moment) === 'after',
  );
  const later = after === undefined ? null : subject.cite.entry(after, entryMoment(subject, after).atUs);
  const covered = subject.cite.coverage(
    completeCoverage(subject, 'events', last.moment.atUs, moment.atUs),
    'events were listened to, and none shows it going',
  );
  if (later === null && covered === null && last.kind !== 'event') return null;
  return {
    hasEntry: 'yes',
    // Since 5.19 an entry from before the listening would go without an event.
    isShown: covered !== null && subject.events.some((event) => event.kind === 'NEW' && isIn(event, moment)),
    evidence: [last.evidence, ...[later, covered].filter((item): item is EvidenceItem => item !== null)],
  };
}

/** No entry in a listing: of before the packet with whole events between, or only of afterwards. */
function notListed(subject: Case): TableAt | null {
  const moment = packetMoment(firstPacket(subject));
  const read = subject.host.parts.filter((part) => part.part === 'list:main' && part.state === 'read');
  for (const part of read.toReversed()) {
    if (subject.entries.some((entry) => entry.snapshotId === part.snapshotId && entry.list === 'main')) continue;
    const cited = subject.cite.absence(part, 'no entry of the flow in the listing');
    if (cited === null) continue;
    if (part.atUs !== null && isSurelyBefore({ atUs: part.atUs, errorUs: 50_000 }, moment)) {
      const covered = subject.cite.coverage(
        completeCoverage(subject, 'events', part.atUs, moment.atUs),
        'events were listened to, and show no new entry',
      );
      const isBorn = subject.events.some((event) => event.kind === 'NEW' && isIn(event, moment));
      if (isBorn) continue;
      return { hasEntry: 'no', isShown: covered !== null, evidence: covered === null ? [cited] : [cited, covered] };
    }
    if (subject.outcome === 'INVALID') return { hasEntry: 'no', isShown: false, evidence: [cited] };
  }
  return null;
}

/** What the table held for the first packet of a case. */
export function tableAtPacket(given: Omit<Case, 'reason'>): TableAt {
  const subject: Case = { ...given, reason: null };
  return afterDestroy(subject) ?? stillAlive(subject) ?? notListed(subject) ?? UNKNOWN;
}
