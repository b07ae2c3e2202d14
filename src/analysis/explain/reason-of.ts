// Which check of the kernel it was: printed by the kernel, or worked out from the packet and what the table held.

import { reasonsForPacket } from '../../catalogue/candidates.js';
import type { KernelVersion } from '../../catalogue/kernel-version.js';
import type { Case, Reason, SeenPacket } from './case.js';
import { firstPacket, silenceOfLog, sysctlOf } from './flow-facts.js';
import type { PathReading } from './read-path.js';
import { tableAtPacket } from './table-at.js';

/**
 * Whether a log_invalid line about the packet would have been seen: then a check that prints one is ruled out by its silence.
 * Only a log that shows this packet's own LOG or TRACE line could have shown it.
 */
function isLogged(subject: Case, packet: SeenPacket): 'yes' | 'unknown' {
  return silenceOfLog(subject, packet) === null ? 'unknown' : 'yes';
}

/** NULL when nothing narrows it down. */
export function reasonOf(
  subject: Omit<Case, 'reason'>,
  reading: PathReading,
  kernel: KernelVersion | null,
): Reason | null {
  if (reading.reasonId !== null)
    return {
      id: reading.reasonId,
      message: (reading.reasonMessage ?? '').trim(),
      by: 'message',
      candidates: [reading.reasonId],
    };
  const state = subject.outcome === 'INVALID' || subject.outcome === 'NEW' ? subject.outcome : null;
  if (state === null) return null;
  const packet = firstPacket({ ...subject, reason: null });
  const incomplete = packet.row.extra['incomplete'];
  const icmpType = /\btype=(\d+)/.exec(packet.tuples[0]?.extra ?? '')?.[1];
  const loose = sysctlOf({ ...subject, reason: null }, 'net.netfilter.nf_conntrack_tcp_loose', packet.row.atUs);
  const table = tableAtPacket(subject);
  const reasonsIf = (hasEntry: 'yes' | 'no' | 'unknown') =>
    reasonsForPacket(
      {
        proto: subject.flow.proto,
        flags: packet.flags,
        icmpType: icmpType === undefined ? null : Number(icmpType),
        incompleteBytes: typeof incomplete === 'number' ? incomplete : null,
        isFragment: packet.row.extra['frag'] !== undefined,
        state,
        hasEntry,
        looseSysctl: loose === null ? null : Number(loose.value) !== 0,
        family: subject.flow.src.includes(':') ? 'ip6' : 'ip',
        message: null,
        wouldBeLogged: isLogged({ ...subject, reason: null }, packet),
      },
      kernel,
    )
      // A question asked in front of conntrack is settled where the state was read off a rule: there it is not asked for.
      .filter((one) => one.reason.id !== 'not-seen-by-conntrack' || packet.stateIs !== 'shown');
  const candidates = reasonsIf(table.hasEntry);
  const best = candidates[0];
  // Settled: nothing else is left and nothing it needs is unknown; or the silence of the log leaves nothing else, whatever the table held.
  const isSettled =
    candidates.length === 1 &&
    ((best!.isComplete && (table.isShown || table.hasEntry === 'unknown')) ||
      (kernel !== null && reasonsIf('unknown').length === 1));
  return best === undefined
    ? null
    : {
        id: best.reason.id,
        message: '',
        by: isSettled ? 'packet' : 'candidate',
        candidates: candidates.map((one) => one.reason.id),
      };
}
