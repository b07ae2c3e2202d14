// Leftovers: the last FIN, ACK or RST of a connection that both ends have closed comes, or is repeated, after its entry has gone. Noise.

import type { EvidenceItem } from '../../model/finding.js';
import { inferred, type LookAlike, open, ruledOutBy, type Step, shown, type Verdict } from '../explain/argument.js';
import { ASK, askSockets } from '../explain/ask.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { type Glimpse, othersOf } from '../explain/crowd.js';
import {
  citePacket,
  destroyBefore,
  firstPacket,
  isForwarded,
  isLocalOutput,
  livesBefore,
  openSocket,
  packetMoment,
  silenceOfLog,
  socketsPart,
} from '../explain/flow-facts.js';
import { type PastedChange, ruleAhead, speaksNft, together } from '../explain/rule-commands.js';
import { hasFlag, payloadOf } from '../explain/segment-facts.js';
import { tableAtPacket } from '../explain/table-at.js';
import type { Cause } from './cause.js';
import { ruleWords, stopWords } from './words.js';

/** Checks that refuse a packet because the table holds nothing for it (net/netfilter/nf_conntrack_proto_tcp.c: tcp_new()). */
const NO_ENTRY_REASONS = ['tcp-invalid-new', 'tcp-loose-disabled', 'new-tracker-refused-debug'];
/** States of an entry whose connection both ends, or an RST, have closed. */
const CLOSED_STATES = ['LAST_ACK', 'TIME_WAIT', 'CLOSE'];
/** A FIN that is sent so often waits for an answer: its sender is not done. */
const WAITING_FINS = 3;

/** FIN, RST, or an ACK that carries nothing: what comes at the end of a connection. */
function isClosing(packet: SeenPacket): boolean {
  // Only scanners send a FIN without ACK: no stack closes so.
  if (hasFlag(packet, 'FIN')) return hasFlag(packet, 'ACK') && !hasFlag(packet, 'SYN') && !hasFlag(packet, 'RST');
  if (hasFlag(packet, 'RST')) return !hasFlag(packet, 'SYN');
  return packet.flags === 'ACK' && (payloadOf(packet)?.least ?? 1) === 0;
}

function isClosingWords(flags: readonly string[]): boolean {
  return (
    flags.length > 0 &&
    flags.every(
      (words) => !/\bSYN\b/.test(words) && (/\bRST\b/.test(words) || /\bFIN\b.*\bACK\b/.test(words) || words === 'ACK'),
    ) &&
    flags.some((words) => words !== 'ACK')
  );
}

/** Other connections of which only closing packets were stopped. */
function alikeOf(subject: Case): readonly Glimpse[] {
  return othersOf(subject).filter(
    (one) => one.outcome === subject.outcome && one.tuple.proto === 6 && isClosingWords(one.flags),
  );
}

/** What this side of the wire has of other kinds of the same outcome: a drop of SYNs or data is another story. */
function hasOtherKinds(subject: Case): boolean {
  return othersOf(subject).some(
    (one) =>
      one.outcome === subject.outcome && one.tuple.proto === 6 && one.flags.length > 0 && !isClosingWords(one.flags),
  );
}

/** Checks that only packets of scanners and broken devices fail. */
const SCAN_REASONS = ['tcp-invalid-flags', 'tcp-truncated', 'tcp-short-header', 'tcp-bad-checksum'];

/** Whoever sends this also sends what no connection has: no leftover, a probe. */
function isOfScanner(subject: Case): boolean {
  const src = firstPacket(subject).tuples[0]?.src;
  return othersOf(subject).some(
    (one) =>
      one.tuple.src === src &&
      ((one.reasonId !== null && SCAN_REASONS.includes(one.reasonId)) ||
        (one.outcome === 'INVALID' && one.flags.includes('SYN ACK'))),
  );
}

/** A line that breaks off before its flags, beside a closing packet between the same two addresses. */
function isCutCopy(packet: SeenPacket, alike: readonly Glimpse[]): boolean {
  const tuple = packet.tuples[0];
  return (
    packet.flags === null &&
    packet.state === null &&
    tuple !== undefined &&
    tuple.sport === null &&
    alike.some((one) => one.tuple.src === tuple.src && one.tuple.dst === tuple.dst)
  );
}

interface Closed {
  readonly says: string;
  readonly evidence: readonly (EvidenceItem | null)[];
}

/** Records that show the connection was closed when its entry went. */
function closedBefore(subject: Case): Closed | null {
  const moment = packetMoment(firstPacket(subject));
  const destroy = destroyBefore(subject, moment);
  const last = livesBefore(subject, moment)
    .filter((life) => life.state !== null)
    .at(-1);
  const state = destroy?.state ?? last?.state ?? null;
  if (state === null || !CLOSED_STATES.includes(state)) return null;
  return {
    says: `the connection was closed when its entry went: ${state}`,
    evidence: [last?.evidence ?? null, destroy === null ? null : subject.cite.event(destroy)],
  };
}

