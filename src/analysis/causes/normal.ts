// NEW as expected: the first packet of a connection, or its repetition while nobody has answered. Nothing is wrong with conntrack.

import { inferred, type LookAlike, open, ruledOutBy, type Step, shown, type Verdict } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import { citePacket, firstPacket, livesBefore, packetMoment } from '../explain/flow-facts.js';
import { staleSign } from '../explain/stale.js';
import type { Cause } from './cause.js';
import { endsInRouting } from './routing-dropped/ends-in-routing.js';
import { flowWords, ruleWords } from './words.js';

/** Reasons for NEW that are the ordinary course of things. */
const ORDINARY: Readonly<Record<string, string>> = {
  'tcp-new-syn': 'a SYN opens a connection',
  'tcp-new-syn-retransmit': 'the SYN is repeated, nobody has answered yet',
  'tcp-new-reopen': 'a SYN opens the connection again after it was closed',
  'tcp-new-after-unreplied-rst': 'the SYN is sent again after it was refused',
  'udp-new': 'the first UDP packet, or one that nobody has answered',
  'new-unreplied': 'nobody has answered yet, so every packet of this side is NEW',
  'icmp-echo-new': 'a request that opens an ICMP exchange',
  'generic-new': 'the first packet of a protocol without a tracker of its own',
  'gre-new': 'the first GRE packet',
  'sctp-new-init': 'an INIT opens an SCTP association',
  'new-expectation-related': 'a helper had announced it',
  'icmp-error-related': 'an error about a known connection',
};

export const normal: Cause = {
  id: 'normal',
  title: 'As expected, nothing wrong',
  needs: 'the packet and its flags',
  decides: 'it is the first packet of its connection, or the repetition of one that nobody answered',
  looksLike: ['midstream-pickup', 'helper-expectation', 'stale-entry'],
  causes: [],
  kernels: 'all',
  evidence: ['kernel log', 'trace', 'events', 'entries', 'settings', 'ruleset'],
  argue(subject): Verdict | null {
    const usual = subject.reason === null ? undefined : ORDINARY[subject.reason.id];
    if (usual === undefined || subject.reason === null || (subject.outcome !== 'NEW' && subject.outcome !== 'RELATED'))
      return null;
    // Dropped though it is NEW: that is a rule's doing and told there.
    if (subject.fate.fate === 'dropped') return null;
    // Ended between two hooks: ordinary for conntrack, but not for whoever sent it.
    if (endsInRouting(subject)) return null;
    const packet = firstPacket(subject);
    const isTcp = subject.flow.proto === 6;
    const event = subject.events.find((one) => one.kind === 'NEW');
    const lives = livesBefore(subject, packetMoment(packet)).filter((life) => life.kind !== 'packet');
    const cited = citePacket(subject, packet);
    const isFirst = event !== undefined && lives.length === 0;
    // An old entry without an answer keeps its packets NEW: only an answer, or a single first packet, tells.
    const answered = subject.events.find((one) => one.kind === 'UPDATE') ?? null;
    const listed = subject.entries.find((entry) => !(entry.status ?? '').includes('UNREPLIED')) ?? null;
    // The flags alone cannot tell a repeated SYN from the first one: an entry that was answered, or a packet seen once, shows no repetition.
    const isOnce =
      subject.reason.id === 'tcp-new-syn-retransmit' && (answered !== null || listed !== null || subject.count === 1);
    const sentence = isOnce ? ORDINARY['tcp-new-syn']! : usual;
    const steps: Step[] = [
      packet.stateIs === 'shown'
        ? shown(`the packet is ${subject.outcome}`, [cited])
        : inferred(`the packet is ${subject.outcome}, by what it is`, [cited], !isTcp, ASK.trace),
      // A SYN can only be NEW or belong to an entry it repeats; of other protocols only the entry's own event tells the first packet.
      isTcp || isFirst
        ? shown(sentence, [cited, isFirst ? subject.cite.event(event) : null])
        : inferred(sentence, [cited], packet.stateIs !== 'shown', ASK.events),
    ];
    const answer =
      answered !== null
        ? subject.cite.event(answered)
        : listed !== null
          ? subject.cite.entry(listed, null)
          : isFirst && subject.count === 1
            ? subject.cite.event(event)
            : null;
    const stale = staleSign(subject);
    // What an old entry did to it is not argued here; but ordinary it is not.
    if (stale !== null) steps.push(open(`whether it is ordinary: ${stale.says}`, true, ASK.listingBefore));
    const lookAlikes: LookAlike[] =
      stale !== null
        ? [{ cause: 'stale-entry', ruledOut: null, wouldSettle: ASK.ruleset }]
        : isTcp
          ? [ruledOutBy('midstream-pickup', 'it is a SYN, not a packet from the middle of a connection', [cited])]
          : [
              ruledOutBy(
                'stale-entry',
                answered !== null || listed !== null ? 'it was answered' : 'its entry was made by this packet',
                [answer],
                ASK.events,
              ),
            ];
    return {
      class: 'normal',
      argument: { id: 'normal', steps, lookAlikes },
      led: null,
      title: `ordinary: ${flowWords(subject.flow)}`,
      summary: `NEW as it should be: ${sentence}.${subject.fate.rule !== null && subject.fate.fate === 'delivered' ? ` ${ruleWords(subject.fate.rule)} accepts it.` : ''}`,
      missing: [],
      remedies: [],
    };
  },
};
