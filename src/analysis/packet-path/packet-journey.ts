// The answer of `ctwhy path --packet`: every end, step by step, with what was taken for granted and what the rules alone cannot tell.

import type { JourneyRow, JourneyWay, PacketJourney } from '../../model/journey.js';
import type { Rule, Ruleset } from '../../model/ruleset.js';
import { endWords, ruleWords } from '../causes/words.js';
import { walkRows } from '../journey/walk-rows.js';
import { findExpected } from '../ruleset/find-rules.js';
import type { WalkStep } from '../ruleset/walk.js';
import type { DescribedPacket } from './described-packet.js';
import type { Outcome } from './every-way.js';
import { endedBy, fateOf } from './packet-end.js';
import { expectationOfPacket } from './packet-expectation.js';
import { type HostAddresses, type PacketWalk, packetWays } from './packet-ways.js';

export interface PacketQuestion {
  readonly described: DescribedPacket;
  readonly rulesets: readonly Ruleset[];
  /** NULL: nothing tells the addresses of the host. */
  readonly addresses: HostAddresses | null;
  /** The host's forwarding switch for the packet's family; NULL: not told. */
  readonly isForwarding: boolean | null;
  /** Where a rule is written, 'iptables-save.txt:8'; '' where nothing tells. */
  readonly placeOf: (rule: Rule) => string;
  readonly expect: string | null;
}

function translationOf(walk: PacketWalk, { packet }: DescribedPacket): string | null {
  const after = walk.packet;
  const parts = [
    after.dst !== packet.dst || after.dport !== packet.dport
      ? `destination becomes ${endWords(after.dst ?? 'an address the rule does not fix', after.dport)}`
      : null,
    after.src !== packet.src || after.sport !== packet.sport
      ? `source becomes ${endWords(after.src ?? 'an address the rule does not fix', after.sport)}`
      : null,
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join(', ');
}

function rowsOf(walk: PacketWalk, question: PacketQuestion, wanted: ReadonlySet<Rule>): readonly JourneyRow[] {
  const row = (place: string): Omit<JourneyRow, 'hook'> => ({
    place,
    result: '',
    how: '',
    detail: [],
    kind: 'step',
    raw: [],
  });
  const isArriving = walk.path === 'input' || walk.path === 'forward';
  return walkRows(walk, {
    wanted,
    conntrack: row(walk.state),
    routing: isArriving ? row(walk.path === 'input' ? 'to this host' : 'to be forwarded') : null,
    how: (step: WalkStep) =>
      step.isTaken ? `if ${step.because}` : step.rule === null ? '' : question.placeOf(step.rule),
  });
}

function wayOf({ when, way }: Outcome<PacketWalk>, question: PacketQuestion, wanted: ReadonlySet<Rule>): JourneyWay {
  const { walk } = way;
  return {
    when: when.map(({ choice, ways }) => ({
      rule: choice.rule === null ? null : ruleWords(choice.rule),
      because: choice.because,
      is: ways.map((at) => choice.ways[at] ?? ''),
    })),
    state: walk.state,
    fate: fateOf(walk),
    endedBy: endedBy(walk, question.rulesets),
    rows: rowsOf(walk, question, wanted),
    translation: translationOf(walk, question.described),
  };
}

function takenFor({ described }: PacketQuestion, walks: readonly PacketWalk[]): readonly string[] {
  const { packet, facts } = described;
  const asksMark = walks.some((walk) =>
    walk.steps.some(({ rule }) => rule?.conditions.some(({ field }) => field === 'mark') === true),
  );
  const isMarkTold = packet.mark !== null || facts.given.some(({ field }) => field === 'mark');
  const comesIn = walks.some(({ path }) => path === 'input' || path === 'forward');
  return [
    ...(described.isFamilyAssumed ? ['IPv4, as iptables means it (-6 for IPv6)'] : []),
    ...(asksMark && !isMarkTold && comesIn ? ['it arrives without a mark (--mark)'] : []),
  ];
}

function notesFor(question: PacketQuestion, walks: readonly PacketWalk[], isCut: boolean): readonly string[] {
  const doubts = [...new Set(walks.flatMap((walk) => walk.doubts))];
  const isForwarded = walks.some((walk) => walk.path === 'forward' && walk.end.hook !== 'PREROUTING');
  const isOldEntry = walks.some(({ state }) => state === 'ESTABLISHED' || state === 'RELATED');
  const translates = question.rulesets.some(({ chains }) =>
    chains.some(({ type, rules }) => type === 'nat' && rules.length > 0),
  );
  return [
    ...(doubts.length === 0 ? [] : [`Not certain: ${doubts.slice(0, 4).join('; ')}.`]),
    ...(isCut ? ['There are more ways than are told here: say more of the packet.'] : []),
    ...(isForwarded && question.isForwarding === false
      ? [
          'Forwarding is off on this host (unless for this interface alone): routing then drops what is not for it, before FORWARD is asked.',
        ]
      : []),
    ...(isOldEntry && translates
      ? [
          'Whether the entry of an ESTABLISHED or RELATED packet is translated is not told: nat rules are not asked for it.',
        ]
      : []),
  ];
}

/** Works the packet through the rules, every way that what is told leaves open. */
export function packetJourney(question: PacketQuestion): PacketJourney {
  const { outcomes, isCut } = packetWays(question.described, question.rulesets, question.addresses);
  const walks = outcomes.map(({ way }) => way.walk);
  const expected = question.expect === null ? null : findExpected(question.rulesets, question.expect);
  const wanted = new Set(
    expected === null || expected.is === 'socket' || expected.is === 'state' ? [] : expected.rules,
  );
  return {
    ways: outcomes.map((outcome) => wayOf(outcome, question, wanted)),
    taken: takenFor(question, walks),
    notes: notesFor(question, walks, isCut),
    expectation:
      expected === null ? [] : expectationOfPacket(expected, question.expect ?? '', outcomes, question.rulesets),
  };
}