/** The entry went while the connection was open: whoever closes it now is not late. */
function wasOpen(subject: Case): boolean {
  const moment = packetMoment(firstPacket(subject));
  const destroy = destroyBefore(subject, moment);
  const last = livesBefore(subject, moment)
    .filter((life) => life.state !== null)
    .at(-1);
  const state = destroy?.state ?? last?.state ?? null;
  return state !== null && !CLOSED_STATES.includes(state);
}

/** Somebody still waits for it: a socket of the flow, or a FIN that is tried again and again. */
function isWaitedFor(subject: Case): boolean {
  if (openSocket(subject) !== null) return true;
  const fins = subject.packets.filter((packet) => hasFlag(packet, 'FIN'));
  // A FIN of this host is sent by a socket, and that waits for its answer.
  if (isLocalOutput(subject)) return fins.length > 0;
  const isAbandoned = subject.packets.some((packet) => hasFlag(packet, 'RST'));
  return fins.length >= WAITING_FINS && !isAbandoned;
}

function noSocketStep(subject: Case): Step {
  const part = socketsPart(subject);
  if (!isForwarded(subject) && part?.state === 'read')
    return shown('no socket here waits for it', [
      subject.cite.absence(part, 'no socket of the connection, in any open state'),
    ]);
  return inferred('nobody waits for it', [], false, askSockets(subject));
}

function closedStep(subject: Case, closed: Closed | null, alike: readonly Glimpse[]): Step {
  if (closed !== null) return shown(closed.says, closed.evidence);
  const packet = firstPacket(subject);
  const rst = subject.packets.find((one) => hasFlag(one, 'RST') && one !== packet);
  const isGivenUp = hasFlag(packet, 'FIN') && rst !== undefined;
  if (isGivenUp)
    return inferred(
      'the peer sends its FIN and then gives up with an RST',
      [citePacket(subject, packet), citePacket(subject, rst)],
      true,
      ASK.events,
    );
  return inferred(
    alike.length > 0
      ? 'only closing packets are stopped, of several connections'
      : 'only closing packets of it are seen',
    [citePacket(subject, packet), ...(alike[0] === undefined ? [] : [subject.crowd.cite(alike[0])])],
    true,
    ASK.events,
  );
}

function invalidStep(subject: Case): Step {
  const packet = firstPacket(subject);
  const cited = citePacket(subject, packet, packet.reasonStep ?? packet.stateStep ?? 0);
  if (subject.outcome !== 'INVALID')
    return inferred(
      'it is stopped for its state: the rule lets the rest of such connections pass',
      [cited],
      true,
      ASK.logInvalid,
    );
  const message = subject.reason?.by === 'message' ? `: "${subject.reason.message}"` : '';
  return packet.stateIs === 'shown'
    ? shown(`the packet is INVALID${message}`, [cited])
    : inferred('the packet is INVALID', [cited], true, ASK.logInvalid);
}

function noEntryStep(subject: Case): Step {
  const packet = firstPacket(subject);
  const { reason } = subject;
  if (reason?.by === 'message' || reason?.by === 'debug')
    return shown('there was no entry for it', [citePacket(subject, packet, packet.reasonStep ?? 0)]);
  const table = tableAtPacket(subject);
  if (table.hasEntry === 'no' && table.isShown) return shown('there was no entry for it', table.evidence);
  const silence = silenceOfLog(subject, packet);
  if (reason?.by === 'packet' && silence !== null)
    return shown('there was no entry for it: every other check would have printed a message', [silence]);
  return inferred('there was no entry for it', table.hasEntry === 'no' ? table.evidence : [], true, ASK.listing);
}

function lookAlikes(subject: Case, closed: Closed | null): readonly LookAlike[] {
  const part = socketsPart(subject);
  const isSeen = !isForwarded(subject) && part?.state === 'read';
  const had = livesBefore(subject, packetMoment(firstPacket(subject))).find((life) => life.kind !== 'packet');
  return [
    ruledOutBy(
      'entry-gone',
      closed !== null ? 'it was closed before its entry went, and no socket waits' : 'no socket waits for it',
      closed !== null && isSeen
        ? [subject.cite.absence(part, 'no socket of the connection, in any open state'), ...closed.evidence]
        : [],
      askSockets(subject),
    ),
    // Scans send such packets too, to connections that never were.
    ruledOutBy(
      'malformed',
      'the connection was here: a scan has none',
      had === undefined ? [] : [had.evidence],
      ASK.events,
    ),
  ];
}

