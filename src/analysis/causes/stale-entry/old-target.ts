// An entry sends its connection to a target that the rule of today does not name any more (a container that got another address): the
// rule is asked for new connections only (net/netfilter/nf_nat_core.c: nf_nat_inet_fn(), all versions).

import { emptyPacket } from '../../../model/packet.js';
import { type EntryWithEnds, readRedirectedElsewhere, readTranslatedSiblings } from '../../../store/stale-suspects.js';
import { protocolName } from '../../../text/protocols.js';
import { open, ruledOutBy, type Step, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import { storyLine, timeOfList } from '../../explain/host-measures.js';
import type { HostPicture } from '../../explain/host-picture.js';
import { flowOfEntry, type HostVerdict } from '../../explain/host-verdict.js';
import type { RuleHit } from '../../explain/rule-book.js';
import { matchRule } from '../../ruleset/match-rule.js';
import { NO_FACTS } from '../../ruleset/packet-facts.js';
import type { HostCause } from '../cause.js';
import { endWords, flowWords, ruleWords } from '../words.js';
import { STALE_WORDS } from './argue-stale.js';
import { refreshOf } from './of-tables.js';

/** A rule of today that sends such a packet to the sibling's target, where no rule speaks of the entry's own; NULL: none. */
function ruleOfToday({ host }: HostPicture, own: EntryWithEnds, sibling: EntryWithEnds): RuleHit | null {
  const speaksOf = (text: string, address: string) =>
    text
      .split(/[\s,=/]+/)
      .some((word) => word === address || word.startsWith(`${address}:`) || word === `[${address}]`);
  if (host.rules.find((rule) => speaksOf(rule.text, own.replySrc)).length > 0) return null;
  const packet = {
    ...emptyPacket(),
    family: own.src.includes(':') ? ('ip6' as const) : ('ip' as const),
    proto: own.proto,
    src: own.src,
    sport: own.sport,
    dst: own.dst,
    dport: own.dport,
  };
  return (
    host.rules.find(
      (rule, chain) =>
        rule.verdict === 'NAT' &&
        speaksOf(rule.text, sibling.replySrc) &&
        rule.conditions.some(({ field }) => field === 'dport' || field === 'dst') &&
        matchRule(rule, packet, { ...NO_FACTS, ctstate: 'NEW', hook: chain.hook, priority: chain.priority }).result !==
          'no-match',
    )[0] ?? null
  );
}

function verdictOf(picture: HostPicture, own: EntryWithEnds, sibling: EntryWithEnds, rule: RuleHit): HostVerdict {
  const cite = (row: EntryWithEnds) => picture.cite.entry(row, timeOfList(picture, row.snapshotId));
  const name = flowWords({ ...own, extra: null });
  const refresh = refreshOf(picture, own);
  const steps: Step[] = [
    shown(`its entry sends it to ${endWords(own.replySrc, own.replySport)}, and nobody has answered`, [cite(own)]),
    shown(
      `the rule of today sends such packets to ${sibling.replySrc}: ${ruleWords(rule.rule)}; none names ${own.replySrc}`,
      [rule.evidence],
    ),
    shown(`a newer connection to there goes to ${endWords(sibling.replySrc, sibling.replySport)}`, [cite(sibling)]),
    refresh === null
      ? open('that packets go on refreshing it', false, ASK.listingTwice)
      : shown(refresh.says, refresh.evidence, false),
  ];
  const ports = own.sport === null || own.dport === null ? '' : ` --sport ${own.sport} --dport ${own.dport}`;
  const proto = protocolName(own.proto);
  return {
    class: 'stale-entry',
    argument: {
      id: 'stale-entry',
      steps,
      lookAlikes: [
        ruledOutBy('rule-decided', `no rule of today names ${own.replySrc}`, [rule.evidence], ASK.ruleset),
        { cause: 'not-conntrack', ruledOut: null, wouldSettle: ASK.capture },
      ],
    },
    led: null,
    title: `An old entry sends ${name} to a target of the past`,
    summary: `NAT rules are asked for the first packet of an entry only. This one goes to ${endWords(own.replySrc, own.replySport)}, where the rule sent it when the entry was made; ${ruleWords(rule.rule)} names ${sibling.replySrc} today, and newer connections go there. Every packet of the sender keeps the old entry: with a fixed source port it never ends.`,
    missing: [],
    remedies: [
      {
        when: 'now',
        text: 'delete exactly this entry: the next packet makes a new one by the rules of today',
        command: `conntrack -D -p ${proto} -s ${own.src} -d ${own.dst}${ports}`,
        undo: '',
        price: 'what is answered between the two packets is lost; nothing else',
      },
      {
        when: 'lasting',
        text: 'delete the entries of a target whenever its address changes',
        command: `conntrack -L -p ${proto} --reply-src ${own.replySrc}`,
        undo: '',
        price: 'looks only: these still go to the old address; conntrack -D with the same words deletes them',
      },
    ],
    about: {
      outcome: 'OTHER',
      fate: 'unknown',
      flow: flowOfEntry(own),
      tupleIds: [own.tupleId, own.replyTupleId],
      flowText: name,
      packetText: '1 entry',
      flows: 1,
      count: 0,
      firstAtUs: null,
      lastAtUs: null,
      reason: null,
      story: [
        storyLine('entry', `${name} goes to ${endWords(own.replySrc, own.replySport)}`, [cite(own)]),
        storyLine('others', `${flowWords({ ...sibling, extra: null })} goes to ${sibling.replySrc}`, [cite(sibling)]),
        storyLine('rule', `${ruleWords(rule.rule)}: ${rule.rule.text}`, [rule.evidence]),
        ...(refresh === null ? [] : [storyLine('refreshed', refresh.says, refresh.evidence)]),
      ],
      notices: [],
    },
  };
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  if (!picture.host.rules.hasRules) return [];
  const told = new Set<number>();
  return picture.read(readRedirectedElsewhere).flatMap((own): readonly HostVerdict[] => {
    if (told.has(own.tupleId)) return [];
    told.add(own.tupleId);
    const siblings = picture.read((db, hostId) => readTranslatedSiblings(db, hostId, own));
    for (const sibling of siblings) {
      if (sibling.replySrc === own.replySrc || sibling.replySrc === sibling.dst) continue;
      const rule = ruleOfToday(picture, own, sibling);
      if (rule !== null) return [verdictOf(picture, own, sibling, rule)];
    }
    return [];
  });
}

export const staleTarget: HostCause = {
  ...STALE_WORDS,
  title: 'An old entry keeps a connection at a target of the past',
  needs: 'the entry, a newer one to the same destination, and the rules',
  decides:
    'it is not answered and goes to a target that no rule names, while the rule of today and newer connections go to another; packets go on refreshing it',
  argue,
};
