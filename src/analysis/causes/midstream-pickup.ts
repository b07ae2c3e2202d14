// The state of many connections was lost at one moment (reboot, failover, flush, reload): their next packets are NEW in the middle.

import type { EvidenceItem } from '../../model/finding.js';
import {
  confidenceOf,
  inferred,
  type LookAlike,
  rankOf,
  ruledOutBy,
  type Step,
  shown,
  type Verdict,
} from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import type { Case } from '../explain/case.js';
import { around, type Glimpse, othersOf } from '../explain/crowd.js';
import { citePacket, firstPacket, isLocalOutput, sysctlOf } from '../explain/flow-facts.js';
import { orderOf } from '../explain/order.js';
import { isMidstreamFlags, isSyn, isSynAck } from '../explain/segment-facts.js';
import type { Cause } from './cause.js';
import { LED_TO_IT } from './entry-gone/led-to-it.js';
import { removalOf } from './entry-gone/removal.js';
import { droppedWords } from './message-step.js';
import { ruleWords } from './words.js';

/** Connections that begin anew within this time of each other were lost together: who sends seldom comes later. */
const BURST_US = 30_000_000;
const LOOSE = 'net.netfilter.nf_conntrack_tcp_loose';

/** Other connections that are taken up in the middle at about the same time. */
function burstOf(subject: Case): readonly Glimpse[] {
  const first = firstPacket(subject).row.atUs;
  return around(othersOf(subject), first, BURST_US).filter(
    (one) =>
      one.outcome === subject.outcome &&
      one.tuple.proto === 6 &&
      one.flags.length > 0 &&
      one.flags.every((words) => isMidstreamFlags(words)),
  );
}

/** Something that takes the state of all connections at once. */
function lossOf(subject: Case): { readonly says: string; readonly evidence: EvidenceItem } | null {
  const { row } = firstPacket(subject);
  const event = subject.host.hostEvents.find(
    (one) =>
      one.kind === 'command' &&
      /\bconntrack\b.*(\s-F\b|\s--flush\b)|\b(iptables|ip6tables)(-legacy|-nft)?-restore\b|\bnft\b.*(-f\b|flush ruleset)|restart.*(firewalld|conntrackd|keepalived|docker|ufw|nftables)|\bmodprobe\b.*nf_conntrack/.test(
        String(one.data['command'] ?? ''),
      ) &&
      orderOf({ atUs: one.atUs, errorUs: one.errorUs }, { atUs: row.atUs, errorUs: row.errorUs }) !== 'after',
  );
  return event === undefined
    ? null
    : { says: `it was run before: ${String(event.data['command'])}`, evidence: subject.cite.hostEvent(event) };
}

const askWhatWasRun = {
  what: 'what was run on this host then',
  command: 'ctwhy ingest journal.txt',
  ask: 'journalctl -o short-precise --since "1 hour ago" > journal.txt   # reloads, failovers, conntrack -F',
};

function looseStep(subject: Case): Step {
  const setting = sysctlOf(subject, LOOSE, firstPacket(subject).row.atUs);
  const isOn = setting !== null && Number(setting.value) !== 0;
  if (subject.outcome === 'NEW')
    return isOn
      ? shown(
          'nf_conntrack_tcp_loose is on: such a packet makes a new entry',
          [subject.cite.value(setting, null)],
          false,
        )
      : inferred('nf_conntrack_tcp_loose must be on', [], false, ASK.sysctls);
  return setting !== null && !isOn
    ? shown('nf_conntrack_tcp_loose is 0: such a packet makes no entry', [subject.cite.value(setting, null)], false)
    : inferred('nf_conntrack_tcp_loose must be 0', [], false, ASK.sysctls);
}

/** One direction only, all the time, is another story: the entry never becomes ASSURED. */
function notAsymmetric(subject: Case): LookAlike {
  const { row } = firstPacket(subject);
  const answered = subject.events.find(
    (event) =>
      event.kind === 'UPDATE' &&
      orderOf(
        { atUs: event.atUs, errorUs: event.errorUs, sourceId: event.sourceId },
        { atUs: row.atUs, errorUs: row.errorUs },
      ) !== 'before',
  );
  const cited =
    answered !== undefined
      ? subject.cite.event(answered)
      : isLocalOutput(subject)
        ? citePacket(subject, firstPacket(subject), 0)
        : null;
  return ruledOutBy(
    'asymmetric-reply-unseen',
    answered !== undefined ? 'it is answered here, too' : 'it is of this host itself, which sees both directions',
    [cited],
    ASK.listing,
  );
}

