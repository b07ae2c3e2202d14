// The entry was gone before the endpoints had closed: their FIN, RST or data finds none and is INVALID.

import {
  confidenceOf,
  inferred,
  type LookAlike,
  open,
  rankOf,
  ruledOutBy,
  type Step,
  shown,
  type Verdict,
} from '../../explain/argument.js';
import { ASK, askSockets } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import {
  citePacket,
  entryMoment,
  firstPacket,
  isLocalOutput,
  livesBefore,
  openSocket,
  packetMoment,
  silenceOfLog,
  socketInfo,
  sysctlOf,
} from '../../explain/flow-facts.js';
import { orderOf } from '../../explain/order.js';
import { type TableAt, tableAtPacket } from '../../explain/table-at.js';
import type { Cause } from '../cause.js';
import { flowWords, ruleWords, stopWords } from '../words.js';
import { LED_TO_IT } from './led-to-it.js';
import { remediesFor } from './remedies.js';
import { type Removal, removalOf } from './removal.js';

/** Reasons that say "there is no entry, and this packet cannot make one" (nf_conntrack_proto_tcp.c: tcp_new()). */
const NO_ENTRY_REASONS = ['tcp-invalid-new', 'tcp-loose-disabled', 'new-tracker-refused-debug'];
/** States from which an entry goes in the ordinary course of closing. */
const CLOSING_STATES = ['TIME_WAIT', 'LAST_ACK', 'CLOSE', 'CLOSE_WAIT', 'FIN_WAIT'];

function isHandshake(flags: string | null): boolean {
  return flags?.includes('SYN') === true;
}

/** An entry of the connection is in a listing made after the packet. */
function isListedAfter(subject: Case): boolean {
  const packet = packetMoment(firstPacket(subject));
  return subject.entries.some(
    (entry) => entry.list === 'main' && orderOf(entryMoment(subject, entry), packet) === 'after',
  );
}

/** 'FIN', 'RST', 'data' or 'ACK'. */
function packetName(subject: Case): string {
  const flags = firstPacket(subject).flags ?? '';
  return /FIN/.test(flags) ? 'FIN' : /RST/.test(flags) ? 'RST' : /PSH/.test(flags) ? 'data' : 'ACK';
}

/** Where the kernel printed nothing: what else tells that the table held no entry for the packet. */
function noEntryStep(subject: Case, table: TableAt): Step {
  const packet = firstPacket(subject);
  if (subject.reason?.by === 'packet') {
    const silence = silenceOfLog(subject, packet);
    if (silence !== null || (table.hasEntry === 'no' && table.isShown))
      return shown('there was no entry for it: every other check would have printed a message', [
        citePacket(subject, packet),
        silence,
        ...(table.hasEntry === 'no' ? table.evidence : []),
      ]);
  }
  if (table.hasEntry !== 'no') return open('that there was no entry for it', true, ASK.listing);
  return table.isShown
    ? shown('there was no entry for it', table.evidence)
    : inferred('there is no entry of the flow', table.evidence, true, ASK.logInvalid);
}

/** A bare ACK, with or without data, is refused without an entry only when loose tracking is off (tcp_new(), all versions). */
function looseStep(subject: Case): Step | null {
  if (subject.reason?.id !== 'tcp-loose-disabled') return null;
  const setting = sysctlOf(subject, 'net.netfilter.nf_conntrack_tcp_loose', firstPacket(subject).row.atUs);
  return setting !== null && Number(setting.value) === 0
    ? shown('nf_conntrack_tcp_loose is 0, so it cannot make a new one', [subject.cite.value(setting, null)])
    : inferred('nf_conntrack_tcp_loose must be 0: otherwise it would be NEW', [], false, ASK.sysctls);
}

