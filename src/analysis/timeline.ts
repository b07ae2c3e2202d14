// Everything known of one connection in order of time, all sources interleaved; what is computed is marked so, and what is
// equal within the clocks' error is said to be equal.

import { ruleWords, stopWords } from './causes/words.js';
import type { Case, SeenPacket } from './explain/case.js';
import { eventMoment, packetMoment } from './explain/flow-facts.js';
import { messageAsPrinted } from './explain/message-words.js';
import { type Moment, orderOf } from './explain/order.js';

export interface TimelineRow {
  readonly atUs: number | null;
  readonly errorUs: number | null;
  readonly uptimeUs: number | null;
  /** Within the clocks' error of the row before. */
  readonly isSameInstant: boolean;
  readonly source: 'log' | 'trace' | 'event' | 'entry' | 'socket' | 'rules' | 'host' | 'wire' | 'calc' | 'note';
  /** '>' in the flow's own direction, '<' against it, '+' and '-' for entries, ' ' otherwise. */
  readonly sign: '>' | '<' | '+' | '-' | ' ';
  readonly says: string;
  readonly state: string | null;
  /** 'kern.log:2'; empty for computed rows. */
  readonly record: string;
  readonly raw: readonly string[];
}

interface Draft extends Omit<TimelineRow, 'isSameInstant'> {
  readonly moment: Moment;
  /** Order among rows of one instant. */
  readonly rank: number;
}

function packetDraft(subject: Case, packet: SeenPacket, isVerbose: boolean): Draft {
  const cited = packet.steps.map((_, step) => subject.cite.packet(packet.row, packet.steps, step));
  const tuple = packet.tuples[0];
  const isForward = tuple !== undefined && tuple.src === subject.flow.src && tuple.sport === subject.flow.sport;
  const invalid = packet.steps.findIndex((step) => step.kind === 'log-invalid');
  const message = messageAsPrinted(packet, invalid);
  const flags =
    packet.flags === null
      ? `${tuple?.extra ?? ''} ${packet.row.len ?? ''} bytes`.trim()
      : packet.flags === ''
        ? 'no flags'
        : packet.flags;
  const numbers =
    isVerbose && packet.row.seq !== null
      ? `  seq ${packet.row.seq}${packet.row.ack === null ? '' : ` ack ${packet.row.ack}`} win ${packet.row.window ?? '?'}`
      : '';
  const files = [...new Set(cited.map((item) => item.source.slice(0, item.source.lastIndexOf(':'))))];
  const lines = [...new Set(cited.map((item) => item.source.slice(item.source.lastIndexOf(':') + 1)))];
  return {
    moment: packetMoment(packet),
    rank: 2,
    atUs: packet.row.atUs,
    errorUs: packet.row.errorUs,
    uptimeUs: packet.row.clockKind === 'uptime' ? packet.row.clockUs : null,
    source: packet.steps.some((step) => step.kind.endsWith('trace')) ? 'trace' : 'log',
    sign: isForward ? '>' : '<',
    says: `${flags}${numbers}${message === null ? '' : `  "${message}"`}`,
    state: packet.state,
    record:
      files.length === 1
        ? `${files[0]}:${lines[0]}${lines.length > 1 ? `-${lines.at(-1)}` : ''}`
        : (cited[0]?.source ?? ''),
    raw: cited.map((item) => item.text),
  };
}

function eventDrafts(subject: Case): readonly Draft[] {
  const drafts: Draft[] = [];
  let expiresAtUs: number | null = null;
  let lastEvent: Draft | null = null;
  for (const event of subject.events) {
    const cited = subject.cite.event(event);
    const assured = (event.status ?? '').includes('ASSURED') ? ' [ASSURED]' : '';
    if (event.kind === 'DESTROY') {
      const who =
        event.isUserSpace === 1 || (event.portId ?? 0) > 0
          ? 'deleted by a program'
          : event.isUserSpace === 0
            ? 'gone; by the kernel, not a program'
            : 'gone';
      const left =
        event.timeoutS !== null && event.timeoutS > 0
          ? event.timeoutS * 1_000_000
          : expiresAtUs !== null && event.atUs !== null
            ? expiresAtUs - event.atUs
            : null;
      if (left !== null && left < -1_000_000 && lastEvent !== null) {
        drafts.push({
          ...lastEvent,
          moment: { atUs: expiresAtUs, errorUs: 1_000_000 },
          rank: 0,
          atUs: expiresAtUs,
          source: 'calc',
          sign: ' ',
          says: 'out of time, if no packet came later',
          state: null,
          record: '',
          raw: [],
        });
      }
      const draft: Draft = {
        moment: eventMoment(event),
        rank: 1,
        atUs: event.atUs,
        errorUs: event.errorUs,
        uptimeUs: null,
        source: 'event',
        sign: '-',
        says: `entry ${who}${left !== null && left > 1_000_000 ? `, ${Math.floor(left / 1e6)} s left` : ''}`,
        state: null,
        record: cited.source,
        raw: [cited.text],
      };
      drafts.push(draft);
      expiresAtUs = null;
      continue;
    }
    if (event.atUs !== null && event.timeoutS !== null) expiresAtUs = event.atUs + event.timeoutS * 1_000_000;
    const draft: Draft = {
      moment: eventMoment(event),
      rank: 3,
      atUs: event.atUs,
      errorUs: event.errorUs,
      uptimeUs: null,
      source: 'event',
      sign: event.kind === 'NEW' ? '+' : ' ',
      says: `${event.kind === 'NEW' ? 'entry, ' : ''}${event.state ?? 'updated'}${assured}${event.timeoutS === null ? '' : `, ${event.timeoutS} s to live`}`,
      state: null,
      record: cited.source,
      raw: [cited.text],
    };
    drafts.push(draft);
    lastEvent = draft;
  }
  return drafts;
}

