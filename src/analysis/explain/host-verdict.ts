// What a cause hands back that argues about a host as a whole: the verdict, and what of the finding no packet can fill in.

import type { Fate, Outcome, StoryLine } from '../../model/finding.js';
import type { TupleRow } from '../../store/case-reader.js';
import type { NoticeRow } from '../../store/evidence-reader.js';
import type { EntryWithEnds } from '../../store/stale-suspects.js';
import type { Verdict } from './argument.js';

/** What a finding without a packet line is about. */
export interface HostSubject {
  /** DROP where packets die of it, otherwise OTHER; INVALID or NEW where it is known what they were called. */
  readonly outcome: Outcome;
  readonly fate: Fate;
  /** The connection it is about; NULL: the host, or many connections. */
  readonly flow: (TupleRow & { readonly zone: number | null }) | null;
  /** Tuples of connections it tells of; a packet finding of the same class about one of them tells the story already. */
  readonly tupleIds: readonly number[];
  /** Classes of packet findings that tell this story too, seen from its other end. */
  readonly alsoToldAs?: readonly string[];
  /** It rests on sums since boot alone, so it may be long past: told behind what shows itself in what was looked at. */
  readonly isLongAgo?: boolean;
  /** Its lines may be of other connections than those that packets tell of: told beside them. */
  readonly standsAlone?: boolean;
  /** 'udp 192.0.2.1:53 > 198.51.100.1:53', '212 connections, e.g. …', 'no packet is named'. */
  readonly flowText: string;
  /** '14 messages', '3 entries'. */
  readonly packetText: string;
  /** How many connections. */
  readonly flows: number;
  /** Packets that are known to have met it; 0 where only entries tell. */
  readonly count: number;
  readonly firstAtUs: number | null;
  readonly lastAtUs: number | null;
  /** What the kernel printed, where it did. */
  readonly reason: { readonly id: string; readonly message: string } | null;
  readonly story: readonly StoryLine[];
  /** Messages that this story accounts for: they are not told a second time. */
  readonly notices: readonly NoticeRow[];
}

export interface HostVerdict extends Verdict {
  readonly about: HostSubject;
}

/** The connection of an entry, as a finding about it names it. */
export function flowOfEntry(entry: EntryWithEnds): NonNullable<HostSubject['flow']> {
  const { tupleId: id, proto, src, sport, dst, dport, zone } = entry;
  return { id, proto, src, sport, dst, dport, extra: null, zone };
}
