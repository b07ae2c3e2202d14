// Which check of the kernel it was: printed by the kernel, or worked out from the packet and what the table held.

import { reasonsForPacket } from '../../catalogue/candidates.js';
import type { KernelVersion } from '../../catalogue/kernel-version.js';
import { protocolName } from '../../text/protocols.js';
import type { Case, Reason } from './case.js';
import { completeCoverage, firstPacket, livesBefore, packetMoment, sysctlOf } from './flow-facts.js';
import type { PathReading } from './read-path.js';

/** Whether the table held an entry for the packet, as far as records tell. */
function hasEntry(subject: Omit<Case, 'reason'>): 'yes' | 'no' | 'unknown' {
  const asCase = { ...subject, reason: null };
  const moment = packetMoment(firstPacket(asCase));
  const lives = livesBefore(asCase, moment);
  const destroyed = subject.events.some((event) => event.kind === 'DESTROY');
  const after = subject.host.parts.filter((part) => part.part === 'list:main' && part.state === 'read').at(-1);
  const isListedAfter =
    after !== undefined &&
    subject.entries.some((entry) => entry.snapshotId === after.snapshotId && entry.list === 'main');
  if (after !== undefined && !isListedAfter && (destroyed || subject.outcome === 'INVALID')) return 'no';
  if (
    lives.some((life) => life.livesUntilUs !== null && moment.atUs !== null && life.livesUntilUs > moment.atUs) &&
    !destroyed
  )
    return 'yes';
  return 'unknown';
}

/** Whether a log_invalid line of this protocol would have been seen: then a check that prints one is ruled out by its silence. */
function isLogged(subject: Omit<Case, 'reason'>, atUs: number | null): 'yes' | 'unknown' {
  const asCase = { ...subject, reason: null };
  const name = protocolName(subject.flow.proto);
  const covered =
    completeCoverage(asCase, `log-invalid:${name}`, atUs, atUs) ??
    completeCoverage(asCase, 'log-invalid:all', atUs, atUs);
  return covered !== undefined && atUs !== null ? 'yes' : 'unknown';
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
  const all = reasonsForPacket(
    {
      proto: subject.flow.proto,
      flags: packet.flags,
      icmpType: icmpType === undefined ? null : Number(icmpType),
      incompleteBytes: typeof incomplete === 'number' ? incomplete : null,
      isFragment: packet.row.extra['frag'] !== undefined,
      state,
      hasEntry: hasEntry(subject),
      looseSysctl: loose === null ? null : Number(loose.value) !== 0,
      family: subject.flow.src.includes(':') ? 'ip6' : 'ip',
      message: null,
      wouldBeLogged: isLogged(subject, packet.row.atUs),
    },
    kernel,
  );
  // A question asked in front of conntrack is settled where the state was read off a rule: there it is not asked for.
  const candidates = all.filter((one) => one.reason.id !== 'not-seen-by-conntrack' || packet.stateIs !== 'shown');
  const best = candidates[0];
  // 'packet' only when nothing else is left and nothing it needs is unknown.
  return best === undefined
    ? null
    : {
        id: best.reason.id,
        message: '',
        by: candidates.length === 1 && best.isComplete ? 'packet' : 'candidate',
        candidates: candidates.map((one) => one.reason.id),
      };
}
