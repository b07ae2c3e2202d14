// Whether an entry can have run out at all: one whose connection began, or last heard of its peer, more recently than it lives cannot.

import type { EvidenceItem } from '../../../model/finding.js';
import { duration } from '../../../text/time.js';
import type { Case } from '../../explain/case.js';
import { citePacket, eventMoment, openSocket, packetMoment, socketInfo, sysctlOf } from '../../explain/flow-facts.js';
import { type Moment, orderOf } from '../../explain/order.js';
import type { Removal } from './removal.js';

export interface TooYoung {
  /** 'it was 40 s old, and an established entry lives 432000 s'. */
  readonly says: string;
  readonly evidence: readonly (EvidenceItem | null)[];
}

/** Sockets whose peer has not closed: their entry was ESTABLISHED when nobody had closed before. */
const UNCLOSED_BY_PEER = ['ESTAB', 'FIN-WAIT-1'];

/** How long an established entry lives, by the setting or by the entry itself. */
function lifetimeOf(subject: Case, { last }: Removal) {
  const setting = sysctlOf(subject, 'net.netfilter.nf_conntrack_tcp_timeout_established', null);
  if (setting !== null) return { seconds: Number(setting.value), evidence: subject.cite.value(setting, null) };
  // An event tells the whole time, a listing what is left of it.
  return last?.state === 'ESTABLISHED' && last.kind === 'event' && last.timeoutS !== null
    ? { seconds: last.timeoutS, evidence: last.evidence }
    : null;
}

/** The first record of this connection, where it shows how it began. */
function beginning(
  subject: Case,
  goneBy: Moment,
): { readonly atUs: number; readonly evidence: EvidenceItem | null } | null {
  const event = subject.events.findLast(
    (one) => one.kind === 'NEW' && one.atUs !== null && orderOf(eventMoment(one), goneBy) === 'before',
  );
  if (event !== undefined) return { atUs: event.atUs!, evidence: subject.cite.event(event) };
  const syn = subject.all.findLast(
    (packet) =>
      /\bSYN\b/.test(packet.flags ?? '') &&
      packet.row.atUs !== null &&
      orderOf(packetMoment(packet), goneBy) === 'before',
  );
  return syn === undefined ? null : { atUs: syn.row.atUs!, evidence: citePacket(subject, syn) };
}

/** NULL: nothing says that its time cannot have run out. Of TCP connections that nobody had closed. */
export function tooYoung(subject: Case, removal: Removal): TooYoung | null {
  if (subject.flow.proto !== 6) return null;
  const lifetime = lifetimeOf(subject, removal);
  if (lifetime === null || !Number.isFinite(lifetime.seconds)) return null;
  const socket = openSocket(subject);
  const wasEstablished =
    removal.last?.state === 'ESTABLISHED' ||
    removal.destroy?.state === 'ESTABLISHED' ||
    (socket !== null && UNCLOSED_BY_PEER.includes(socket.state));
  if (!wasEstablished) return null;
  const lives = `an established entry lives ${lifetime.seconds} s`;
  const { atUs, errorUs } = removal.goneBy;
  const began = beginning(subject, removal.goneBy);
  if (began !== null && atUs !== null && atUs - began.atUs + (errorUs ?? 0) < lifetime.seconds * 1e6)
    return {
      says: `the connection was ${duration(atUs - began.atUs)} old, and ${lives}`,
      evidence: [began.evidence, lifetime.evidence],
    };
  if (socket === null) return null;
  // Read after the entry went, so that it had been idle for less than this.
  const info = socketInfo(socket);
  const idleMs = Math.min(
    ...['lastrcv', 'lastack'].map((name) => Number(info[name] ?? Number.NaN)).filter(Number.isFinite),
  );
  return Number.isFinite(idleMs) && idleMs < lifetime.seconds * 1000
    ? {
        says: `its peer was heard ${duration(idleMs * 1000)} before the socket was read, and ${lives}`,
        evidence: [subject.cite.socket(socket), lifetime.evidence],
      }
    : null;
}
