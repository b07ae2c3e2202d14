// With loose tracking a packet from the middle of a connection makes a new entry: it is NEW, without a SYN. Where its own entry is known
// to have gone, that is why.

import {
  confidenceOf,
  inferred,
  type LookAlike,
  rankOf,
  ruledOutBy,
  type Step,
  shown,
  type Verdict,
} from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { citePacket, firstPacket, sysctlOf } from '../../explain/flow-facts.js';
import { orderOf } from '../../explain/order.js';
import type { Cause } from '../cause.js';
import { flowWords, ruleWords, stopWords } from '../words.js';
import { LED_TO_IT } from './led-to-it.js';
import { keepItFromHappening } from './remedies.js';
import { removalOf } from './removal.js';

/** ACK without SYN, FIN or RST: the only kind that loose tracking takes up (net/netfilter/nf_conntrack_proto_tcp.c: tcp_new(), all versions). */
function isMidstream(flags: string | null): boolean {
  return flags !== null && /\bACK\b/.test(flags) && !/\b(SYN|FIN|RST)\b/.test(flags);
}

/** The entry that the packet itself made. */
function born(subject: Case) {
  const { row } = firstPacket(subject);
  const moment = { atUs: row.atUs, errorUs: row.errorUs };
  return subject.events.find(
    (event) =>
      event.kind === 'NEW' &&
      event.state === 'ESTABLISHED' &&
      orderOf({ atUs: event.atUs, errorUs: event.errorUs }, moment) !== 'before',
  );
}

export const pickedUpAgain: Cause = {
  id: 'entry-gone',
  title: 'Taken up again in the middle: its entry had gone',
  needs: 'a NEW packet of TCP without SYN, and what became of the entry that its connection had',
  decides: 'the entry had run out, or was deleted, before; nf_conntrack_tcp_loose let the packet make a new one',
  looksLike: ['midstream-pickup'],
  causes: ['entry-expired', 'entry-deleted-from-userspace', 'address-or-link-change', 'entry-evicted'],
  kernels: 'all, with nf_conntrack_tcp_loose=1 (the default)',
  evidence: ['kernel log', 'trace', 'events', 'entries', 'settings'],
  argue(subject: Case): Verdict | null {
    const packet = firstPacket(subject);
    if (subject.outcome !== 'NEW' || subject.flow.proto !== 6 || !isMidstream(packet.flags)) return null;
    const removal = removalOf(subject);
    // That it is of an old connection at all must be recorded: a stray ACK of a stranger looks the same.
    if (removal.last === null || removal.last.kind === 'packet') return null;
    const led = LED_TO_IT.map((argue) => argue(subject, removal))
      .filter((one) => one !== null)
      .sort((a, b) => rankOf(confidenceOf(b)) - rankOf(confidenceOf(a)))
      .find((one) => confidenceOf(one) !== null);
    const cited = citePacket(subject, packet);
    const event = born(subject);
    const loose = sysctlOf(subject, 'net.netfilter.nf_conntrack_tcp_loose', packet.row.atUs);
    const hasExpired = led?.id === 'entry-expired' && removal.leftUs !== null && removal.leftUs <= 0;
    const steps: Step[] = [
      packet.stateIs === 'shown'
        ? shown(`the packet is NEW without SYN (${packet.flags})`, [cited])
        : event !== undefined
          ? shown('the packet made a new entry, in ESTABLISHED at once', [subject.cite.event(event)])
          : inferred('the packet is NEW', [cited], true, ASK.trace),
      shown('its connection had had an entry', [removal.last.evidence]),
      removal.destroyEvidence !== null
        ? shown('that entry had gone', [removal.destroyEvidence])
        : inferred('that entry must have gone', hasExpired ? [removal.last.evidence] : [], true, ASK.events),
      loose !== null && Number(loose.value) !== 0
        ? shown(
            'nf_conntrack_tcp_loose is on: such a packet makes a new entry',
            [subject.cite.value(loose, null)],
            false,
          )
        : inferred('nf_conntrack_tcp_loose must be on', [], false, ASK.sysctls),
    ];
    const lookAlikes: LookAlike[] = [
      // All connections at once is another story than one that ran out by itself.
      ruledOutBy(
        'midstream-pickup',
        'its entry ran out by itself: the table was not lost',
        hasExpired ? [removal.last.evidence, removal.destroyEvidence] : [],
        ASK.listingBefore,
      ),
    ];
    if (!hasExpired) steps.push(inferred('only this entry went, not the whole table', [], true, ASK.listingBefore));
    const { fate } = subject;
    const drop =
      fate.fate === 'dropped' && fate.rule !== null
        ? ` ${fate.isPolicy ? `The policy of ${fate.rule.chain}` : ruleWords(fate.rule)} ${stopWords(fate).stops} it.`
        : '';
    return {
      class: 'entry-gone',
      argument: { id: 'entry-gone', steps, lookAlikes },
      led: led ?? null,
      title: `NEW without a SYN: the entry of ${flowWords(subject.flow)} had gone`,
      summary: `${hasExpired ? 'The connection was silent for longer than its conntrack entry lives, and the entry ran out.' : 'The conntrack entry was gone before the connection was closed.'} With nf_conntrack_tcp_loose=1 its next packet makes a new entry, so it is NEW in the middle of a connection; with 0 it would be INVALID.${drop}`,
      missing: led === undefined ? [ASK.events] : [],
      remedies: keepItFromHappening(subject, led?.id ?? null),
    };
  },
};
