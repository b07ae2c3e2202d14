// Questions that several causes ask of a case: did an entry exist, until when did it live at least, who holds the connection open.

import type { EvidenceItem } from '../../model/finding.js';
import type { EntryRow, EventRow, SocketRow, ValueRow } from '../../store/evidence-reader.js';
import { protocolName } from '../../text/protocols.js';
import type { Case, SeenPacket } from './case.js';
import { isSurelyBefore, type Moment, orderOf } from './order.js';

export function packetMoment(packet: SeenPacket): Moment {
  return { atUs: packet.row.atUs, errorUs: packet.row.errorUs, sourceId: packet.row.sourceId, line: packet.row.line };
}

export function eventMoment(event: EventRow): Moment {
  return { atUs: event.atUs, errorUs: event.errorUs, sourceId: event.sourceId, line: event.line };
}

export function entryMoment(subject: Case, entry: EntryRow): Moment {
  const part = subject.host.parts.find(
    (one) => one.snapshotId === entry.snapshotId && one.part === `list:${entry.list}`,
  );
  const snapshot = subject.host.snapshots.find((one) => one.id === entry.snapshotId);
  return { atUs: part?.atUs ?? snapshot?.takenAtUs ?? null, errorUs: snapshot?.errorUs ?? 50_000 };
}

export function citePacket(subject: Case, packet: SeenPacket, step = packet.stateStep ?? 0): EvidenceItem {
  return subject.cite.packet(packet.row, packet.steps, step);
}

/** The packet came from a socket of this host: it left without having come in. */
export function isLocalOutput(subject: Case): boolean {
  return firstPacket(subject).steps.some(
    (step) => (step.inIf === null || step.inIf === '') && step.outIf !== null && step.outIf !== '',
  );
}

/** The packet went through this host from one interface to another: its sockets are elsewhere. */
export function isForwarded(subject: Case): boolean {
  if (subject.fate.rule?.chain.toUpperCase() === 'FORWARD') return true;
  return subject.packets.some((packet) =>
    packet.steps.some(
      (step) =>
        step.chain === 'FORWARD' ||
        ((step.inIf ?? '') !== '' && (step.outIf ?? '') !== '') ||
        /FORWARD/.test(step.prefix ?? ''),
    ),
  );
}

/** The first packet the case is about. */
export function firstPacket(subject: Case): SeenPacket {
  return subject.packets[0]!;
}

export interface Life {
  /** The record that shows it, and its moment. */
  readonly evidence: EvidenceItem;
  readonly moment: Moment;
  /** The entry's state then, as printed. */
  readonly state: string | null;
  readonly isAssured: boolean;
  /** It would have lived until then at least, if nobody removed it; NULL where the record does not tell. */
  readonly livesUntilUs: number | null;
  readonly timeoutS: number | null;
  readonly kind: 'event' | 'entry' | 'packet';
}

/** Everything that shows a living entry surely before a moment, in order; the last one is what it was when last heard of. */
export function livesBefore(subject: Case, moment: Moment): readonly Life[] {
  const lives: Life[] = [];
  for (const event of subject.events) {
    if (event.kind === 'DESTROY' || !isSurelyBefore(eventMoment(event), moment)) continue;
    lives.push({
      evidence: subject.cite.event(event),
      moment: eventMoment(event),
      state: event.state,
      isAssured: (event.status ?? '').includes('ASSURED'),
      livesUntilUs: event.atUs !== null && event.timeoutS !== null ? event.atUs + event.timeoutS * 1_000_000 : null,
      timeoutS: event.timeoutS,
      kind: 'event',
    });
  }
  for (const entry of subject.entries) {
    const at = entryMoment(subject, entry);
    const evidence = subject.cite.entry(entry, at.atUs);
    if (entry.list !== 'main' || evidence === null || !isSurelyBefore(at, moment)) continue;
    lives.push({
      evidence,
      moment: at,
      state: entry.state,
      isAssured: (entry.status ?? '').includes('ASSURED'),
      livesUntilUs: entry.expiresAtUs,
      timeoutS: entry.timeoutS,
      kind: 'entry',
    });
  }
  for (const packet of subject.all) {
    if (
      packet.state === null ||
      packet.state === 'INVALID' ||
      packet.state === 'UNTRACKED' ||
      packet.stateIs !== 'shown'
    )
      continue;
    if (!isSurelyBefore(packetMoment(packet), moment)) continue;
    lives.push({
      evidence: citePacket(subject, packet),
      moment: packetMoment(packet),
      state: null,
      isAssured: false,
      livesUntilUs: null,
      timeoutS: null,
      kind: 'packet',
    });
  }
  return lives.sort((a, b) => (a.moment.atUs ?? 0) - (b.moment.atUs ?? 0));
}

