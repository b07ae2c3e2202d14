// The finer causes of a lost entry, each argued on its own: expired, deleted by a program, lost with its address, evicted,
// closed by an RST, never there.

import type { EvidenceItem } from '../../../model/finding.js';
import { duration } from '../../../text/time.js';
import { type Argument, inferred, type LookAlike, open, ruledOutBy, type Step, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { citePacket, firstPacket, openSocket, packetMoment, socketInfo, sysctlOf } from '../../explain/flow-facts.js';
import { orderOf } from '../../explain/order.js';
import { statisticMove } from '../../explain/statistics.js';
import { leftWords, type Removal } from './removal.js';
import { tooYoung } from './too-young.js';

type Led = (subject: Case, removal: Removal) => Argument | null;

/** TCP states and the sysctl that limits them (net/netfilter/nf_conntrack_proto_tcp.c: tcp_timeouts, all versions). */
const TIMEOUT_SYSCTL: Readonly<Record<string, string>> = {
  SYN_SENT: 'nf_conntrack_tcp_timeout_syn_sent',
  SYN_RECV: 'nf_conntrack_tcp_timeout_syn_recv',
  ESTABLISHED: 'nf_conntrack_tcp_timeout_established',
  FIN_WAIT: 'nf_conntrack_tcp_timeout_fin_wait',
  CLOSE_WAIT: 'nf_conntrack_tcp_timeout_close_wait',
  LAST_ACK: 'nf_conntrack_tcp_timeout_last_ack',
  TIME_WAIT: 'nf_conntrack_tcp_timeout_time_wait',
  CLOSE: 'nf_conntrack_tcp_timeout_close',
};

export function timeoutSysctl(state: string | null): string | null {
  const name = state === null ? undefined : TIMEOUT_SYSCTL[state];
  return name === undefined ? null : `net.netfilter.${name}`;
}

/** Commands that a record says were run on the host, of a pattern, not after the packet. */
function commandRun(subject: Case, pattern: RegExp): EvidenceItem | null {
  const row = subject.host.hostEvents.find(
    (event) =>
      event.kind === 'command' &&
      pattern.test(String(event.data['command'] ?? '')) &&
      orderOf({ atUs: event.atUs, errorUs: event.errorUs }, packetMoment(firstPacket(subject))) !== 'after',
  );
  return row === undefined ? null : subject.cite.hostEvent(row);
}

/** Addresses or links that went away near the time the entry did (within 10 s before). */
function addressEvent(subject: Case, removal: Removal) {
  return subject.host.hostEvents.find(
    (event) =>
      (event.kind === 'address-deleted' || event.kind === 'link-down') &&
      event.atUs !== null &&
      removal.goneBy.atUs !== null &&
      event.atUs <= removal.goneBy.atUs + 1_000_000 &&
      event.atUs >= removal.goneBy.atUs - 10_000_000,
  );
}

const notExpired = (subject: Case, removal: Removal): LookAlike => {
  if (removal.leftUs !== null && removal.leftUs > 0)
    return ruledOutBy('entry-expired', leftWords(removal), [removal.last?.evidence ?? null, removal.destroyEvidence]);
  const young = tooYoung(subject, removal);
  return ruledOutBy('entry-expired', young?.says ?? leftWords(removal), young?.evidence ?? [], ASK.events);
};

const notByProgram = (removal: Removal): LookAlike =>
  ruledOutBy(
    'entry-deleted-from-userspace',
    'the event names no program',
    removal.isByProgram === false ? [removal.destroyEvidence] : [],
    ASK.events,
  );

/** States in which an ASSURED entry is evicted all the same (net/netfilter/nf_conntrack_proto_tcp.c: tcp_can_early_drop(), 4.12+). */
const EVICTED_ASSURED = ['FIN_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT'];

/**
 * Entries that are not ASSURED are evicted, and closing ones (net/netfilter/nf_conntrack_core.c: early_drop_list(), all versions;
 * gc_worker_can_early_drop(), 4.12+).
 */
const notEvicted = (subject: Case, removal: Removal): LookAlike => {
  if (removal.last?.isAssured === true && !EVICTED_ASSURED.includes(removal.last.state ?? 'CLOSE'))
    return ruledOutBy('entry-evicted', 'it was ASSURED: such entries are not evicted', [removal.last.evidence]);
  const dropped = statisticMove(subject, 'early_drop');
  return ruledOutBy(
    'entry-evicted',
    'early_drop did not move',
    dropped !== null && dropped.delta === 0 ? dropped.rows.map((row) => subject.cite.value(row, null)) : [],
    ASK.statistics,
  );
};

/** Only masqueraded entries go with their address (net/netfilter/nf_nat_masquerade.c: device_cmp(), inet_cmp()). */
const notWithAddress = (subject: Case, removal: Removal): LookAlike => {
  const rulesRead = subject.host.parts.find((part) => part.part.startsWith('rules:') && part.state === 'read');
  const isMasqueraded = subject.host.rules.masquerade() !== null;
  return ruledOutBy(
    'address-or-link-change',
    'no rule masquerades here, so no entry goes with an address',
    !isMasqueraded && addressEvent(subject, removal) === undefined
      ? [subject.cite.absence(rulesRead, 'no MASQUERADE rule in the ruleset')]
      : [],
    ASK.addresses,
  );
};

const notByReset = (_subject: Case, removal: Removal): LookAlike => {
  const { last, destroy } = removal;
  // The DESTROY names the state in which the entry went; an earlier event stands until another follows in the same stream.
  if (destroy?.state != null && destroy.state !== 'CLOSE')
    return ruledOutBy('entry-closed-by-rst', `it went in state ${destroy.state}`, [removal.destroyEvidence]);
  const isTold = last?.kind === 'event' && last.state !== null && last.state !== 'CLOSE';
  return ruledOutBy(
    'entry-closed-by-rst',
    `its last state was ${last?.state}`,
    isTold ? [last.evidence] : [],
    ASK.events,
  );
};

/** What could have taken an entry early, besides the one argued. Only TCP entries are closed by an RST. */
function others(subject: Case, removal: Removal): readonly LookAlike[] {
  return [
    notEvicted(subject, removal),
    notWithAddress(subject, removal),
    ...(subject.flow.proto === 6 ? [notByReset(subject, removal)] : []),
  ];
}

const expired: Led = (subject, removal) => {
  const { last } = removal;
  const steps: Step[] = [];
  if (last !== null && last.livesUntilUs !== null) {
    if (removal.leftUs === null || removal.leftUs > 0) return null;
    steps.push(
      shown(
        `the entry was in ${last.state ?? 'its last state'} with ${last.timeoutS} s to live, and no longer than that`,
        [last.evidence],
      ),
    );
    steps.push(
      removal.destroyEvidence !== null && removal.isByProgram !== true
        ? shown(
            'it went when its time had run out, and nothing says a program asked for it',
            [removal.destroyEvidence],
            false,
          )
        : open('no event shows it going', false, ASK.events),
    );
  } else {
    // No record of its time: how long the socket was idle against the timeout of the state it must have been in.
    const socket = openSocket(subject);
    const setting = sysctlOf(subject, 'net.netfilter.nf_conntrack_tcp_timeout_established', null);
    const info = socket === null ? {} : socketInfo(socket);
    const idleMs = Math.min(Number(info['lastrcv'] ?? Number.NaN), Number(info['lastsnd'] ?? Number.POSITIVE_INFINITY));
    if (socket === null || setting === null || !Number.isFinite(idleMs) || idleMs < Number(setting.value) * 1000)
      return null;
    steps.push(
      inferred(
        `the socket had been idle for ${duration(idleMs * 1000)}, longer than an established entry lives (${setting.value} s)`,
        [subject.cite.socket(socket), subject.cite.value(setting, null)],
        true,
        ASK.listingBefore,
      ),
    );
  }
  return {
    id: 'entry-expired',
    steps,
    lookAlikes: [notByProgram(removal), ...others(subject, removal)],
  };
};

const deleted: Led = (subject, removal) => {
  if (
    (removal.leftUs !== null && removal.leftUs <= 0) ||
    (removal.destroy?.state === 'CLOSE' && removal.isByProgram !== true)
  )
    return null;
  const command = commandRun(
    subject,
    /\bconntrack\b.*(\s-D|\s--delete|\s-F|\s--flush)|restart.*(conntrackd|docker|kube-proxy|firewalld)/,
  );
  if (removal.isByProgram !== true && command === null && (removal.leftUs === null || removal.isByProgram === false))
    return null;
  const steps = [
    removal.leftUs !== null
      ? shown(`it did not run out: ${leftWords(removal)}`, [removal.last?.evidence ?? null, removal.destroyEvidence])
      : open('how long it had left', false, ASK.listingBefore),
    removal.isByProgram === true
      ? shown('the event says a program asked for it', [removal.destroyEvidence])
      : command !== null
        ? shown('a program that deletes entries was run', [command])
        : inferred(
            'nothing else that removes an entry early is in sight',
            [removal.last?.evidence ?? null],
            true,
            ASK.events,
          ),
  ];
  const isTold = removal.isByProgram === true;
  return {
    id: 'entry-deleted-from-userspace',
    steps,
    // An event that names its program leaves no room for the kernel's own reasons.
    lookAlikes: isTold ? [notExpired(subject, removal)] : [notExpired(subject, removal), ...others(subject, removal)],
  };
};

const addressChange: Led = (subject, removal) => {
  const event = addressEvent(subject, removal);
  if (event === undefined || removal.isByProgram === true) return null;
  const rule = subject.host.rules.masquerade();
  return {
    id: 'address-or-link-change',
    steps: [
      shown(
        event.kind === 'link-down'
          ? 'an interface went down just before'
          : 'an address of this host went away just before',
        [subject.cite.hostEvent(event)],
      ),
      removal.leftUs !== null && removal.leftUs > 0
        ? shown(`it did not run out: ${leftWords(removal)}`, [removal.last?.evidence ?? null, removal.destroyEvidence])
        : open('how long it had left', false, ASK.events),
      rule === null
        ? open('a MASQUERADE rule', false, ASK.ruleset)
        : shown('a rule masquerades, and such entries go with the address', [rule.evidence], false),
    ],
    lookAlikes: [notExpired(subject, removal), notByProgram(removal)],
  };
};

const evicted: Led = (subject, removal) => {
  const dropped = statisticMove(subject, 'early_drop');
  if (
    removal.last === null ||
    removal.last.kind === 'packet' ||
    (removal.last.isAssured && !EVICTED_ASSURED.includes(removal.last.state ?? '')) ||
    dropped === null ||
    dropped.delta <= 0 ||
    removal.isByProgram === true
  )
    return null;
  return {
    id: 'entry-evicted',
    steps: [
      shown('the entry was not ASSURED', [removal.last.evidence]),
      shown(
        `early_drop rose by ${dropped.delta}`,
        dropped.rows.map((row) => subject.cite.value(row, null)),
      ),
      removal.leftUs !== null && removal.leftUs > 0
        ? shown(leftWords(removal), [removal.last.evidence, removal.destroyEvidence], false)
        : open('how long it had left', false, ASK.events),
    ],
    lookAlikes: [notExpired(subject, removal), notByProgram(removal)],
  };
};

const closedByReset: Led = (subject, removal) => {
  const reset = subject.all
    .filter(
      (packet) =>
        (packet.flags ?? '').split(' ').includes('RST') &&
        packet.state !== 'INVALID' &&
        orderOf(packetMoment(packet), removal.goneBy) === 'before',
    )
    .at(-1);
  const isClosed = removal.last?.state === 'CLOSE' || removal.destroy?.state === 'CLOSE';
  if (!isClosed && reset === undefined) return null;
  return {
    id: 'entry-closed-by-rst',
    steps: [
      isClosed
        ? shown('an RST had closed the entry: its last state was CLOSE', [
            removal.destroy?.state === 'CLOSE' ? removal.destroyEvidence : (removal.last?.evidence ?? null),
          ])
        : inferred(
            'an RST of the flow passed before',
            reset === undefined ? [] : [citePacket(subject, reset)],
            true,
            ASK.events,
          ),
      removal.leftUs !== null && removal.leftUs <= 0
        ? shown(
            `the ${removal.last?.timeoutS} s of that state had run out`,
            [removal.last?.evidence ?? null, removal.destroyEvidence],
            false,
          )
        : open('when it went', false, ASK.events),
    ],
    lookAlikes: [notByProgram(removal)],
  };
};

const neverThere: Led = (subject, removal) => {
  if (removal.last !== null || removal.destroy !== null) return null;
  const packet = packetMoment(firstPacket(subject));
  for (const part of subject.host.parts.filter((one) => one.part === 'list:main' && one.state === 'read')) {
    if (part.atUs === null || orderOf({ atUs: part.atUs, errorUs: 50_000 }, packet) !== 'before') continue;
    const socket = subject.sockets.find((one) => one.snapshotId === part.snapshotId && one.state === 'ESTAB');
    if (socket === undefined || subject.entries.some((entry) => entry.snapshotId === part.snapshotId)) continue;
    return {
      id: 'entry-never-there',
      steps: [
        shown('the connection was established before the packet', [subject.cite.socket(socket)]),
        shown('and had no entry then', [subject.cite.absence(part, 'no entry of the flow in the listing')]),
        inferred('no event or packet of the flow shows an entry at any time', [], false, ASK.events),
      ],
      lookAlikes: [notExpired(subject, removal)],
    };
  }
  return null;
};

/** In the order in which they are tried; the surest argument wins. */
export const LED_TO_IT: readonly Led[] = [deleted, addressChange, closedByReset, expired, evicted, neverThere];