export const midstreamPickup: Cause = {
  id: 'midstream-pickup',
  title: 'Taken up in the middle: the state of many connections was lost at once',
  needs:
    'packets of several connections that are NEW without SYN (INVALID with nf_conntrack_tcp_loose=0), and their times',
  decides:
    'several connections begin anew in the middle within seconds; their entries went at one moment, or a flush, reload or failover is recorded',
  looksLike: ['entry-gone', 'asymmetric-reply-unseen', 'normal'],
  causes: ['entry-deleted-from-userspace', 'entry-expired', 'address-or-link-change', 'entry-never-there'],
  kernels: 'all; nothing is printed: a rule that logs NEW, or events, tell',
  evidence: ['kernel log', 'events', 'entries', 'sysctls'],
  argue(subject): Verdict | null {
    const packet = firstPacket(subject);
    const { outcome, flow, reason } = subject;
    if (flow.proto !== 6 || (outcome !== 'NEW' && outcome !== 'INVALID')) return null;
    if (!subject.packets.every((one) => isMidstreamFlags(one.flags))) return null;
    if (outcome === 'INVALID' && reason?.id !== 'tcp-loose-disabled') return null;
    if (reason?.by === 'message') return null;
    // The first half of a handshake without its answer, or the reverse: half a road.
    if (subject.all.some((one) => isSynAck(one) && one.state === 'INVALID')) return null;
    const burst = burstOf(subject);
    const loss = lossOf(subject);
    if (burst.length === 0 && loss === null) return null;
    const removal = removalOf(subject);
    // What ran out by itself was not lost with the others.
    if (removal.leftUs !== null && removal.leftUs <= 0) return null;
    const cited = citePacket(subject, packet);
    const hadLife = removal.last !== null && removal.last.kind !== 'packet';
    const syn = subject.all.find((one) => isSyn(one) && one.row.line < packet.row.line);
    const steps: Step[] = [
      packet.stateIs === 'shown'
        ? shown(`the packet is ${outcome} without SYN (${packet.flags})`, [cited])
        : inferred(`the packet is ${outcome} without SYN (${packet.flags})`, [cited], true, ASK.trace),
      burst.length > 0
        ? shown(
            `${burst.length === 1 ? 'another connection begins' : `${burst.length} other connections begin`} anew in the middle at the same time`,
            burst.slice(0, 3).map((one) => subject.crowd.cite(one)),
          )
        : inferred('other connections begin anew, too', [], true, ASK.trace),
      hadLife
        ? shown('the connection had had an entry', [removal.last!.evidence], false)
        : syn !== undefined
          ? shown('its SYN was here before', [citePacket(subject, syn)], false)
          : inferred('the connection is older than its entry', [], false, ASK.listingBefore),
      removal.destroyEvidence !== null
        ? shown('that entry had gone', [removal.destroyEvidence], false)
        : inferred('that entry must have gone', [], false, ASK.events),
      // Several that a program deletes one by one look the same; only what empties the table speaks for all.
      loss !== null
        ? shown(loss.says, [loss.evidence], false)
        : inferred('what took the entries of all of them', [], false, askWhatWasRun),
      looseStep(subject),
    ];
    const led = LED_TO_IT.map((argue) => argue(subject, removal))
      .filter((one) => one !== null)
      .sort((a, b) => rankOf(confidenceOf(b)) - rankOf(confidenceOf(a)))
      .find((one) => confidenceOf(one) !== null);
    const isEarly = removal.leftUs !== null && removal.leftUs > 0;
    const lookAlikes: LookAlike[] = [
      ruledOutBy(
        'entry-gone',
        isEarly ? 'its entry had time left, and others went with it' : 'several at once do not run out by themselves',
        isEarly && burst.length > 0
          ? [removal.last?.evidence ?? null, removal.destroyEvidence, subject.crowd.cite(burst[0]!)]
          : [],
        ASK.events,
      ),
      notAsymmetric(subject),
      ruledOutBy('normal', 'it has no SYN', [cited]),
    ];
    return {
      class: 'midstream-pickup',
      argument: { id: 'midstream-pickup', steps, lookAlikes },
      led: led ?? null,
      title: `${outcome} in the middle: the state of ${burst.length + 1} connections was lost at once`,
      summary: `Conntrack lost what it knew of ${burst.length + 1} connections at one moment; the next packet of each has no entry. ${outcome === 'NEW' ? 'With nf_conntrack_tcp_loose=1 it is NEW without a SYN and makes an entry whose window is not known, so that both sides are taken liberally.' : 'With nf_conntrack_tcp_loose=0 it is INVALID.'}${droppedWords(subject, ruleWords)}`,
      missing: [],
      remedies: [
        {
          when: 'lasting',
          text: 'reload rules in one step (iptables-restore, nft -f), and do not flush entries with them',
          command: 'conntrack -E -e DESTROY -o userspace,timestamp',
          undo: '',
          price: 'none, this only watches who deletes entries',
        },
        {
          when: 'lasting',
          text: 'on a pair that fails over: let connections be taken up, and be liberal with their windows (or replicate state: conntrackd)',
          command: `sysctl -w ${LOOSE}=1; sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1`,
          undo: `sysctl -w ${LOOSE}=0; sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=0`,
          price:
            'stray ACKs make entries, and sequence numbers are not checked any more, for all connections of the namespace',
        },
      ],
    };
  },
};
