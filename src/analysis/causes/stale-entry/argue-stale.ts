// The argument that an entry is older than the rule that should translate its connection, whoever tells of the entry.

import type { EvidenceItem, StoryLine } from '../../../model/finding.js';
import { protocolName } from '../../../text/protocols.js';
import { inferred, type LookAlike, open, ruledOutBy, type Step, shown, type Verdict } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import { storyLine } from '../../explain/host-measures.js';
import type { RuleHit } from '../../explain/rule-book.js';
import type { HostCause } from '../cause.js';
import { endWords, flowWords, ruleWords } from '../words.js';

export const STALE_WORDS: Omit<HostCause, 'argue'> = {
  id: 'stale-entry',
  title: 'An old entry beats the rules of today',
  needs: 'the entry of the connection, and others to the same destination or the ruleset',
  decides:
    'it is not answered and not translated, while others to the same destination are, or a rule of today would translate it; packets go on refreshing it',
  looksLike: ['rule-decided', 'not-conntrack'],
  causes: [],
  kernels:
    'all; since 5.14 a repeated SYN does not refresh its entry any more, so a TCP entry goes by itself; UDP entries stay',
  evidence: ['entries', 'ruleset', 'packets'],
};

interface Ends {
  readonly proto: number;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
  readonly replySrc: string;
  readonly replyDst: string;
}

export interface Refresh {
  readonly says: string;
  readonly evidence: readonly EvidenceItem[];
}

export interface StaleSigns {
  readonly own: Ends;
  readonly ownEvidence: readonly EvidenceItem[];
  /** Others to the same destination that are translated. */
  readonly siblings: readonly (Ends & {
    readonly evidence: EvidenceItem | null;
    /** One listing shows both: it is not that the rule went away between them. */
    readonly isBeside: boolean;
  })[];
  /** A rule of today that would translate it. */
  readonly rule: RuleHit | null;
  /** Whether the connection passes that rule's hook at all: known, or taken to be so. */
  readonly isOnItsWay: boolean;
  readonly refresh: Refresh | null;
  /** Of how many entries this one was picked; NULL: it was not, or nobody knows. */
  readonly pickedFrom: number | null;
}

/** 'to 198.51.100.7', 'as 192.0.2.1'; empty for none. */
export function translationWords(ends: Ends): string {
  const to = ends.replySrc === ends.dst ? '' : `to ${ends.replySrc}`;
  const from = ends.replyDst === ends.src ? '' : `as ${ends.replyDst}`;
  return `${to} ${from}`.trim();
}

function lookAlikes({ siblings, own, rule: found, isOnItsWay }: StaleSigns): readonly LookAlike[] {
  const same = siblings.filter((one) => one.src === own.src && one.isBeside);
  const rule = isOnItsWay ? found : null;
  return [
    ruledOutBy(
      'rule-decided',
      rule !== null
        ? `the rule is there and matches: ${ruleWords(rule.rule)}`
        : `another connection of ${own.src} to there is translated, so no rule leaves this source out`,
      rule !== null ? [rule.evidence] : same.slice(0, 1).map((one) => one.evidence),
      ASK.ruleset,
    ),
  ];
}

function deletion({ own }: StaleSigns): string {
  const ports = own.sport === null || own.dport === null ? '' : ` --sport ${own.sport} --dport ${own.dport}`;
  return `conntrack -D -p ${protocolName(own.proto)} -s ${own.src} -d ${own.dst}${ports}`;
}

/** The verdict for one entry, with the lines of its story. */
export function argueStale(signs: StaleSigns): { readonly verdict: Verdict; readonly story: readonly StoryLine[] } {
  const { own, ownEvidence, siblings, rule, refresh, pickedFrom } = signs;
  const same = siblings.filter((one) => one.src === own.src);
  const example = same[0] ?? siblings[0];
  const target = `${protocolName(own.proto)} ${endWords(own.dst, own.dport)}`;
  const steps: Step[] = [shown('its entry is not translated, and nobody has answered', ownEvidence)];
  if (example !== undefined)
    steps.push(
      same.length > 0
        ? shown(`another connection of the same source to ${target} is translated (${translationWords(example)})`, [
            example.evidence,
          ])
        : inferred(
            `connections of others to ${target} are translated (${translationWords(example)})`,
            [example.evidence],
            true,
            ASK.ruleset,
          ),
    );
  if (rule !== null) {
    const says = `a rule of today would translate it: ${ruleWords(rule.rule)}`;
    steps.push(
      signs.isOnItsWay
        ? shown(says, [rule.evidence])
        : inferred(
            `${says}, if it does not come from this host itself`,
            [rule.evidence],
            same.length === 0,
            ASK.addressesAndLinks,
          ),
    );
  }
  if (example === undefined && rule === null)
    steps.push(
      inferred(
        pickedFrom === null
          ? 'a rule of today may translate such connections'
          : `of ${pickedFrom} entries this one was picked out as wrong`,
        ownEvidence,
        true,
        ASK.ruleset,
      ),
    );
  steps.push(
    refresh === null
      ? open('that packets go on refreshing it', false, ASK.listingTwice)
      : shown(refresh.says, refresh.evidence, false),
  );
  const story = [
    storyLine(
      'entry',
      `${flowWords({ ...own, extra: null })}: answers would come from ${own.replySrc} straight to ${own.replyDst}`,
      ownEvidence,
    ),
    ...siblings
      .slice(0, 2)
      .map((one, index) =>
        storyLine(
          index === 0 ? 'others' : '',
          `${flowWords({ ...one, extra: null })} is translated ${translationWords(one)}`,
          [one.evidence],
        ),
      ),
    ...(rule === null ? [] : [storyLine('rule', `${ruleWords(rule.rule)}: ${rule.rule.text}`, [rule.evidence])]),
    ...(refresh === null ? [] : [storyLine('refreshed', refresh.says, refresh.evidence)]),
  ];
  // Neither a neighbour that is translated nor a rule that would do it was seen.
  const isBare = example === undefined && rule === null;
  return {
    story,
    verdict: {
      class: 'stale-entry',
      argument: { id: 'stale-entry', steps, lookAlikes: lookAlikes(signs) },
      led: null,
      title: isBare
        ? `An entry that may be older than a NAT rule: ${flowWords({ ...own, extra: null })}`
        : `An old entry keeps ${flowWords({ ...own, extra: null })} untranslated`,
      summary: `NAT rules are asked for the first packet of an entry only. This entry is not translated${example === undefined ? '' : `, while ${same.length > 0 ? 'another connection of the same source' : 'others'} to ${target} ${same.length > 0 ? 'is' : 'are'} translated (${translationWords(example)})`}${rule === null ? '' : `, though ${ruleWords(rule.rule)} would translate it now`}: ${isBare ? 'if a rule should translate it, the entry is older than that rule' : 'it is older than the rule'}, and every packet of the sender keeps it.`,
      missing: [],
      remedies: [
        {
          when: 'now',
          text: 'delete exactly this entry: the next packet makes a new one by the rules of today',
          command: deletion(signs),
          undo: '',
          price: 'what is answered between the two packets is lost; nothing else',
        },
        {
          when: 'lasting',
          text: 'delete such entries whenever the rule changes, or refuse the packets while there is no rule, so that no entry is made',
          command: `conntrack -E -e NEW -p ${protocolName(own.proto)} -d ${own.dst}`,
          undo: '',
          price: 'none, it only watches',
        },
      ],
    },
  };
}
