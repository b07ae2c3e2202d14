// A NOTRACK rule that matches one direction only: the other direction is shown to conntrack, which has never seen the question.

import type { Rule } from '../../../model/ruleset.js';
import { reversed } from '../../../model/tuple.js';
import type { TupleRow } from '../../../store/case-reader.js';
import { inferred, type LookAlike, ruledOutBy, type Step, shown, type Verdict } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case, SeenPacket } from '../../explain/case.js';
import { citePacket, firstPacket } from '../../explain/flow-facts.js';
import { factsOf, packetOf } from '../../explain/packet-of.js';
import { ruleBehind } from '../../explain/rule-commands.js';
import { isMidstreamFlags, isSynAck, otherWay } from '../../explain/segment-facts.js';
import { isUntracking } from '../../explain/untracked-rules.js';
import { matchRule } from '../../ruleset/match-rule.js';
import type { Cause } from '../cause.js';
import { droppedWords, invalidStep } from '../message-step.js';
import { flowWords, ruleWords } from '../words.js';

const HALF_REASONS = ['tcp-invalid-new', 'tcp-invalid-state'];

interface OneSided {
  readonly rule: Rule;
  /** false: what the rule asks of the other direction (its interface, its flags) is not all known. */
  readonly isSure: boolean;
}

/** The packet as its counterpart would have come: ends swapped, in by the interface that this one leaves by. */
function counterpart(packet: SeenPacket): SeenPacket {
  const tuple = packet.tuples[0];
  const turned: readonly TupleRow[] = tuple === undefined ? [] : [{ ...reversed(tuple), id: tuple.id }];
  return {
    ...packet,
    tuples: turned,
    flags: isSynAck(packet) ? 'SYN' : packet.flags,
    steps: packet.steps.map((step) => ({
      ...step,
      inIf: step.outIf,
      outIf: step.inIf,
      physIn: step.physOut,
      physOut: step.physIn,
      chain: null,
    })),
  };
}

/** NULL: no rule untracks just the other direction of this packet. */
export function oneSidedRule(subject: Case): OneSided | null {
  const packet = firstPacket(subject);
  const turned = counterpart(packet);
  const test = (rule: Rule, one: SeenPacket, hook: string | null, priority: number | null) =>
    matchRule(rule, packetOf(one), { ...factsOf(one, subject.flow, null), hook, priority }).result;
  for (const chain of subject.host.rules.rulesets.flatMap((ruleset) => ruleset.chains)) {
    if (chain.table !== 'raw' && (chain.priority === null || chain.priority > -200)) continue;
    const untracking = chain.rules.filter(isUntracking);
    // This direction untracked as well: then it would not be INVALID.
    if (untracking.some((rule) => test(rule, packet, chain.hook, chain.priority) === 'match')) return null;
    for (const rule of untracking) {
      const result = test(rule, turned, chain.hook, chain.priority);
      if (result !== 'no-match') return { rule, isSure: result === 'match' };
    }
  }
  return null;
}

function noEntryOfTheOtherSide(subject: Case): LookAlike {
  const seen = otherWay(subject).find((one) => one.state !== null && one.state !== 'UNTRACKED');
  return ruledOutBy(
    'asymmetric-syn-unseen',
    'a rule of this host keeps the other direction from conntrack: it does come by here',
    otherWay(subject).length > 0 && seen === undefined ? [citePacket(subject, otherWay(subject)[0]!, 0)] : [],
    ASK.capture,
  );
}

export const oneSidedNotrack: Cause = {
  id: 'untrackable',
  title: 'NOTRACK in one direction only',
  needs: 'the ruleset with its raw table (or chains in front of conntrack), and INVALID packets of the other direction',
  decides: 'a rule untracks the reverse of these packets, and none untracks these',
  looksLike: ['asymmetric-syn-unseen'],
  causes: ['one-sided-notrack'],
  kernels: 'all',
  evidence: ['ruleset', 'kernel log', 'counters'],
  argue(subject): Verdict | null {
    const packet = firstPacket(subject);
    const { outcome, reason, flow } = subject;
    // Without the question an answer has no entry; without the answer the opener's ACK finds one that still waits.
    const isHalf =
      flow.proto !== 6 ||
      !isMidstreamFlags(packet.flags) ||
      reason?.id === 'tcp-loose-disabled' ||
      reason?.id === 'tcp-invalid-state';
    if (outcome !== 'INVALID' || !isHalf || (reason?.by === 'message' && !HALF_REASONS.includes(reason.id)))
      return null;
    const found = oneSidedRule(subject);
    if (found === null) return null;
    const { rule } = found;
    const hit = subject.host.rules.ruleOf(rule);
    const moved = hit === null ? null : subject.host.rules.moved(hit);
    const steps: Step[] = [
      invalidStep(subject),
      found.isSure
        ? shown(`${ruleWords(rule)} keeps the other direction from conntrack (${rule.text})`, [hit?.evidence ?? null])
        : inferred(
            `${ruleWords(rule)} may keep the other direction from conntrack (${rule.text})`,
            [hit?.evidence ?? null],
            true,
            ASK.trace,
          ),
      shown('no rule keeps this direction from it', [hit?.evidence ?? null]),
      moved !== null && moved.packets > 0
        ? shown(`the rule met ${moved.packets} packets meanwhile`, moved.evidence, false)
        : inferred('the rule met the other direction', [], false, ASK.rulesetTwice),
    ];
    const tuple = packet.tuples[0] ?? flow;
    const proto = flow.proto === 17 ? 'udp' : 'tcp';
    const isSix = tuple.src.includes(':');
    return {
      class: 'untrackable',
      argument: { id: 'untrackable', steps, lookAlikes: [noEntryOfTheOtherSide(subject)] },
      led: {
        id: 'one-sided-notrack',
        steps: [steps[1]!],
        lookAlikes: [],
      },
      title: `NOTRACK one way only: ${flowWords(tuple)} has no entry`,
      summary: `${ruleWords(rule)} leaves the other direction untracked; ${flowWords(tuple)} is shown to conntrack, which never saw what it answers, and is INVALID.${droppedWords(subject, ruleWords)}`,
      missing: [],
      remedies: [
        {
          when: 'lasting',
          text: 'leave this direction untracked, too (or delete the rule, and track both)',
          ...ruleBehind(subject.host.rules, rule, isSix, {
            iptables: `-p ${proto} -s ${tuple.src}${tuple.sport === null ? '' : ` --sport ${tuple.sport}`} -j CT --notrack`,
            nft: `${isSix ? 'ip6' : 'ip'} saddr ${tuple.src}${tuple.sport === null ? '' : ` ${proto} sport ${tuple.sport}`} notrack`,
          }),
          price: 'no NAT and no stateful rule for either direction: both need rules that accept them',
        },
      ],
    };
  },
};
