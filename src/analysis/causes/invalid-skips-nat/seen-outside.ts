// Did a capture see the packet behind the translating host with the addresses it came with?

import type { EvidenceItem } from '../../../model/finding.js';
import type { CapturedRow } from '../../../store/capture-reader.js';
import type { Case, SeenPacket } from '../../explain/case.js';
import { places } from '../../explain/conversations.js';
import { inverse, isSame, type Translation } from './translation.js';

/** A packet is taken for the captured one within this time, beyond what the clocks are off. */
const SAME_WITHIN_US = 100_000;

function isThis(row: CapturedRow, packet: SeenPacket): boolean {
  const seen = packet.row;
  if (row.flags !== null && packet.flags !== null && row.flags !== packet.flags) return false;
  if (row.ipId !== null && seen.ipId !== null && (row.ipId !== 0 || seen.ipId !== 0)) return row.ipId === seen.ipId;
  if (row.seq !== null && seen.seq !== null && row.extra['hasRelativeNumbers'] !== true) return row.seq === seen.seq;
  if (row.atUs === null || seen.atUs === null) return false;
  return Math.abs(row.atUs - seen.atUs) <= SAME_WITHIN_US + (row.errorUs ?? 0) + (seen.errorUs ?? 0);
}

/**
 * The outer side: most of the connection is seen there with its translated addresses, its SYN never with the first ones. A capture of both
 * sides has the answers with the first addresses, too.
 */
function isOutside(subject: Case, rows: readonly CapturedRow[], { orig, reply }: Translation): boolean {
  const named = (name: typeof orig) =>
    rows.filter((row) => {
      const own = subject.tuples.get(row.tupleId);
      return own !== undefined && isSame(own, name);
    });
  const [leaving, inner, answers] = [named(inverse(reply)).length, named(orig), named(reply).length];
  if (inner.some((row) => /\bSYN\b/.test(row.flags ?? ''))) return false;
  const isOneSided = leaving > 0 && answers > 0 && named(inverse(orig)).length === 0;
  return leaving > inner.length || (isOneSided && leaving + answers > inner.length);
}

/** The captured packet as evidence; NULL when no capture shows it. */
export function seenOutside(subject: Case, packet: SeenPacket, translation: Translation): EvidenceItem | null {
  for (const rows of places(subject.wire)) {
    if (!isOutside(subject, rows, translation)) continue;
    const row = rows.find((one) => {
      const tuple = subject.tuples.get(one.tupleId);
      return tuple !== undefined && isSame(tuple, translation.orig) && isThis(one, packet);
    });
    if (row !== undefined) return subject.cite.wire(row);
  }
  return null;
}

/** A reset from the translating host's own address, right after the answer it did not translate back. */
export function resetSeen(subject: Case, packet: SeenPacket, { reply }: Translation): EvidenceItem | null {
  const { atUs, errorUs, ack } = packet.row;
  const reset = subject.wire.find((row) => {
    const tuple = subject.tuples.get(row.tupleId);
    if (tuple === undefined || !isSame(tuple, inverse(reply)) || !/\bRST\b/.test(row.flags ?? '')) return false;
    // A RST that answers a segment has its acknowledgement for a sequence number (net/ipv4/tcp_ipv4.c: tcp_v4_send_reset(), all versions).
    const isAnswer = ack === null || row.seq === null || row.extra['hasRelativeNumbers'] === true || row.seq === ack;
    const late = row.atUs === null || atUs === null ? null : row.atUs - atUs;
    const slack = SAME_WITHIN_US + (row.errorUs ?? 0) + (errorUs ?? 0);
    return isAnswer && late !== null && Math.abs(late) <= slack;
  });
  return reset === undefined ? null : subject.cite.wire(reset);
}