export const lateClose: Cause = {
  id: 'late-close',
  title: 'Late closing packets: noise',
  needs: 'FIN, RST or bare ACK without an entry, of a connection nobody waits for',
  decides:
    'only closing packets, few of each of several connections, no socket, no entry; the events show that the connection was closed when its entry went',
  looksLike: ['entry-gone', 'malformed'],
  causes: [],
  kernels: 'all; "invalid new" is printed since 6.7, before that only a rule for INVALID shows them',
  evidence: ['kernel log', 'events', 'sockets', 'entries'],
  argue(subject): Verdict | null {
    const { outcome, reason, flow, fate } = subject;
    if ((flow.proto !== 6 && flow.proto !== -1) || (outcome !== 'INVALID' && outcome !== 'DROP')) return null;
    const isByState = reason === null || reason.by !== 'message' || NO_ENTRY_REASONS.includes(reason.id);
    const alike = alikeOf(subject);
    if (!isByState || !subject.packets.every((packet) => isClosing(packet) || isCutCopy(packet, alike))) return null;
    if (isOfScanner(subject)) return null;
    if (reason !== null && reason.by === 'packet' && !NO_ENTRY_REASONS.includes(reason.id)) return null;
    if (isWaitedFor(subject) || wasOpen(subject)) return null;
    const table = tableAtPacket(subject);
    if (table.hasEntry === 'yes') return null;
    const closed = closedBefore(subject);
    // A bare ACK belongs to any stage of a connection: alone it tells nothing of its end.
    const isOnlyAck = subject.packets.every((packet) => packet.flags === 'ACK');
    if (closed === null && alike.length === 0 && isOnlyAck) return null;
    // What a rule drops without saying why is late only where it stops nothing else, and more than one connection is met so.
    if (outcome === 'DROP') {
      if (fate.fate !== 'dropped' || fate.rule !== null || firstPacket(subject).state !== null) return null;
      if (alike.length === 0 || hasOtherKinds(subject)) return null;
    }
    const steps: Step[] = [
      invalidStep(subject),
      shown(
        'it only closes: FIN, RST, or an ACK that carries nothing',
        subject.packets.slice(0, 3).map((packet) => citePacket(subject, packet)),
      ),
      noEntryStep(subject),
      closedStep(subject, closed, alike),
      noSocketStep(subject),
    ];
    if (closed === null && alike.length === 0)
      steps.push(open('whether other connections have the same', false, ASK.logInvalid));
    const kinds = [
      ...new Set(
        subject.packets
          .filter(isClosing)
          .map((packet) => (hasFlag(packet, 'RST') ? 'RST' : hasFlag(packet, 'FIN') ? 'FIN' : 'ACK')),
      ),
    ];
    const dropped =
      fate.fate !== 'dropped'
        ? ''
        : fate.rule === null
          ? ' They are dropped, which harms nobody.'
          : ` ${fate.isPolicy ? `The policy of ${fate.rule.chain}` : ruleWords(fate.rule)} ${stopWords(fate).stops} them, which harms nobody.`;
    return {
      class: 'late-close',
      argument: { id: 'late-close', steps, lookAlikes: lookAlikes(subject, closed) },
      led: null,
      isNoise: true,
      title: 'Late closing packets: noise',
      summary: `The connection was over and its entry gone when ${kinds.length === 0 ? 'its last packet' : kinds.join(' and ')} came, or came again. Without an entry such a packet is ${outcome === 'INVALID' ? 'INVALID' : 'not let in'}.${dropped}`,
      missing: [],
      remedies: [
        {
          when: 'lasting',
          text: 'drop such packets without a log line, and do not alert on them',
          ...silentDrop(subject),
          price: 'a connection that really hangs in closing is no longer seen in the log either',
        },
      ],
    };
  },
};

/** Rules in this host's own words that drop them ahead of the one that logs. */
function silentDrop(subject: Case): PastedChange {
  const { rules } = subject.host;
  const isSix = subject.flow.src.includes(':');
  const hook = isForwarded(subject) ? 'FORWARD' : isLocalOutput(subject) ? 'OUTPUT' : 'INPUT';
  const place = subject.fate.rule ?? ({ family: isSix ? 'ip6' : 'ip', table: 'filter', chain: hook } as const);
  const nft = "'tcp flags & (fin | rst) != 0 ct state invalid counter drop'";
  if (speaksNft(rules, place)) return ruleAhead(rules, place, isSix, { iptables: '', nft });
  return together(
    ...['FIN', 'RST'].map((flag) =>
      ruleAhead(rules, place, isSix, {
        iptables: `-p tcp --tcp-flags ${flag} ${flag} -m conntrack --ctstate INVALID -j DROP`,
        nft,
      }),
    ),
  );
}
