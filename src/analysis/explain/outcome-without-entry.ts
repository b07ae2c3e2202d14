// What was a packet whose state nobody recorded, where records show that the table held no entry of its connection?

import type { Case } from './case.js';
import { firstPacket, sysctlOf } from './flow-facts.js';
import { tableAtPacket } from './table-at.js';

/** Data and acknowledgements; with SYN, FIN or RST it is another row of the table. */
const MIDSTREAM = /^(PSH )?ACK$/;

/**
 * NEW or INVALID of a TCP packet from the middle of a connection that a rule behind conntrack stopped; NULL where it is not settled.
 * net/netfilter/nf_conntrack_proto_tcp.c: tcp_new(), all versions: without an entry an ACK makes one in ESTABLISHED, and is NEW, unless
 * nf_conntrack_tcp_loose is 0: then it is INVALID, and nothing is printed.
 */
export function outcomeWithoutEntry(given: Omit<Case, 'reason'>): 'NEW' | 'INVALID' | null {
  // One that comes close behind the end of the entry may have met it; the last of those that are sent again did not.
  const subject: Case = { ...given, packets: given.packets.slice(-1), reason: null };
  const packet = firstPacket(subject);
  if (subject.outcome !== 'DROP' || subject.flow.proto !== 6 || subject.fate.fate !== 'dropped') return null;
  if (packet.state !== null || packet.reasonId !== null || !MIDSTREAM.test(packet.flags ?? '')) return null;
  const isBehind = packet.steps.some((step) =>
    ['INPUT', 'FORWARD'].includes(subject.host.rules.chainAt(step)?.hook ?? ''),
  );
  const loose = sysctlOf(subject, 'net.netfilter.nf_conntrack_tcp_loose', packet.row.atUs);
  if (!isBehind || loose === null) return null;
  const table = tableAtPacket(subject);
  if (table.hasEntry !== 'no' || !table.isShown) return null;
  return Number(loose.value) === 0 ? 'INVALID' : 'NEW';
}
