// How address translation changes a connection, and which of its four names a packet carries: as the client sends it, as the server answers,
// or one that only shows up where translation was skipped.

import type { EvidenceItem } from '../../../model/finding.js';
import type { Tuple } from '../../../model/tuple.js';
import type { Case } from '../../explain/case.js';
import { entryMoment } from '../../explain/flow-facts.js';

export interface Translation {
  /** As the first packet came in. */
  readonly orig: Tuple;
  /** As its answer comes in. */
  readonly reply: Tuple;
  readonly isSource: boolean;
  readonly isDestination: boolean;
  readonly evidence: EvidenceItem;
}

export function isSame(a: Tuple, b: Tuple): boolean {
  return a.src === b.src && a.dst === b.dst && a.sport === b.sport && a.dport === b.dport;
}

export function inverse(tuple: Tuple): Tuple {
  return { ...tuple, src: tuple.dst, dst: tuple.src, sport: tuple.dport, dport: tuple.sport };
}

/** What the entry of a connection makes of its addresses; NULL when no entry or event tells, or nothing is translated. */
export function translationOf(subject: Case): Translation | null {
  const entry = subject.entries.filter((one) => one.list === 'main').at(-1);
  const event = subject.events.findLast((one) => one.replyTupleId !== null);
  const ids = entry ?? (event === undefined ? null : { tupleId: event.tupleId, replyTupleId: event.replyTupleId! });
  const orig = ids === null ? undefined : subject.tuples.get(ids.tupleId);
  const reply = ids === null ? undefined : subject.tuples.get(ids.replyTupleId);
  if (orig === undefined || reply === undefined || isSame(inverse(orig), reply)) return null;
  const evidence =
    (entry === undefined ? null : subject.cite.entry(entry, entryMoment(subject, entry).atUs)) ??
    (event === undefined ? null : subject.cite.event(event));
  if (evidence === null) return null;
  return { orig, reply, isSource: reply.dst !== orig.src, isDestination: reply.src !== orig.dst, evidence };
}

/**
 * 'out'        as the client sends it: to be translated on its way out
 * 'back'       as the server answers: to be translated back
 * 'stranger'   the answer to a packet that left untranslated: nobody outside knows these addresses otherwise
 * 'own-reset'  from the translating host itself: its answer to one that was not translated back
 */
export type Role = 'out' | 'back' | 'stranger' | 'own-reset';

export function roleOf(tuple: Tuple, { orig, reply }: Translation): Role | null {
  if (isSame(tuple, orig)) return 'out';
  if (isSame(tuple, reply)) return 'back';
  if (isSame(tuple, inverse(orig))) return 'stranger';
  if (isSame(tuple, inverse(reply))) return 'own-reset';
  return null;
}