/** The DESTROY events of the flow, in order. */
export function destroys(subject: Case): readonly EventRow[] {
  return subject.events.filter((event) => event.kind === 'DESTROY');
}

/** conntrack prints an event some milliseconds after the packet whose lookup found the entry out of time and removed it. */
const EVENT_LAG_US = 20_000;

/** The DESTROY nearest before a moment, or that the packet of that moment itself brought about; NULL without one. */
export function destroyBefore(subject: Case, moment: Moment): EventRow | null {
  const isIt = (event: EventRow) =>
    ['before', 'same'].includes(orderOf(eventMoment(event), moment)) ||
    (event.atUs !== null &&
      moment.atUs !== null &&
      event.atUs > moment.atUs &&
      event.atUs - moment.atUs <= EVENT_LAG_US);
  return destroys(subject).filter(isIt).at(-1) ?? null;
}

/** States in which an endpoint still waits for the other side's answer to its closing, or has not closed at all. */
const OPEN_STATES = ['ESTAB', 'FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSE-WAIT', 'LAST-ACK', 'CLOSING', 'SYN-SENT', 'SYN-RECV'];

/** The socket of the flow that is still open on this host, as last seen; NULL when none was seen. */
export function openSocket(subject: Case): SocketRow | null {
  return subject.sockets.filter((socket) => OPEN_STATES.includes(socket.state)).at(-1) ?? null;
}

/** Words of ss -i as numbers and text. */
export function socketInfo(socket: SocketRow): Readonly<Record<string, string | number>> {
  return socket.info === null ? {} : (JSON.parse(socket.info) as Record<string, string | number>);
}

/** The last snapshot in which sockets were read at all. */
export function socketsPart(subject: Case) {
  return subject.host.parts.filter((part) => part.part === 'sockets').at(-1);
}

/** A sysctl as last read at or before a moment (the earliest reading when none is earlier); NULL when never read. */
export function sysctlOf(subject: Case, name: string, atUs: number | null): ValueRow | null {
  const rows = subject.host.sysctls.filter((row) => row.name === name);
  const taken = (row: ValueRow) => subject.host.snapshots.find((one) => one.id === row.snapshotId)?.takenAtUs ?? null;
  return rows.filter((row) => atUs === null || (taken(row) ?? 0) <= atUs).at(-1) ?? rows[0] ?? null;
}

/** Whether a source of this kind was complete over a time, and is here: a manifest may speak of a stream that was left out. */
export function completeCoverage(subject: Case, what: string, fromUs: number | null, toUs: number | null) {
  if (what === 'events' && !subject.host.hasEvents) return undefined;
  const overlaps = (row: { readonly fromUs: number | null; readonly toUs: number | null }): boolean =>
    (toUs === null || row.fromUs === null || row.fromUs <= toUs) &&
    (fromUs === null || row.toUs === null || row.toUs >= fromUs);
  // A log tells of its own losses by the pieces it is complete in; of events that were lost a saved file says at most that they were.
  if (
    what === 'events' &&
    subject.host.coverage.some((row) => row.what === what && row.state === 'lost' && overlaps(row))
  )
    return undefined;
  return subject.host.coverage.find(
    (row) =>
      row.what === what &&
      row.state === 'complete' &&
      (fromUs === null || row.fromUs === null || row.fromUs <= fromUs) &&
      (toUs === null || row.toUs === null || row.toUs >= toUs),
  );
}

/** Lines of these kinds stand in the kernel log, where a log_invalid line would stand too. */
const KERNEL_LOG_KINDS = ['log', 'trace', 'log-invalid', 'helper'];

/**
 * That log_invalid was on for the packet's protocol and printed nothing about it, as evidence; NULL when that cannot be said. The
 * log must be here and whole at that time: it is the one that shows the packet's own line.
 */
export function silenceOfLog(subject: Case, packet: SeenPacket): EvidenceItem | null {
  const { atUs } = packet.row;
  if (atUs === null || packet.reasonId !== null) return null;
  if (!packet.steps.some((step) => KERNEL_LOG_KINDS.includes(step.kind))) return null;
  const name = protocolName(subject.flow.proto);
  const covered =
    completeCoverage(subject, `log-invalid:${name}`, atUs, atUs) ??
    completeCoverage(subject, 'log-invalid:all', atUs, atUs);
  const logAt = subject.host.coverage.filter(
    (row) =>
      row.what === 'log' && (row.fromUs === null || row.fromUs <= atUs) && (row.toUs === null || row.toUs >= atUs),
  );
  // That a log may be an excerpt is a guess; a manifest that says it is whole knows better. Lost lines are lost.
  const isLossy =
    logAt.some((row) => row.state === 'lost') ||
    (logAt.some((row) => row.state === 'limited') && !logAt.some((row) => row.state === 'complete'));
  return isLossy ? null : subject.cite.coverage(covered, 'log_invalid was on and printed nothing about it');
}
