// A NOTRACK rule keeps questions from the tracker, and their answers make entries of their own that nobody ever answers: told by a listing
// and the rules. one-sided.ts tells it of packets.

import { emptyPacket } from '../../../model/packet.js';
import type { EntryWithEnds } from '../../../store/stale-suspects.js';
import { readUnanswered } from '../../../store/stale-suspects.js';
import { inferred, ruledOutBy, type Step, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import { storyLine, timeOfList } from '../../explain/host-measures.js';
import type { HostPicture } from '../../explain/host-picture.js';
import { flowOfEntry, type HostVerdict } from '../../explain/host-verdict.js';
import type { RuleHit } from '../../explain/rule-book.js';
import { ruleBehind } from '../../explain/rule-commands.js';
import { isUntracking } from '../../explain/untracked-rules.js';
import { matchRule } from '../../ruleset/match-rule.js';
import { NO_FACTS } from '../../ruleset/packet-facts.js';
import type { HostCause } from '../cause.js';
import { endWords, ruleWords } from '../words.js';

const LOOKED_AT = 500;
/** Fewer are questions that were lost. */
const SOME = 3;
const CITED = 5;

type Ends = Pick<EntryWithEnds, 'proto' | 'src' | 'sport' | 'dst' | 'dport'>;

/** Rules that keep packets of this direction from the tracker, as far as nobody knows their interfaces. */
function hiding(rules: readonly RuleHit[], { proto, src, sport, dst, dport }: Ends): readonly RuleHit[] {
  const family = src.includes(':') ? ('ip6' as const) : ('ip' as const);
  const packet = { ...emptyPacket(), family, proto, src, sport, dst, dport };
  return rules.filter(({ rule, chain }) => {
    const facts = { ...NO_FACTS, hook: chain.hook, priority: chain.priority };
    return matchRule(rule, packet, facts).result !== 'no-match';
  });
}

interface Service {
  readonly entries: readonly EntryWithEnds[];
  readonly rule: RuleHit;
  /** A rule for the answers that has met none of them: it asks for something they do not have. */
  readonly idle: RuleHit | null;
}

function serviceOf(rules: readonly RuleHit[], entries: readonly EntryWithEnds[]): Service | null {
  const own = entries[0]!;
  const turned = { proto: own.proto, src: own.dst, sport: own.dport, dst: own.src, dport: own.sport };
  // It must ask for what distinguishes this traffic, or it would hide everything.
  const rule = hiding(rules, turned).find((one) =>
    one.rule.conditions.some(({ field }) => ['dport', 'dst'].includes(field)),
  );
  const forAnswers = hiding(rules, own);
  // Answers that a rule does hide made no entries: these are something else.
  if (rule === undefined || forAnswers.some((one) => one.rule.packets !== 0)) return null;
  return { entries, rule, idle: forAnswers[0] ?? null };
}

/** The service with the most answers that made entries; NULL: none. */
function servicesOf(picture: HostPicture): Service | null {
  const rules = picture.host.rules.find(isUntracking);
  if (rules.length === 0) return null;
  const open = picture.read((db, hostId) => readUnanswered(db, hostId, LOOKED_AT));
  const groups = new Map<string, EntryWithEnds[]>();
  for (const entry of open) {
    if (entry.replySrc !== entry.dst || entry.replyDst !== entry.src || entry.sport === null) continue;
    const key = `${entry.proto} ${entry.src} ${entry.sport}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(entry);
  }
  const found = [...groups.values()]
    .filter((entries) => new Set(entries.map((one) => one.tupleId)).size >= SOME)
    .sort((a, b) => b.length - a.length)
    .map((entries) => serviceOf(rules, entries))
    .filter((one) => one !== null);
  return found[0] ?? null;
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const service = servicesOf(picture);
  if (service === null) return [];
  const { entries, rule, idle } = service;
  const first = entries[0]!;
  const cited = entries.slice(0, CITED).map((one) => picture.cite.entry(one, timeOfList(picture, one.snapshotId)));
  const from = endWords(first.src, first.sport);
  const met = rule.rule.packets ?? 0;
  const steps: Step[] = [
    shown(`${entries.length} entries begin at ${from}, and none is answered`, cited),
    inferred('each was made by an answer whose question the table never saw', cited, false, ASK.capture),
    met > 0
      ? shown(`${ruleWords(rule.rule)} keeps the questions from the tracker, and has met ${met} packets`, [
          rule.evidence,
        ])
      : inferred(
          `${ruleWords(rule.rule)} keeps the questions from the tracker`,
          [rule.evidence],
          true,
          ASK.rulesetTwice,
        ),
    ...(idle === null
      ? [inferred('no rule keeps the answers from it', cited, false, ASK.ruleset)]
      : [
          shown(
            `${ruleWords(idle.rule)} is there for the other direction and has met no packet`,
            [idle.evidence],
            false,
          ),
        ]),
  ];
  const isSix = first.src.includes(':');
  const proto = first.proto === 17 ? 'udp' : 'tcp';
  const place = { family: rule.rule.family, table: rule.rule.table, chain: 'OUTPUT' } as const;
  return [
    {
      class: 'untrackable',
      argument: {
        id: 'untrackable',
        steps,
        lookAlikes: [
          ruledOutBy(
            'asymmetric-syn-unseen',
            'the questions do come by here: a rule counts them',
            met > 0 ? [rule.evidence] : [],
            ASK.capture,
          ),
        ],
      },
      led: { id: 'one-sided-notrack', steps: steps.slice(1, 3), lookAlikes: [] },
      title: `NOTRACK one way only: answers of ${from} fill the table`,
      summary: `${ruleWords(rule.rule)} leaves the questions to ${from} untracked; the answers are tracked, each as the first packet of a connection that is never answered.${idle === null ? '' : ` ${ruleWords(idle.rule)} has met no packet: what it asks for (${idle.rule.text}) the answers do not have.`}`,
      missing: [],
      remedies: [
        {
          when: 'lasting',
          text: 'leave the answers untracked, too, whatever interface they leave by (or delete the rule, and track both)',
          ...ruleBehind(picture.host.rules, place, isSix, {
            iptables: `-p ${proto} -s ${first.src} --sport ${first.sport} -j CT --notrack`,
            nft: `${isSix ? 'ip6' : 'ip'} saddr ${first.src} ${proto} sport ${first.sport} notrack`,
          }),
          price: 'no NAT and no stateful rule for either direction: both need rules that accept them',
        },
      ],
      about: {
        outcome: 'OTHER',
        fate: 'unknown',
        flow: flowOfEntry(first),
        tupleIds: entries.flatMap((one) => [one.tupleId, one.replyTupleId]),
        flowText: `${entries.length} connections that begin at ${from}`,
        packetText: `${entries.length} entries`,
        flows: entries.length,
        count: 0,
        firstAtUs: null,
        lastAtUs: null,
        reason: null,
        story: [
          storyLine(
            'entries',
            `${from} to ${new Set(entries.map((one) => one.dst)).size} addresses, none answered`,
            cited,
          ),
          storyLine('rule', `${ruleWords(rule.rule)}: ${rule.rule.text}`, [rule.evidence]),
          ...(idle === null ? [] : [storyLine('idle', `${ruleWords(idle.rule)}: ${idle.rule.text}`, [idle.evidence])]),
        ],
        notices: [],
      },
    },
  ];
}

export const oneSidedByTables: HostCause = {
  id: 'untrackable',
  title: 'NOTRACK in one direction only, told by a listing',
  needs: 'the rules with their counters, and a listing',
  decides:
    'unanswered entries that begin at a port of a service, and a rule that keeps the reverse of them from the tracker; a rule for the other direction that has met nothing',
  looksLike: ['asymmetric-syn-unseen'],
  causes: ['one-sided-notrack'],
  kernels: 'all',
  evidence: ['ruleset', 'entries', 'counters'],
  argue,
};
