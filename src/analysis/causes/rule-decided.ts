// An ordinary rule or a policy ended the packet although conntrack was content with it (NEW or ESTABLISHED).

import type { Remedy } from '../../model/finding.js';
import {
  type Argument,
  inferred,
  type LookAlike,
  open,
  ruledOutBy,
  type Step,
  shown,
  type Verdict,
} from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import type { Case } from '../explain/case.js';
import { type Probes, probesOf } from '../explain/crowd.js';
import { citePacket, firstPacket, silenceOfLog } from '../explain/flow-facts.js';
import { proofLines } from '../explain/proof-lines.js';
import { listedChain } from '../explain/rule-commands.js';
import { isMidstreamFlags } from '../explain/segment-facts.js';
import type { Cause } from './cause.js';
import { type MeantRule, nearMiss, takenBefore } from './meant-rule.js';
import { flowWords, ruleWords, stopWords } from './words.js';

/** Ports of the helpers of the kernel (net/netfilter/nf_conntrack_*.c: default ports; pptp 1723, h323 1719 and 1720). */
const HELPER_PORTS = [21, 69, 111, 137, 161, 554, 1719, 1720, 1723, 5060, 6566, 6667, 10080];

function stateStep(subject: Case): Step {
  const packet = firstPacket(subject);
  const cited = citePacket(subject, packet);
  if (packet.stateIs === 'shown') return shown(`conntrack was content with it: ${packet.state}`, [cited]);
  const quiet = silenceOfLog(subject, firstPacket(subject));
  if (quiet !== null) return shown('conntrack was content with it: log_invalid was on and printed nothing', [quiet]);
  return packet.state === null
    ? open('the state conntrack gave it', false, ASK.logInvalid)
    : inferred(`conntrack was content with it: ${packet.state}`, [cited], false, ASK.trace);
}

/** A data connection that a helper should have announced is NEW where RELATED was meant: the rule is innocent then, too. */
function notHelper(subject: Case): LookAlike {
  const isHelped = (port: number | null) => port !== null && HELPER_PORTS.includes(port);
  const control = subject.companions.find((tuple) => isHelped(tuple.sport) || isHelped(tuple.dport));
  const drop = subject.fate.rule;
  const related = subject.host.rules.rulesets
    .flatMap((ruleset) => ruleset.chains)
    .filter(
      (chain) =>
        drop !== null && chain.family === drop.family && chain.table === drop.table && chain.name === drop.chain,
    )
    .flatMap((chain) => chain.rules)
    .find(
      (rule) =>
        rule.verdict === 'ACCEPT' &&
        rule.conditions.some((condition) => condition.field === 'ctstate' && condition.values.includes('RELATED')),
    );
  const rule = subject.fate.evidence.find((item) => item.kind === 'rule') ?? null;
  if (related === undefined)
    return ruledOutBy(
      'helper-expectation',
      'no rule here accepts RELATED, so a helper would not have helped',
      [rule],
      ASK.ruleset,
    );
  if (control !== undefined) return { cause: 'helper-expectation', ruledOut: null, wouldSettle: ASK.expectations };
  const listed = subject.host.parts.find((part) => part.part === 'list:main' && part.state === 'read');
  return ruledOutBy(
    'helper-expectation',
    'no control connection of a helper joins the two hosts',
    [
      subject.cite.absence(
        listed,
        `no connection between ${subject.flow.src} and ${subject.flow.dst} on a port that has a helper`,
      ),
    ],
    ASK.listing,
  );
}

function remedies(subject: Case): readonly Remedy[] {
  const { rule, isPolicy } = subject.fate;
  if (rule === null) return [];
  const packet = firstPacket(subject).tuples[0] ?? subject.flow;
  const port = packet.dport === null ? '' : ` --dport ${packet.dport}`;
  const proto = packet.proto === 6 ? 'tcp' : packet.proto === 17 ? 'udp' : String(packet.proto);
  const what = isPolicy
    ? `add a rule that accepts it in ${rule.chain}, if it should pass`
    : `accept it ahead of ${ruleWords(rule)}, or narrow that rule, if it should pass`;
  return [
    {
      when: 'lasting',
      text: what,
      command: listedChain(subject.host.rules, rule, packet.src.includes(':')),
      undo: '',
      price: `look first: this only lists; then accept -p ${proto} -d ${packet.dst}${port}`,
    },
  ];
}

/** '--dport …' and what the packet had instead. */
function missWords({ hit, because }: MeantRule): string {
  return `${ruleWords(hit.rule)} does not match: ${because}`;
}

function meantWords(miss: MeantRule | null, later: MeantRule | null): string {
  if (miss !== null) return ` ${missWords(miss)} (${miss.hit.rule.text}).`;
  return later === null
    ? ''
    : ` ${ruleWords(later.hit.rule)} (${later.hit.rule.text}) would have accepted it, and stands behind.`;
}