function whoStillHoldsIt(subject: Case, removal: Removal): Step {
  const socket = openSocket(subject);
  if (socket !== null) {
    const info = socketInfo(socket);
    const unsent =
      info['notsent'] !== undefined
        ? `, ${info['notsent']} unsent`
        : socket.sendQ !== null && socket.sendQ > 0
          ? `, ${socket.sendQ} in the send queue`
          : '';
    const timer = socket.timer === null ? '' : `, ${socket.timer} timer`;
    return shown(`the socket is still there: ${socket.state}${unsent}${timer}`, [subject.cite.socket(socket)]);
  }
  if (removal.last !== null && removal.last.state !== null && !CLOSING_STATES.includes(removal.last.state)) {
    return shown(`the connection was not being closed when the entry went: ${removal.last.state}`, [
      removal.last.evidence,
    ]);
  }
  const packets = subject.packets.filter((packet) => /FIN|PSH/.test(packet.flags ?? ''));
  if (packets.length >= 3 && isLocalOutput(subject)) {
    return inferred(
      `a socket of this host repeats its ${packetName(subject)}, so it still waits`,
      packets.slice(0, 2).map((packet) => citePacket(subject, packet)),
      true,
      askSockets(subject),
    );
  }
  return open('who still holds the connection open', true, askSockets(subject));
}

function lookAlikes(subject: Case, removal: Removal): readonly LookAlike[] {
  const socket = openSocket(subject);
  const packet = firstPacket(subject);
  const wasOpen =
    removal.last !== null && removal.last.state !== null && !CLOSING_STATES.includes(removal.last.state)
      ? removal.last.evidence
      : null;
  const isDropped = subject.fate.fate === 'dropped' && subject.fate.is === 'shown';
  const info = socket === null ? {} : socketInfo(socket);
  const isUnsent = socket !== null && (Number(info['notsent'] ?? 0) > 0 || socket.timer === 'persist');
  return [
    ruledOutBy(
      'late-close',
      socket !== null
        ? `the socket is there (${socket.state}): not a leftover of a closed connection`
        : 'the entry was not closing when it went',
      [socket === null ? null : subject.cite.socket(socket), wasOpen],
      askSockets(subject),
    ),
    ruledOutBy(
      'not-conntrack',
      isUnsent
        ? `the ${packetName(subject)} is unsent, not unacknowledged: it never left this host, so the peer is not silent`
        : `the packet was ${stopWords(subject.fate).stopped} here, so the peer never saw it`,
      isUnsent && socket !== null ? [subject.cite.socket(socket)] : isDropped ? subject.fate.evidence : [],
      subject.fate.fate === 'dropped' ? askSockets(subject) : ASK.ruleset,
    ),
    ruledOutBy(
      'asymmetric-syn-unseen',
      removal.last !== null
        ? 'this host had tracked the connection before'
        : 'the packet is of this host itself, which sees all its own packets',
      removal.last !== null ? [removal.last.evidence] : isLocalOutput(subject) ? [citePacket(subject, packet, 0)] : [],
      ASK.events,
    ),
  ];
}

function summaryOf(subject: Case, ledId: string | null): string {
  const packet = firstPacket(subject);
  const what = /FIN/.test(packet.flags ?? '') ? 'A FIN' : /RST/.test(packet.flags ?? '') ? 'An RST' : 'Such a packet';
  const why: Readonly<Record<string, string>> = {
    'entry-deleted-from-userspace': 'The conntrack entry was deleted by a program before the connection was closed.',
    'entry-expired': 'The connection was silent for longer than its conntrack entry lives, and the entry ran out.',
    'address-or-link-change': 'The conntrack entry went away together with an address of this host.',
    'entry-evicted': 'The table was full and the conntrack entry, not yet ASSURED, was evicted.',
    'entry-closed-by-rst': 'An RST had already closed the conntrack entry.',
    'entry-never-there': 'The connection is older than the tracking: it never had an entry.',
  };
  const first =
    (ledId === null ? undefined : why[ledId]) ??
    'The conntrack entry was gone before the connection was closed; what removed it was not recorded.';
  const loose = subject.reason?.id === 'tcp-loose-disabled';
  const second = loose
    ? 'With nf_conntrack_tcp_loose=0 a packet in the middle of a connection cannot make a new one, so it is INVALID.'
    : `${what} cannot make a new one, so it is INVALID${subject.reason?.message ? ` ("${subject.reason.message}")` : ''}.`;
  const rule = subject.fate.rule;
  const third =
    subject.fate.fate !== 'dropped'
      ? ''
      : rule === null
        ? ' It was dropped here.'
        : subject.fate.isPolicy
          ? ` The policy of ${rule.chain} drops it.`
          : ` ${ruleWords(rule)} ${stopWords(subject.fate).stops} it.`;
  const socket = openSocket(subject);
  const fourth =
    subject.fate.fate === 'dropped' && socket !== null && isLocalOutput(subject)
      ? ` The peer hears nothing; the socket stays in ${socket.state}.`
      : '';
  return `${first} ${second}${third}${fourth}`;
}

