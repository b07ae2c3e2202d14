// A rule that no listing here holds ended the packet: a trace shows it in its own words, or the prefix of a LOG line speaks of dropping.

import { prefixMeaning, ruleOfTool } from '../../catalogue/log-prefixes.js';
import { isFirstSyn } from '../../model/syn.js';
import type { PathStep } from '../../store/case-reader.js';
import { isInPrefix } from '../../text/address.js';
import { inferred, type LookAlike, open, ruledOutBy, type Step, shown, type Verdict } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { probesOf } from '../explain/crowd.js';
import { citePacket, firstPacket } from '../explain/flow-facts.js';
import { roadOf } from '../explain/segment-facts.js';
import type { Cause } from './cause.js';
import { scanWords } from './rule-decided.js';
import { flowWords } from './words.js';

/** ICMP and ICMPv6 types that nobody has asked for: echo request, router and neighbour discovery, listener reports (IANA parameters). */
const UNASKED: Readonly<Record<number, readonly number[]>> = {
  1: [8, 9, 10, 13, 15, 17],
  58: [128, 130, 131, 132, 133, 134, 135, 136, 137, 143],
};

/** A packet that may open something: one that answers or closes is stopped for what the table does not know, not for a rule about it. */
function isQuestion(packet: SeenPacket, proto: number): boolean {
  // Of a line that breaks off before its protocol nobody can tell.
  if (proto < 0) return false;
  if (proto === 6) return isFirstSyn(packet.flags);
  const types = UNASKED[proto];
  if (types === undefined) return true;
  const type = /\btype=(\d+)/.exec(packet.tuples[0]?.extra ?? '')?.[1];
  return type !== undefined && types.includes(Number(type));
}

/** Goes to every host that listens: nobody's answer, and nobody waits for one. */
function isForMany(address: string): boolean {
  return address === '255.255.255.255' || isInPrefix(address, address.includes(':') ? 'ff00::/8' : '224.0.0.0/4');
}

/** 'inet filter input: tcp dport 23 drop', 'the policy of inet filter input'. */
function namedBy(step: PathStep): string {
  const where = [step.family, step.table, step.chain].filter((word) => word !== null).join(' ');
  if (step.ruleKind === 'policy') return `the policy of ${where}`;
  return step.ruleText === null ? `a rule of ${where}` : `a rule of ${where} (${step.ruleText})`;
}

interface Ended {
  readonly name: string;
  readonly step: Step;
  /** What tells stories of one rule from those of another. */
  readonly story: string;
  readonly rejects: boolean;
  readonly isTraced: boolean;
}

function byTrace(subject: Case, packet: SeenPacket): Ended | null {
  if (subject.fate.is !== 'shown') return null;
  const step = packet.steps.findLast(
    (one) =>
      one.kind === 'nft-trace' &&
      (one.ruleKind === 'rule' || one.ruleKind === 'policy') &&
      /^(drop|reject)/i.test(one.verdict ?? ''),
  );
  if (step === undefined) return null;
  // A rule about INVALID among other states tells no state, and stops the packet for it all the same.
  if (/\bct state\b[^)]*\binvalid\b/.test(step.ruleText ?? '')) return null;
  const name = namedBy(step);
  return {
    name,
    step: shown(`${name} ended it`, subject.fate.evidence),
    story: name,
    rejects: /^reject\b| reject\b/.test(step.ruleText ?? ''),
    isTraced: true,
  };
}

function byPrefix(subject: Case, packet: SeenPacket): Ended | null {
  if (!subject.packets.every((one) => isQuestion(one, subject.flow.proto))) return null;
  const at = packet.steps.findIndex(
    ({ kind, prefix }) => (kind === 'log' || kind === 'nflog') && prefixMeaning(prefix ?? '').fate === 'dropped',
  );
  const prefix = packet.steps[at]?.prefix?.trim();
  if (prefix === undefined) return null;
  const name = `the rule that prints "${prefix}"`;
  return {
    name,
    step: inferred(`${name} ends it, by its words`, [citePacket(subject, packet, at)], true, ASK.ruleset),
    story: prefix,
    rejects: /reject/i.test(prefix),
    isTraced: false,
  };
}

/** A datagram from a service to a high port may be an answer that nobody remembers. */
function lateAnswer(subject: Case, packet: SeenPacket): LookAlike | null {
  const { proto } = subject.flow;
  const tuple = packet.tuples[0];
  if (proto === 6 || proto === 1 || proto === 58 || tuple === undefined) return null;
  return ruledOutBy(
    'entry-gone',
    'it goes to many hosts: no answer goes there',
    isForMany(tuple.dst) ? [citePacket(subject, packet)] : [],
    ASK.listing,
  );
}

function titleOf({ name, rejects }: Ended): string {
  const stops = rejects ? 'rejects' : 'drops';
  if (name.startsWith('the policy')) return `A policy ${stops} it: ${name}`;
  return `A rule ${stops} it: ${name.replace(/^the rule that/, 'the one that').replace(/^a rule of/, 'in')}`;
}

function summaryOf(subject: Case, packet: SeenPacket, { name, isTraced, rejects }: Ended): string {
  const stops = rejects ? 'rejects' : 'drops';
  if (isTraced)
    return `The trace ends at ${name}, which ${stops} ${flowWords(packet.tuples[0] ?? subject.flow)}. Nothing says that conntrack refused it.`;
  const tool = ruleOfTool(packet.steps.map(({ prefix }) => prefix ?? '').find((prefix) => prefix !== '') ?? '');
  const why =
    subject.flow.proto === 6
      ? 'A first SYN is NEW for conntrack: a rule has to let it pass, and none did.'
      : 'It opens something, or its entry had gone: either way a rule had to let it pass, and none did.';
  return `By its words ${name} ${stops} it${tool === null ? '' : ` (${tool})`}. ${why} Which rule that is, and which stand ahead of it, the ruleset tells.`;
}

export const ruleUnlisted: Cause = {
  id: 'rule-decided',
  title: 'An ordinary rule or policy did it',
  needs: 'a trace that ends in a drop, or a LOG line whose prefix speaks of dropping, without the ruleset',
  decides: 'the packet opens a connection, and the line names a rule that stops it',
  looksLike: ['entry-gone'],
  causes: [],
  kernels: 'all',
  evidence: ['trace', 'kernel log'],
  argue(subject): Verdict | null {
    const { outcome, fate } = subject;
    if (outcome === 'INVALID' || fate.fate !== 'dropped' || fate.rule !== null || subject.reason?.by === 'message')
      return null;
    const packet = firstPacket(subject);
    const ended = byTrace(subject, packet) ?? byPrefix(subject, packet);
    if (ended === null) return null;
    const dst = packet.tuples[0]?.dst ?? '';
    const isNoise = isForMany(dst) && roadOf(packet).inIf !== null;
    const state =
      packet.stateIs === 'shown'
        ? shown(`conntrack was content with it: ${packet.state}`, [citePacket(subject, packet)])
        : open('the state conntrack gave it', false, ASK.ruleset);
    const late = ended.isTraced ? null : lateAnswer(subject, packet);
    const probes = probesOf(subject);
    return {
      class: 'rule-decided',
      argument: { id: 'rule-decided', steps: [ended.step, state], lookAlikes: late === null ? [] : [late] },
      led: null,
      story: `rule ${ended.story}${isNoise ? ' to many' : ''}`,
      isNoise,
      title: titleOf(ended),
      summary: summaryOf(subject, packet, ended),
      missing: [],
      remedies: [],
      ...(probes === null ? {} : scanWords(probes, ended.name)),
    };
  },
};
