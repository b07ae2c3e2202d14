// The story of a finding, line by line, as the screen shows it: events, packets, the rule, what was there at the end.

import type { StoryLine, ToldFinding } from '../../model/finding.js';
import type { TupleRow } from '../../store/case-reader.js';
import type { EventRow } from '../../store/evidence-reader.js';
import { protocolName } from '../../text/protocols.js';
import { duration, timeOfDay } from '../../text/time.js';
import { flowWords, ruleWords } from '../causes/words.js';
import { rejectAnswer } from '../ruleset/reject-answer.js';
import type { Case, SeenPacket } from './case.js';
import type { Explained } from './explain.js';
import { isNoise, openQuestions } from './finding-parts.js';
import { eventMoment, livesBefore, openSocket, packetMoment, socketInfo } from './flow-facts.js';
import { joinSources } from './join-sources.js';
import { messageAsPrinted, messageWithout } from './message-words.js';
import { orderOf } from './order.js';

const TIME_UNKNOWN = 'time unknown';
/** Flags of packets that a socket sends again until they are answered. */
const REPEATED = ['SYN', 'SYN ACK', 'FIN'];

function label(atUs: number | null, uptimeUs: number | null): string {
  if (atUs !== null) return timeOfDay(atUs);
  return uptimeUs === null ? TIME_UNKNOWN : `[${(uptimeUs / 1e6).toFixed(3)}]`;
}

function packetLabel(packet: SeenPacket): string {
  return label(packet.row.atUs, packet.row.clockKind === 'uptime' ? packet.row.clockUs : null);
}

function eventWords(subject: Case, event: EventRow): string {
  if (event.kind !== 'DESTROY')
    return `entry ${event.kind === 'NEW' ? 'NEW' : ''}${event.state === null ? '' : `${event.kind === 'NEW' ? ', ' : ''}${event.state}`}${(event.status ?? '').includes('ASSURED') ? ' [ASSURED]' : ''}`;
  const who =
    event.isUserSpace === 1 || (event.portId ?? 0) > 0
      ? 'deleted by a program'
      : event.isUserSpace === 0
        ? 'gone; by the kernel, not a program'
        : 'gone';
  const last = livesBefore(subject, eventMoment(event))
    .filter((life) => life.livesUntilUs !== null)
    .at(-1);
  if (event.timeoutS !== null && event.timeoutS > 0) return `entry ${who}, ${event.timeoutS} s left`;
  const left =
    last === undefined || event.atUs === null
      ? ''
      : last.livesUntilUs! - event.atUs > 1e6
        ? `, ${Math.floor((last.livesUntilUs! - event.atUs) / 1e6)} s left`
        : ', out of time';
  return `entry ${who}${left}`;
}

function eventLines(subject: Case): readonly (StoryLine & { readonly at: number | null })[] {
  const lines: (StoryLine & { at: number | null })[] = [];
  let run: EventRow[] = [];
  const close = () => {
    const [first, last] = [run[0], run.at(-1)];
    if (first === undefined || last === undefined) return;
    const cited = run.map((event) => subject.cite.event(event));
    const isOne = run.length === 1;
    const assured = (last.status ?? '').includes('ASSURED') ? ' [ASSURED]' : '';
    const says = isOne
      ? eventWords(subject, first)
      : `entry ${first.kind === 'NEW' ? 'NEW' : (first.state ?? '')}, then ${last.state ?? 'answered'}${assured}`;
    lines.push({
      at: first.atUs,
      label: label(first.atUs, null),
      says,
      source: joinSources(cited.map((item) => item.source)),
      raw: cited.map((item) => item.text),
    });
    run = [];
  };
  for (const event of subject.events) {
    if (event.kind === 'DESTROY') {
      close();
      run = [event];
      close();
    } else if (event.kind === 'NEW') {
      close();
      run = [event];
    } else run.push(event);
  }
  close();
  return lines;
}

function packetWords(subject: Case, packet: SeenPacket): string {
  const what =
    packet.flags === null ? protocolName(subject.flow.proto) : packet.flags === '' ? 'no flags' : packet.flags;
  const said = packet.reasonStep === null ? null : messageAsPrinted(packet, packet.reasonStep);
  const message =
    subject.reason !== null && subject.reason.by === 'message'
      ? `: "${said ?? messageWithout(subject.reason.message)}"`
      : packet.state === null || packet.state === what
        ? ''
        : `, ${packet.state}${packet.stateIs === 'inferred' ? ` (${inferredFrom(packet)})` : ''}`;
  return `${what}${message}`;
}

