// Is the bound that conntrack holds a sender to the receiver's last acknowledgement plus its window as it stands in the header, not scaled?

import type { EvidenceItem } from '../../../model/finding.js';
import { distance, plus } from '../../../tracker/serial.js';
import type { Case } from '../../explain/case.js';
import { hasOwnNumbers } from '../../explain/conversations.js';
import { citePacket } from '../../explain/flow-facts.js';
import { hasFlag, isSameWay, optionsOf, payloadOf, scaleOf } from '../../explain/segment-facts.js';
import type { Refusal } from './refusals.js';

/** Without scaling no window is larger (RFC 9293, 3.1). */
const LARGEST_PLAIN_WINDOW = 65_535;

export interface UnscaledBound {
  readonly refusal: Refusal;
  /** First number that conntrack does not allow, as printed or as the bytes beyond it tell. */
  readonly bound: number;
  /** The receiver's segment whose numbers make just that bound. */
  readonly ack: number;
  readonly window: number;
  readonly evidence: EvidenceItem;
}

interface Offer {
  readonly ack: number;
  readonly window: number;
  cite(): EvidenceItem;
}

/**
 * The first number beyond what conntrack allows. "N bytes more than expected" counts from one in front of the end allowed
 * (net/netfilter/nf_conntrack_proto_tcp.c: tcp_in_window(), v6.1); the bound that is printed is one behind it.
 */
function boundBehind({ packet, kind, bound, beyondBytes }: Refusal): number | null {
  if (kind === 'seq-over') return bound;
  const payload = payloadOf(packet);
  const { seq } = packet.row;
  if (kind !== 'overshoot-passed' || beyondBytes === null || seq === null) return null;
  return payload === null || payload.least !== payload.most ? null : plus(seq, payload.least - beyondBytes + 2);
}

/** Every window the receiver of a refused segment offered: by lines of the log, and by captures. */
function offersTo({ packet: refused }: Refusal, subject: Case): readonly Offer[] {
  const to = refused.tuples[0];
  const lines = subject.all.flatMap((packet): readonly Offer[] => {
    const { ack, window } = packet.row;
    if (isSameWay(packet, refused) || ack === null || !window || hasFlag(packet, 'SYN') || !hasFlag(packet, 'ACK'))
      return [];
    return [{ ack, window, cite: () => citePacket(subject, packet, 0) }];
  });
  const captured = subject.wire.flatMap((row): readonly Offer[] => {
    const tuple = subject.tuples.get(row.tupleId);
    const { ack, window } = row;
    const isReceiver = tuple !== undefined && to !== undefined && tuple.src === to.dst && tuple.sport === to.dport;
    if (!isReceiver || ack === null || !window || hasFlag(row, 'SYN') || !hasOwnNumbers(row)) return [];
    return [{ ack, window, cite: () => subject.cite.wire(row) }];
  });
  return [...lines, ...captured];
}

/** The shift that the SYN of the receiver of a refused segment offered; -1: none; NULL: not told. */
export function shiftOfReceiver({ packet: refused }: Refusal, subject: Case): number | null {
  const syn = subject.all.findLast(
    (packet) =>
      hasFlag(packet, 'SYN') && !hasFlag(packet, 'RST') && !isSameWay(packet, refused) && optionsOf(packet) !== null,
  );
  return syn === undefined ? null : scaleOf(syn);
}

/** The refusal whose bound is made so; NULL: none, or the receiver offers no scaling that could be lost. */
export function unscaledBound(subject: Case, refusals: readonly Refusal[]): UnscaledBound | null {
  for (const refusal of refusals) {
    const bound = boundBehind(refusal);
    if (bound === null) continue;
    const shift = shiftOfReceiver(refusal, subject);
    if (shift !== null && shift <= 0) continue;
    const offer = offersTo(refusal, subject).find(({ ack, window }) => plus(ack, window + 1) === bound);
    if (offer !== undefined) return { refusal, bound, ack: offer.ack, window: offer.window, evidence: offer.cite() };
  }
  return null;
}

/** The segment lies within the same window when that is scaled as its own SYN offers; NULL: beyond, or the shift is not told. */
export function fitsScaled(subject: Case, { refusal, ack, window }: UnscaledBound): number | null {
  const shift = shiftOfReceiver(refusal, subject);
  const { seq } = refusal.packet.row;
  if (shift === null || shift <= 0 || seq === null) return null;
  const end = plus(seq, payloadOf(refusal.packet)?.least ?? 0);
  return distance(end, plus(ack, window * 2 ** shift)) <= 0 ? shift : null;
}

/** How far the sender runs ahead of what is acknowledged, where only a scaled window lets it; NULL: not that far. */
export function aheadOfPlain({ refusal, ack }: UnscaledBound): number | null {
  const { seq } = refusal.packet.row;
  const ahead = seq === null ? 0 : distance(seq, ack) + (payloadOf(refusal.packet)?.least ?? 0);
  return ahead > LARGEST_PLAIN_WINDOW ? ahead : null;
}
