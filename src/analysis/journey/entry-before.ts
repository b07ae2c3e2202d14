// Whether an entry stood already when a packet came, and what it translates: nat tables are then not asked (net/netfilter/nf_nat_core.c:
// nf_nat_inet_fn(), all versions), however NEW the packet is.

import type { TupleRow } from '../../store/case-reader.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { destroyBefore, entryMoment, eventMoment, packetMoment } from '../explain/flow-facts.js';
import { isSurelyBefore, type Moment } from '../explain/order.js';
import type { Translation } from '../ruleset/nat-of-entry.js';

export interface EntryBefore {
  readonly isFirstOfEntry: boolean;
  readonly translation?: Translation;
}

/** What the entry makes of a packet of its own direction. */
function translationOf(
  orig: TupleRow | undefined,
  reply: TupleRow | undefined,
  packet: SeenPacket,
): Translation | null {
  const tuple = packet.tuples[0];
  if (
    orig === undefined ||
    reply === undefined ||
    tuple === undefined ||
    tuple.src !== orig.src ||
    tuple.dst !== orig.dst
  )
    return null;
  return {
    dst: reply.src === orig.dst && reply.sport === orig.dport ? null : { address: reply.src, port: reply.sport },
    src: reply.dst === orig.src && reply.dport === orig.sport ? null : { address: reply.dst, port: reply.dport },
  };
}

/**
 * What the connection's entry says of NAT for this packet: it stood before, or it is not translated, whatever the rules of today would do.
 * NULL: nothing shows that nat rules were not asked.
 */
export function entryBefore(subject: Case, packet: SeenPacket): EntryBefore | null {
  const moment = packetMoment(packet);
  const gone = destroyBefore(subject, moment);
  const isOfThisLife = (of: Moment) => gone === null || isSurelyBefore(eventMoment(gone), of);
  const all = [
    ...subject.events.filter(({ kind }) => kind !== 'DESTROY').map((row) => ({ row, of: eventMoment(row) })),
    ...subject.entries.filter(({ list }) => list === 'main').map((row) => ({ row, of: entryMoment(subject, row) })),
  ].filter(({ of }) => isOfThisLife(of));
  const rows = all.filter(({ of }) => isSurelyBefore(of, moment)).map(({ row }) => row);
  const isPlain = ({ tupleId, replyTupleId }: (typeof all)[number]['row']) => {
    const [orig, reply] = [subject.tuples.get(tupleId), subject.tuples.get(replyTupleId ?? -1)];
    return (
      orig !== undefined &&
      reply !== undefined &&
      reply.src === orig.dst &&
      reply.dst === orig.src &&
      reply.sport === orig.dport
    );
  };
  // Read later it tells the same: what an entry translates to is settled when it is made.
  if (rows.length === 0 && all.length > 0 && all.every(({ row }) => isPlain(row))) return { isFirstOfEntry: false };
  const row = rows.find(({ replyTupleId }) => replyTupleId !== null) ?? rows[0];
  if (row === undefined) return null;
  const reply = row.replyTupleId === null ? undefined : subject.tuples.get(row.replyTupleId);
  const translation = translationOf(subject.tuples.get(row.tupleId), reply, packet);
  return { isFirstOfEntry: false, ...(translation === null ? {} : { translation }) };
}