function stateDrafts(subject: Case): readonly Draft[] {
  const drafts: Draft[] = [];
  for (const part of subject.host.parts.filter((one) => one.part === 'list:main' && one.state === 'read')) {
    const entry = subject.entries.find((one) => one.snapshotId === part.snapshotId && one.list === 'main');
    const cited =
      entry === undefined
        ? subject.cite.absence(part, 'no entry of the flow in the listing')
        : subject.cite.entry(entry, part.atUs);
    if (cited === null) continue;
    const left = entry?.timeoutS === null || entry === undefined ? '' : `, ${entry.timeoutS} s left`;
    drafts.push({
      moment: { atUs: part.atUs, errorUs: 50_000 },
      rank: 5,
      atUs: part.atUs,
      errorUs: 50_000,
      uptimeUs: null,
      source: 'entry',
      sign: ' ',
      says:
        entry === undefined
          ? 'no entry in the listing'
          : `listed: ${entry.state ?? 'no state'}${entry.status === null || entry.status === '' ? '' : ` [${entry.status}]`}${left}`,
      state: null,
      record: cited.source,
      raw: [cited.text],
    });
  }
  for (const socket of subject.sockets) {
    const cited = subject.cite.socket(socket);
    if (cited === null) continue;
    const info = socket.info === null ? {} : (JSON.parse(socket.info) as Record<string, unknown>);
    const words = [
      socket.state,
      info['notsent'] === undefined ? null : `${String(info['notsent'])} unsent`,
      info['unacked'] === undefined ? null : `${String(info['unacked'])} unacknowledged`,
      socket.timer === null ? null : `${socket.timer} timer`,
    ].filter((word) => word !== null);
    drafts.push({
      moment: { atUs: socket.atUs, errorUs: 50_000 },
      rank: 6,
      atUs: socket.atUs,
      errorUs: 50_000,
      uptimeUs: null,
      source: 'socket',
      sign: ' ',
      says: words.join(', '),
      state: null,
      record: cited.source,
      raw: [cited.text],
    });
  }
  for (const event of subject.host.hostEvents) {
    const cited = subject.cite.hostEvent(event);
    const what =
      event.kind === 'command'
        ? `ran ${String(event.data['command'] ?? '')}`
        : `${event.kind.replace('-', ' ')} ${String(event.data['local'] ?? event.data['dst'] ?? event.data['ifname'] ?? event.data['dev'] ?? '')}`;
    drafts.push({
      moment: { atUs: event.atUs, errorUs: event.errorUs },
      rank: 0,
      atUs: event.atUs,
      errorUs: event.errorUs,
      uptimeUs: null,
      source: 'host',
      sign: ' ',
      says: what.trim(),
      state: null,
      record: cited.source,
      raw: [cited.text],
    });
  }
  const { fate } = subject;
  const counters = fate.evidence.filter((item) => item.kind === 'counter');
  const last = counters.at(-1);
  if (fate.fate === 'dropped' && fate.rule !== null && last !== undefined && last.at !== null) {
    const atUs = Date.parse(last.at) * 1000;
    drafts.push({
      moment: { atUs, errorUs: 50_000 },
      rank: 7,
      atUs,
      errorUs: 50_000,
      uptimeUs: null,
      source: 'rules',
      sign: ' ',
      says: `${ruleWords(fate.rule, fate.isPolicy)} ${stopWords(fate).stopped} ${subject.count}`,
      state: null,
      record: last.source,
      raw: counters.map((item) => item.text),
    });
  }
  return drafts;
}

/** Rows in order: by clock where clocks tell, by rank at one instant; what has no time stands in order of its source at the end. */
export function timelineOf(subject: Case, isVerbose: boolean): readonly TimelineRow[] {
  const drafts = [
    ...subject.all.map((packet) => packetDraft(subject, packet, isVerbose)),
    ...eventDrafts(subject),
    ...stateDrafts(subject),
  ];
  const placed = drafts
    .filter((draft) => draft.atUs !== null)
    .sort(
      (a, b) =>
        (orderOf(a.moment, b.moment) === 'same' && Math.abs(a.atUs! - b.atUs!) < 1000 ? a.rank - b.rank : 0) ||
        a.atUs! - b.atUs! ||
        a.rank - b.rank,
    );
  const rest = drafts.filter((draft) => draft.atUs === null);
  let before: Draft | null = null;
  return [...placed, ...rest].map((draft) => {
    const isSameInstant =
      before !== null && draft.atUs !== null && before.atUs !== null && orderOf(draft.moment, before.moment) === 'same';
    before = draft;
    const { moment: _moment, rank: _rank, ...row } = draft;
    return { ...row, isSameInstant };
  });
}
