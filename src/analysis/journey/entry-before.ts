// Whether an entry stood already when a packet came, and what it translates: nat tables are then not asked (net/netfilter/nf_nat_core.c:
// nf_nat_inet_fn(), all versions), however NEW the packet is.

import type { TupleRow } from '../../store/case-reader.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { destroyBefore, entryMoment, eventMoment, packetMoment } from '../explain/flow-facts.js';
import { isSurelyBefore } from '../explain/order.js';
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

/** NULL: nothing shows an entry of the connection before this packet. */
export function entryBefore(subject: Case, packet: SeenPacket): EntryBefore | null {
  const moment = packetMoment(packet);
  const gone = destroyBefore(subject, moment);
  const isOfThisLife = (of: Parameters<typeof isSurelyBefore>[0]) =>
    isSurelyBefore(of, moment) && (gone === null || isSurelyBefore(eventMoment(gone), of));
  const rows = [
    ...subject.events.filter((event) => event.kind !== 'DESTROY' && isOfThisLife(eventMoment(event))),
    ...subject.entries.filter((entry) => entry.list === 'main' && isOfThisLife(entryMoment(subject, entry))),
  ];
  const row = rows.find(({ replyTupleId }) => replyTupleId !== null) ?? rows[0];
  if (row === undefined) return null;
  const reply = row.replyTupleId === null ? undefined : subject.tuples.get(row.replyTupleId);
  const translation = translationOf(subject.tuples.get(row.tupleId), reply, packet);
  return { isFirstOfEntry: false, ...(translation === null ? {} : { translation }) };
}