export const entryGone: Cause = {
  id: 'entry-gone',
  title: 'Entry gone before the endpoints closed',
  needs:
    'an INVALID packet that found no entry, and who still holds the connection open (a socket, or an entry that was not closing when it went)',
  decides:
    'the kernel says "invalid new" (6.7+), or a rule for INVALID matched a FIN or RST while the listing holds no entry; the entry was there before',
  looksLike: ['late-close', 'not-conntrack', 'asymmetric-syn-unseen'],
  causes: [
    'entry-expired',
    'entry-deleted-from-userspace',
    'address-or-link-change',
    'entry-evicted',
    'entry-closed-by-rst',
    'entry-never-there',
  ],
  kernels:
    'all; since 6.7 the line says "invalid new", before that the INVALID rule alone tells; since 5.19 only entries born while somebody listened have events',
  evidence: ['kernel log', 'events', 'entries', 'sockets', 'settings', 'statistics', 'ip monitor', 'ruleset'],
  argue(subject): Verdict | null {
    if (subject.outcome !== 'INVALID' || subject.reason === null || !NO_ENTRY_REASONS.includes(subject.reason.id))
      return null;
    const packet = firstPacket(subject);
    if (isHandshake(packet.flags)) return null;
    // The connection's entry is still there: this packet only did not belong to it (untranslated, another zone).
    if (isListedAfter(subject)) return null;
    const removal = removalOf(subject);
    const lives = livesBefore(subject, packetMoment(packet));
    const invalidStep = packet.reasonStep ?? packet.stateStep ?? 0;
    const isByMessage = subject.reason.by === 'message' || subject.reason.by === 'debug';
    const table = tableAtPacket(subject);
    const loose = looseStep(subject);
    const steps: Step[] = [
      packet.stateIs === 'shown'
        ? shown(`the packet is INVALID${isByMessage ? `: "${subject.reason.message}"` : ''}`, [
            citePacket(subject, packet, invalidStep),
          ])
        : inferred('the packet is INVALID', [citePacket(subject, packet, invalidStep)], true, ASK.logInvalid),
      isByMessage
        ? shown('there was no entry for it', [citePacket(subject, packet, invalidStep)])
        : noEntryStep(subject, table),
      ...(loose === null ? [] : [loose]),
      whoStillHoldsIt(subject, removal),
      lives.length > 0
        ? shown('it had had an entry', [lives[0]!.evidence, lives.length > 1 ? lives.at(-1)!.evidence : null], false)
        : inferred('it must have had one, or be older than the tracking', [], false, ASK.listingBefore),
    ];
    const argument = { id: 'entry-gone', steps, lookAlikes: lookAlikes(subject, removal) };
    const led = LED_TO_IT.map((argue) => argue(subject, removal))
      .filter((one) => one !== null)
      .sort((a, b) => rankOf(confidenceOf(b)) - rankOf(confidenceOf(a)))
      .find((one) => confidenceOf(one) !== null);
    const isOwn = isLocalOutput(subject);
    const what = packetName(subject);
    const rule = subject.fate.rule;
    const where = rule === null ? '' : `: ${ruleWords(rule, subject.fate.isPolicy)}`;
    const { stops, stopped } = stopWords(subject.fate);
    const title =
      subject.fate.fate === 'dropped'
        ? isOwn
          ? `This host ${stops} its own ${what}${where}`
          : `A late ${what} is ${stopped}${where}`
        : `A ${what} without an entry: ${flowWords(subject.flow)}`;
    return {
      class: 'entry-gone',
      argument,
      led: led ?? null,
      title,
      summary: summaryOf(subject, led?.id ?? null),
      missing: led === undefined ? [ASK.events, ASK.listingBefore] : [],
      remedies: remediesFor(subject, led?.id ?? null, isOwn),
    };
  },
};