/** How it came to that end: an earlier rule took it, the rule that was meant did not match, or nothing was meant for it. */
function endingOf(subject: Case, miss: MeantRule | null, later: MeantRule | null): Argument {
  const { fate } = subject;
  const packet = firstPacket(subject);
  if (miss !== null)
    return {
      id: 'never-matched',
      steps: [
        shown(missWords(miss), [miss.hit.evidence, citePacket(subject, packet, 0)]),
        shown(fate.isPolicy ? 'so the policy decided' : `so ${ruleWords(fate.rule!)} decided`, fate.evidence),
        inferred('it was meant for this packet: it is about the same service', [miss.hit.evidence], false),
      ],
      lookAlikes: [],
    };
  if (fate.isPolicy)
    return {
      id: 'policy-decided',
      steps: [shown('no rule matched, so the policy decided', fate.evidence)],
      lookAlikes: [],
    };
  return {
    id: 'ended-early',
    steps: [
      shown(`${ruleWords(fate.rule!)} matched it`, fate.evidence),
      ...(later === null
        ? []
        : [shown(`${ruleWords(later.hit.rule)} behind it would have accepted it`, [later.hit.evidence], false)]),
    ],
    lookAlikes: [],
  };
}

/** One story for whoever tries port after port, however many rules and states it meets. */
export function scanWords({ src, dst, ports, packets }: Probes, name: string): Pick<Verdict, ScanWords> {
  return {
    isNoise: true,
    story: `scan ${src} ${dst}`,
    title: `A port scan, dropped as it should be: ${src} tries ${ports} ports of ${dst}`,
    summary: `${src} tried ${ports} ports of ${dst} with ${packets} packets and got none of them past ${name}. Hosts on the Internet see this every hour. If ${src} is one of yours, ask what it looks for.`,
  };
}
type ScanWords = 'isNoise' | 'story' | 'title' | 'summary';

export const ruleDecided: Cause = {
  id: 'rule-decided',
  title: 'An ordinary rule or policy did it',
  needs: 'where the packet ended: a trace, or a LOG line with the ruleset it came from',
  decides: 'the path ends at a terminating rule or a policy although the packet was NEW or ESTABLISHED',
  looksLike: ['entry-gone', 'not-conntrack'],
  causes: ['ended-early', 'never-matched', 'policy-decided'],
  kernels: 'all',
  evidence: ['trace', 'kernel log', 'ruleset', 'counters'],
  argue(subject): Verdict | null {
    if (subject.outcome === 'INVALID' || subject.fate.fate !== 'dropped') return null;
    const { fate } = subject;
    const rule = fate.rule;
    // A prefix that speaks of dropping names no rule of a listing: rule-unlisted argues from its words.
    if (rule === null) return null;
    const packet = firstPacket(subject);
    // NEW for want of an entry, not by a record of it: why there was none is the story.
    if (subject.outcome === 'NEW' && packet.state === null && isMidstreamFlags(packet.flags)) return null;
    const name = rule === null ? 'a rule' : ruleWords(rule, fate.isPolicy);
    const steps: Step[] = [
      fate.is === 'shown'
        ? shown(`${name} ended it`, fate.evidence)
        : inferred(`${name} ends it, by the ruleset`, fate.evidence, true, ASK.trace),
      stateStep(subject),
    ];
    // NEW of UDP and ICMP can be the answer to a question whose entry has gone.
    const isQuestion = subject.flow.proto === 6 || firstPacket(subject).tuples[0]?.src === subject.flow.src;
    const lookAlikes: LookAlike[] = [
      ruledOutBy(
        'entry-gone',
        `the packet was ${packet.state ?? 'accepted by conntrack'}, not INVALID`,
        !isQuestion
          ? []
          : packet.stateIs === 'shown'
            ? [citePacket(subject, packet)]
            : [silenceOfLog(subject, firstPacket(subject))],
        ASK.logInvalid,
      ),
    ];
    if (packet.state === 'NEW') lookAlikes.push(notHelper(subject));
    const isLegacyTrace =
      packet.steps.some((step) => step.kind === 'trace') && !packet.steps.some((step) => step.kind === 'nft-trace');
    // On a host with both kinds of tables a legacy trace that ends may only have gone on among the others.
    if (isLegacyTrace && subject.host.rules.backend === 'nft')
      lookAlikes.push({ cause: 'an nft chain behind it', ruledOut: null, wouldSettle: ASK.trace });
    const what = packet.state === null ? 'packet' : `${packet.state} packet`;
    // A rule without conditions at the end of a chain is a policy by another name.
    const isCatchAll = fate.isPolicy || rule.conditions.length === 0;
    const miss = isCatchAll ? nearMiss(subject) : null;
    const later = takenBefore(subject);
    const probes = miss === null && later === null ? probesOf(subject) : null;
    if (probes !== null)
      return {
        ...scanWords(probes, name),
        class: 'rule-decided',
        argument: { id: 'rule-decided', steps, lookAlikes },
        led: endingOf(subject, miss, later),
        missing: [],
        remedies: [],
      };
    return {
      class: 'rule-decided',
      argument: { id: 'rule-decided', steps, lookAlikes },
      led: endingOf(subject, miss, later),
      title: `${fate.isPolicy ? 'A policy' : 'A rule'} ${stopWords(fate).stops} it, not conntrack: ${name}`,
      summary: `Conntrack is not at fault: the ${what} ${flowWords(subject.flow)} met ${name}${rule === null || fate.isPolicy ? '' : ` (${rule.text})`}${fate.isPolicy ? ', as no rule of the chain matched it' : ''}.${meantWords(miss, later)}`,
      proof: miss === null ? [] : proofLines('passed by', [shown(missWords(miss), [miss.hit.evidence])]),
      missing: [],
      remedies: remedies(subject),
    };
  },
};