/** What ctwhy itself had done, where the argument rests on it. */
function changeLines({ verdict, subject }: Explained): readonly (StoryLine & { readonly at: number | null })[] {
  const cited = new Set(
    verdict.argument.steps
      .flatMap(({ evidence }) => evidence.filter(({ kind }) => kind === 'change'))
      .map(({ key }) => key['id']),
  );
  return subject.host.ownChanges
    .filter(({ id }) => cited.has(id))
    .map((row) => {
      const { source, text } = subject.cite.change(row);
      const says = `${row.id} of ctwhy: ${row.change.what}; tracking began`;
      return { at: row.madeAtUs, label: label(row.madeAtUs, null), says, source, raw: [text] };
    });
}

function packetLines(subject: Case): readonly (StoryLine & { readonly at: number | null })[] {
  const [first, ...rest] = subject.packets;
  if (first === undefined) return [];
  const citeAll = (packet: SeenPacket) =>
    packet.steps.map((_, step) => subject.cite.packet(packet.row, packet.steps, step));
  const firstCited = citeAll(first);
  const lines: (StoryLine & { at: number | null })[] = [
    {
      at: first.row.atUs,
      label: packetLabel(first),
      says: packetWords(subject, first),
      source: joinSources(firstCited.map((item) => item.source)),
      raw: firstCited.map((item) => item.text),
    },
  ];
  if (rest.length > 0) {
    const cited = rest.flatMap(citeAll);
    // Hour and minute are said once; times that are not placed have neither.
    const hour = /^\d\d:\d\d:/.exec(packetLabel(first))?.[0] ?? null;
    const shown = rest
      .slice(0, 4)
      .map((packet) =>
        hour !== null && packetLabel(packet).startsWith(hour)
          ? packetLabel(packet).slice(hour.length)
          : packetLabel(packet),
      );
    const more = subject.count - 1 - shown.length;
    lines.push({
      at: first.row.atUs,
      label: '',
      says: rest.every((packet) => packetLabel(packet) === TIME_UNKNOWN)
        ? `seen again ${subject.count === 2 ? 'once' : `${subject.count - 1} times`}`
        : `again at ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
      source: joinSources(cited.map((item) => item.source)),
      raw: cited.map((item) => item.text),
    });
  }
  return lines;
}

function ruleLines(subject: Case): readonly StoryLine[] {
  const { fate } = subject;
  if (fate.rule === null || fate.fate === 'unknown') return [];
  const evidence = fate.evidence.filter((item) => item.kind === 'rule').at(-1);
  const how = fate.is === 'shown' ? '' : ', by the ruleset alone';
  const answer = fate.rule === null || fate.isPolicy ? null : rejectAnswer(fate.rule, subject.flow.src.includes(':'));
  const does = fate.fate !== 'dropped' ? ' lets it through' : answer === null ? '' : ` answers with ${answer}`;
  const count = `${subject.count} packet${subject.count === 1 ? '' : 's'}`;
  return [
    {
      label: count,
      says: `${ruleWords(fate.rule, fate.isPolicy)}${does}${how}`,
      source: evidence?.source ?? '',
      raw: fate.evidence.map((item) => item.text),
    },
    ...(fate.isPolicy ? [] : [{ label: '', says: fate.rule.text, source: '', raw: [] }]),
  ];
}

function endLines(subject: Case): readonly StoryLine[] {
  const lines: StoryLine[] = [];
  const last = subject.packets.at(-1);
  const after = subject.host.parts.filter((part) => part.part === 'list:main' && part.state === 'read').at(-1);
  if (
    after !== undefined &&
    (last === undefined ||
      after.atUs === null ||
      orderOf({ atUs: after.atUs, errorUs: 50_000 }, packetMoment(subject.packets[0]!)) !== 'before')
  ) {
    const entry = subject.entries.find((one) => one.snapshotId === after.snapshotId && one.list === 'main');
    const snapshot = subject.host.snapshots.find((one) => one.id === after.snapshotId);
    const cited = entry === undefined ? subject.cite.absence(after, 'no entry') : subject.cite.entry(entry, after.atUs);
    const count = snapshot?.entryCount ?? null;
    const says =
      entry === undefined
        ? `no entry${count === 0 ? '; the count says 0 as well' : ''}`
        : `entry ${entry.state ?? ''} ${entry.status === null ? '' : `[${entry.status}]`}`.trim();
    if (cited !== null) lines.push({ label: 'at the end', says, source: cited.source, raw: [cited.text] });
  }
  const socket = openSocket(subject);
  if (socket !== null) {
    const info = socketInfo(socket);
    const words = [
      socket.state,
      info['notsent'] === undefined ? null : `${info['notsent']} unsent`,
      socket.timer === null ? null : `${socket.timer} timer`,
    ].filter((word) => word !== null);
    const cited = subject.cite.socket(socket);
    if (cited !== null)
      lines.push({
        label: lines.length > 0 ? '' : 'at the end',
        says: words.join(', '),
        source: cited.source,
        raw: [cited.text],
      });
  }
  return lines;
}

/** 'FIN, 5 tries' for one that is sent again and again; '7 packets: 3 FIN, 4 RST' for what is not. */
function packetText({ kinds, flows, finding }: Explained): string {
  const { count } = finding.packets;
  const [first, ...rest] = kinds.keys();
  if (first === undefined) return count === 1 ? '1 packet' : `${count} packets`;
  if (rest.length > 0) return `${count} packets: ${[...kinds].map(([kind, many]) => `${many} ${kind}`).join(', ')}`;
  if (count === 1) return first;
  // Only a connection's own SYN and FIN are tried again; data goes on, and RSTs are not waited for.
  return flows === 1 && REPEATED.includes(first) ? `${first}, ${count} tries` : `${count} packets, all ${first}`;
}

/** A finding with its story. */
export function tell(explained: Explained): ToldFinding {
  const { finding, verdict, subject, flows } = explained;
  const timed = [...changeLines(explained), ...eventLines(subject), ...packetLines(subject)]
    .map((line, index) => ({ line, index }))
    .sort((a, b) => (a.line.at ?? 0) - (b.line.at ?? 0) || a.index - b.index);
  const open = openQuestions(verdict);
  const port = subject.events.find((event) => event.kind === 'DESTROY' && (event.portId ?? 0) > 0)?.portId;
  const spanUs =
    subject.packets.length > 1 && subject.packets[0]!.row.atUs !== null
      ? subject.packets.at(-1)!.row.atUs! - subject.packets[0]!.row.atUs
      : null;
  return {
    finding,
    flowText: flows === 1 ? flowWords(subject.flow) : `${flows} connections, e.g. ${flowWords(subject.flow)}`,
    packetText: `${packetText(explained)}${flows > 1 || spanUs === null || spanUs < 60_000_000 ? '' : ` in ${duration(spanUs)}`}`,
    story: [
      ...timed.map(({ line: { at: _at, ...line } }) => line),
      ...ruleLines(subject),
      ...(verdict.proof ?? []),
      ...endLines(subject),
    ],
    notKnown: [
      ...open.steps,
      ...(port === undefined || port === null ? [] : [`which program: netlink port ${port} is not a process id`]),
      ...open.others,
    ],
    flows,
    isNoise: isNoise(verdict),
    follow: ['timeline', 'path', ...(canReplay(subject) ? (['replay'] as const) : [])],
  };
}

/**
 * Whether the tracker's model has something to work with: packets of a TCP connection from both of its sides, on the wire or in lines. One
 * side alone, or a packet alone, leaves windows and states open.
 */
function canReplay({ flow, wire, all, tuples }: Case): boolean {
  if (flow.proto !== 6) return false;
  const seen = [
    ...all.flatMap((packet) => packet.tuples.slice(0, 1)),
    ...wire.flatMap(({ tupleId }) => tuples.get(tupleId) ?? []),
  ];
  const isAsked = (one: TupleRow) => one.src === flow.src && one.sport === flow.sport;
  return seen.some(isAsked) && !seen.every(isAsked);
}

/** What a state that is only inferred was read off. */
function inferredFrom(packet: SeenPacket): string {
  const kind = packet.stateStep === null ? null : packet.steps[packet.stateStep]?.kind;
  return kind === 'nft-trace' ? 'by a rule whose hook is not told' : 'by the words of the prefix';
}
