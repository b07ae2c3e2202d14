// Traffic that conntrack has no place for: ICMP types without a partner, GRE versions, protocols whose tracker is missing. Every packet of
// the kind is INVALID, from the first.

import type { Remedy } from '../../../model/finding.js';
import { protocolName } from '../../../text/protocols.js';
import { inferred, type LookAlike, ruledOutBy, type Step, shown, type Verdict } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { othersOf } from '../../explain/crowd.js';
import { citePacket, firstPacket } from '../../explain/flow-facts.js';
import { ruleAhead, speaksNft } from '../../explain/rule-commands.js';
import type { Cause } from '../cause.js';
import { droppedWords, invalidStep } from '../message-step.js';
import { ruleWords } from '../words.js';

/** Reasons that name a kind of traffic, not a state of the table. */
const KINDS: Readonly<Record<string, string>> = {
  'icmp-no-inverse-type': 'an ICMP type that has no answer to be matched with',
  'icmpv6-no-inverse-type': 'an ICMPv6 type that conntrack neither tracks nor leaves alone',
  'gre-unsupported-proto': 'GRE of version 1 that does not carry PPP',
  'gre-ipv6-unsupported': 'GRE over IPv6, which this kernel does not track',
  'generic-protocol-module-missing': 'a protocol whose tracker is not loaded',
};

/** What ICMPv6 types are for, those that hosts really send (IANA ICMPv6 parameters). */
const PURPOSES: Readonly<Record<number, string>> = {
  138: 'router renumbering',
  141: 'inverse neighbour discovery',
  142: 'inverse neighbour discovery',
  144: 'mobile IPv6',
  145: 'mobile IPv6',
  146: 'mobile IPv6',
  147: 'mobile IPv6',
  151: 'multicast router discovery',
  152: 'multicast router discovery',
  153: 'multicast router discovery',
  155: 'RPL',
  160: 'extended echo (probe)',
  161: 'extended echo (probe)',
};

function typeOf(subject: Case): number | null {
  const type = /\btype=(\d+)/.exec(firstPacket(subject).tuples[0]?.extra ?? '')?.[1];
  return type === undefined ? null : Number(type);
}

function kindWords(subject: Case): string {
  const type = typeOf(subject);
  const name = protocolName(subject.flow.proto);
  const purpose = type === null ? undefined : PURPOSES[type];
  return type === null
    ? name
    : `${name} type ${type}${purpose === undefined || subject.flow.proto !== 58 ? '' : ` (${purpose})`}`;
}

function remedies(subject: Case): readonly Remedy[] {
  const isSix = subject.flow.src.includes(':');
  const type = typeOf(subject);
  const proto = subject.flow.proto;
  const name = proto === 58 ? 'icmpv6' : proto === 1 ? 'icmp' : protocolName(proto);
  const price = 'no state: such packets pass whoever sends them, and are not translated';
  const rule = subject.fate.rule;
  const { rules } = subject.host;
  const table = speaksNft(rules, rule) ? ({ family: 'inet', table: 'filter', chain: 'input' } as const) : null;
  const place = rule ?? table ?? ({ family: isSix ? 'ip6' : 'ip', table: 'filter', chain: 'INPUT' } as const);
  const change = ruleAhead(rules, place, isSix, {
    iptables: `-p ${name}${type === null ? '' : ` --${name}-type ${type}`} -j ACCEPT`,
    nft: `${type === null ? `meta l4proto ${name}` : `${name} type ${type}`} accept`,
  });
  return [
    { when: 'lasting', text: 'accept this kind ahead of the rule for INVALID, if it is wanted', ...change, price },
  ];
}

/** That every packet of the kind is INVALID: none of it is seen as anything else. */
function allOfItStep(subject: Case): Step {
  const type = typeOf(subject);
  const alike = othersOf(subject).filter(
    (one) =>
      one.tuple.proto === subject.flow.proto &&
      (type === null || new RegExp(`\\btype=${type}\\b`).test(one.tuple.extra ?? '')),
  );
  const other = alike.find((one) => one.outcome !== 'INVALID');
  if (other !== undefined)
    return inferred('others of the kind are not INVALID', [subject.crowd.cite(other)], false, ASK.trace);
  const more = alike[0];
  return more === undefined
    ? inferred('every packet of this kind is INVALID, from the first', [], false, ASK.trace)
    : shown(
        `every packet of this kind is INVALID: ${alike.length + 1} senders or more`,
        [subject.crowd.cite(more)],
        false,
      );
}

export const untrackableTypes: Cause = {
  id: 'untrackable',
  title: 'Traffic that conntrack cannot track',
  needs: 'an INVALID packet with its protocol and type',
  decides:
    'the kind has no entry in any kernel of this version: ICMPv6 types such as multicast router discovery, GRE without PPP, GRE over IPv6 before 5.12',
  looksLike: ['malformed', 'entry-gone'],
  causes: [],
  kernels:
    'all; ICMPv6 types 151 and 152 are left alone since 6.9 to 6.12; redirects are checked since 6.2; GRE over IPv6 is tracked since 5.12',
  evidence: ['kernel log', 'traces'],
  argue(subject): Verdict | null {
    const { reason } = subject;
    const what = reason === null ? undefined : KINDS[reason.id];
    if (subject.outcome !== 'INVALID' || reason === null || what === undefined) return null;
    const packet = firstPacket(subject);
    const cited = citePacket(subject, packet, packet.reasonStep ?? packet.stateStep ?? 0);
    const isSettled = reason.by !== 'candidate';
    const steps: Step[] = [
      invalidStep(subject),
      isSettled || typeOf(subject) !== null
        ? shown(`it is ${kindWords(subject)}: ${what}`, [cited])
        : inferred(`it is ${what}`, [cited], true, ASK.logInvalid),
      allOfItStep(subject),
    ];
    const lookAlikes: LookAlike[] = [
      ruledOutBy('entry-gone', 'such a packet never has an entry', isSettled ? [cited] : [], ASK.logInvalid),
    ];
    return {
      class: 'untrackable',
      argument: { id: 'untrackable', steps, lookAlikes },
      led: null,
      // Each kind is a story of its own.
      story: kindWords(subject),
      title: `${kindWords(subject)} cannot be tracked: INVALID from the first packet`,
      summary: `The packet is ${kindWords(subject)}: ${what}. Conntrack has no entry for such traffic and calls all of it INVALID.${droppedWords(subject, ruleWords)}`,
      missing: [],
      remedies: remedies(subject),
    };
  },
};
